/* formats/keras/layers/recurrent_loop.c - many steps as a WHILE: its body takes some steps out of
 * the input and runs them written out. docs/adr/0004 says why, and from how many steps on.
 * Depends: layers/recurrent_run, formats/keras/build.  Used by: layers/recurrent_run.
 * Holds:   (1) values go round in one order: the next step's number, the input, its mask, states,
 *          the last result, all results;  (2) weights are constants of the body.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/layers/recurrent_run.h"

#include "formats/keras/build.h"

#include <string.h>

/* Steps of a body: the longer, the fewer copies of what goes round, and the larger the file. */
enum { MOST_IN_HAND = 8, MAX_VALUES = MWI_KERAS_MAX_STATES + 5 };

typedef struct loop {
    mwi_graph *main, *body, *cond;
    int32_t body_index, cond_index;
    size_t n;
    int32_t outer[MAX_VALUES]; /* in the main graph: first values, then results */
    int32_t inner[MAX_VALUES]; /* in the body: before its steps */
    int32_t next[MAX_VALUES];  /* and after them */
    bool open;                 /* the batch */
} loop;

/* What belongs to one graph while it is built. */
typedef struct place {
    mwi_graph *graph;
    int32_t *mask;
    size_t mask_capacity, n_masks;
} place;

static place enter(mwi_keras_build *b, mwi_graph *graph)
{
    const place before = {b->graph, b->mask, b->mask_capacity, b->n_masks};

    b->graph = graph;
    b->mask = NULL;
    b->mask_capacity = b->n_masks = b->n_recent = 0;
    return before;
}

static void leave(mwi_keras_build *b, place before)
{
    b->graph = before.graph;
    b->mask = before.mask;
    b->mask_capacity = before.mask_capacity;
    b->n_masks = before.n_masks;
    b->n_recent = 0;
}

static mw_status add_graph(mwi_keras_call *c, const char *what, mwi_graph **out, int32_t *out_index)
{
    const char *name;

    MWI_TRY(mwi_arena_printf(c->ctx, c->build->scratch, &name, "%s/%s", c->scope, what));
    MWI_TRY(mwi_model_add_graph(c->ctx, c->build->model, name, out));
    *out_index = (int32_t)c->build->model->n_graphs - 1;
    return MW_OK;
}

/* A value like another one, perhaps of another graph. */
static mw_status add_like(mwi_keras_call *c, mwi_graph *g, const mwi_tensor *like, int32_t *out)
{
    MWI_TRY(mwi_graph_add_value(c->ctx, c->build->model, g, like->name, like->dtype, like->rank,
                                like->dims, out));
    memcpy(g->tensors[*out]->signature, like->signature, sizeof like->signature);
    return MW_OK;
}

/* ---- first values ---- */

/* [batch, dims[1], ...] as the shape that FILL takes. */
static mw_status shape_of(mwi_keras_call *c, const loop *l, int32_t rank, const int32_t *dims,
                          int32_t *out)
{
    const mwi_keras_attr attrs[] = {{"axis", 0}, {NULL, 0}};
    const mwi_keras_attr of_ints[] = {{"out_type", MW_INT32}, {NULL, 0}};
    int32_t all, part[2];

    if (!l->open) return mwi_keras_i32s(c, (size_t)rank, dims, out);
    MWI_TRY(mwi_keras_op(c, "SHAPE", 1, &l->outer[1], of_ints, &all));
    MWI_TRY(mwi_keras_slice(c, all, (const int32_t[]){0}, (const int32_t[]){1}, &part[0]));
    mwi_tensor *const batch = l->main->tensors[part[0]];
    batch->signature[0] = 1; /* a vector of one, not a sample */
    MWI_TRY(mwi_keras_i32s(c, (size_t)rank - 1, dims + 1, &part[1]));
    return mwi_keras_op(c, "CONCATENATION", 2, part, attrs, out);
}

/* Zeros that take no room in the file. Their shape may be known at run alone, so it is said here.
 */
static mw_status zeros(mwi_keras_call *c, const loop *l, int32_t rank, const int32_t *dims,
                       int32_t *out)
{
    mwi_keras_build *const b = c->build;
    const char *name;
    int32_t in[2];
    mwi_op *op;

    MWI_TRY(shape_of(c, l, rank, dims, &in[0]));
    MWI_TRY(mwi_keras_scalar(c, 0, &in[1]));
    MWI_TRY(mwi_arena_printf(c->ctx, b->scratch, &name, "%s/zeros_%u", c->scope, c->n_ops++));
    MWI_TRY(mwi_graph_add_value(c->ctx, b->model, l->main, name, MW_FLOAT32, rank, dims, out));
    if (l->open) l->main->tensors[*out]->signature[0] = -1;
    MWI_TRY(mwi_graph_add_op(c->ctx, b->model, l->main, l->main->n_ops, mwi_op_by_name("FILL"), 2,
                             1, &op));
    op->layer = c->layer->path;
    memcpy(op->in, in, sizeof in);
    op->out[0] = *out;
    return MW_OK;
}

/* A value goes round: in the main graph it is `first`, and the body gets an input for it. */
static mw_status go_round(mwi_keras_call *c, loop *l, int32_t first, int32_t *inner)
{
    MWI_TRY(add_like(c, l->body, l->main->tensors[first], inner));
    l->outer[l->n] = first;
    l->inner[l->n] = l->next[l->n] = *inner;
    l->n++;
    return MW_OK;
}

/* States, the last result, all results; what the run has of them becomes the body's. */
static mw_status begin_values(mwi_keras_call *c, loop *l, mwi_recurrence *r)
{
    const mwi_keras_cell *const cell = &r->cell;
    int32_t first, dims[MW_MAX_RANK];

    for (int32_t k = 0; k < cell->n_states; k++) {
        const mwi_keras_cell *const s = mwi_keras_cell_of_state(cell, k);
        first = r->states[k];
        if (first < 0) MWI_TRY(zeros(c, l, s->out_rank, s->out_dims, &first));
        MWI_TRY(go_round(c, l, first, &r->states[k]));
    }
    MWI_TRY(zeros(c, l, cell->out_rank, cell->out_dims, &first));
    MWI_TRY(go_round(c, l, first, &r->last));
    if (!r->sequences) return MW_OK;
    dims[0] = cell->out_dims[0];
    dims[1] = r->n_steps;
    for (int32_t i = 1; i < cell->out_rank; i++) dims[i + 1] = cell->out_dims[i];
    MWI_TRY(zeros(c, l, cell->out_rank + 1, dims, &first));
    return go_round(c, l, first, &r->sequence);
}

/* ---- the body ---- */

/* Numbers of the steps in hand: number + 0, 1, ... or, backwards, last - number - 0, 1, ... */
static mw_status numbers(mwi_keras_call *c, const loop *l, const mwi_recurrence *r, int32_t *out)
{
    int32_t v[MOST_IN_HAND], base;

    for (int32_t i = 0; i < r->n_in_hand; i++) v[i] = r->backwards ? r->n_steps - 1 - i : i;
    MWI_TRY(mwi_keras_i32s(c, (size_t)r->n_in_hand, v, &base));
    return mwi_keras_binary(c, r->backwards ? "SUB" : "ADD", base, l->inner[0], out);
}

static mw_status take_steps(mwi_keras_call *c, int32_t x, int32_t which, int32_t *out)
{
    const mwi_keras_attr attrs[] = {{"axis", 1}, {NULL, 0}};
    return mwi_keras_op(c, "GATHER", 2, (const int32_t[]){x, which}, attrs, out);
}

/* Puts the results in hand where they belong among all. */
static mw_status put_results(mwi_keras_call *c, const loop *l, mwi_recurrence *r)
{
    const int32_t rank = r->cell.out_rank + 1;
    int32_t axes[MW_MAX_RANK] = {0, 1}, operands[3] = {r->sequence, -1, -1};

    MWI_TRY(mwi_recurrence_pack(c, r, &operands[1]));
    MWI_TRY(mwi_keras_i32s(c, (size_t)rank, axes, &operands[2]));
    MWI_TRY(mwi_keras_binary(c, "MUL", operands[2], l->inner[0], &operands[2]));
    return mwi_keras_op(c, "DYNAMIC_UPDATE_SLICE", 3, operands, NULL, &r->sequence);
}

/* The steps in hand of input and mask, the first of them projected. */
static mw_status begin_body(mwi_keras_call *c, const loop *l, mwi_recurrence *r, int32_t *x,
                            int32_t *mask)
{
    int32_t which;

    MWI_TRY(mwi_recurrence_open(c, r));
    MWI_TRY(numbers(c, l, r, &which));
    MWI_TRY(take_steps(c, l->inner[1], which, x));
    if (*mask >= 0) MWI_TRY(take_steps(c, *mask, which, mask));
    return mwi_recurrence_project(c, r, *x, x);
}

static mw_status end_body(mwi_keras_call *c, loop *l, mwi_recurrence *r, int32_t x, int32_t mask)
{
    int32_t step, *next = l->next + (mask >= 0 ? 3 : 2);

    MWI_TRY(mwi_recurrence_steps(c, r, x, mask));
    if (r->sequences) MWI_TRY(put_results(c, l, r));
    MWI_TRY(mwi_keras_const(c, "steps", MW_INT32, 0, NULL, &r->n_in_hand, &step));
    MWI_TRY(mwi_keras_binary(c, "ADD", l->inner[0], step, &l->next[0]));
    for (int32_t k = 0; k < r->cell.n_states; k++) *next++ = r->states[k];
    *next++ = r->last;
    if (r->sequences) *next = r->sequence;
    return mwi_graph_set_io(c->ctx, c->build->model, l->body, l->inner, l->n, l->next, l->n);
}

/* ---- the condition, the operator ---- */

static mw_status fill_condition(mwi_keras_call *c, const loop *l, int32_t n_steps)
{
    int32_t in[MAX_VALUES], limit, below;

    for (size_t i = 0; i < l->n; i++)
        MWI_TRY(add_like(c, l->cond, l->main->tensors[l->outer[i]], &in[i]));
    MWI_TRY(mwi_keras_const(c, "steps", MW_INT32, 0, NULL, &n_steps, &limit));
    MWI_TRY(mwi_keras_binary(c, "LESS", in[0], limit, &below));
    return mwi_graph_set_io(c->ctx, c->build->model, l->cond, in, l->n, &below, 1);
}

static mw_status add_while(mwi_keras_call *c, loop *l)
{
    mwi_op *op;

    MWI_TRY(mwi_graph_add_op(c->ctx, c->build->model, l->main, l->main->n_ops,
                             mwi_op_by_name("WHILE"), l->n, l->n, &op));
    op->layer = c->layer->path;
    mwi_op_set_i32(op, "cond_subgraph_index", l->cond_index);
    mwi_op_set_i32(op, "body_subgraph_index", l->body_index);
    for (size_t i = 0; i < l->n; i++) {
        const char *name;
        op->in[i] = l->outer[i];
        MWI_TRY(add_like(c, l->main, l->main->tensors[op->in[i]], &op->out[i]));
        MWI_TRY(
            mwi_arena_printf(c->ctx, &c->build->model->arena, &name, "%s/while:%zu", c->scope, i));
        l->main->tensors[op->out[i]]->name = name;
        l->outer[i] = op->out[i];
    }
    return MW_OK;
}

static int32_t steps_in_hand(int32_t n)
{
    int32_t k = MOST_IN_HAND;

    while (n % k != 0) k--;
    return k;
}

mw_status mwi_recurrence_loop(mwi_keras_call *c, mwi_recurrence *r, int32_t x)
{
    mwi_keras_build *const b = c->build;
    loop l = {.main = b->graph, .open = mwi_keras_tensor(c, x)->signature[0] < 0};
    int32_t number, inner, mask = -1;
    const int32_t zero = 0;

    r->n_in_hand = steps_in_hand(r->n_steps);
    MWI_TRY(add_graph(c, "condition", &l.cond, &l.cond_index));
    MWI_TRY(add_graph(c, "body", &l.body, &l.body_index));
    MWI_TRY(mwi_keras_const(c, "first", MW_INT32, 0, NULL, &zero, &number));
    MWI_TRY(go_round(c, &l, number, &inner));
    MWI_TRY(go_round(c, &l, x, &inner));
    if (c->masks[0] >= 0) MWI_TRY(go_round(c, &l, c->masks[0], &mask));
    place before = enter(b, l.body);
    mw_status st = begin_body(c, &l, r, &x, &mask);
    leave(b, before);
    MWI_TRY(st);
    MWI_TRY(mwi_recurrence_read_variables(c, r));
    MWI_TRY(begin_values(c, &l, r));
    before = enter(b, l.body);
    st = end_body(c, &l, r, x, mask);
    leave(b, before);
    MWI_TRY(st);
    before = enter(b, l.cond);
    st = fill_condition(c, &l, r->n_steps);
    leave(b, before);
    MWI_TRY(st);
    MWI_TRY(add_while(c, &l));
    const int32_t *out = l.outer + (c->masks[0] >= 0 ? 3 : 2);
    for (int32_t k = 0; k < r->cell.n_states; k++) r->states[k] = *out++;
    r->last = *out++;
    if (r->sequences) r->sequence = *out;
    return MW_OK;
}
