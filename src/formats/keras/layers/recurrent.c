/* formats/keras/layers/recurrent.c - see recurrent.h.
 * Depends: formats/keras/layer.  Used by: layers of recurrent networks.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/layers/recurrent.h"

#include "formats/keras/build.h"

#include <stdio.h>
#include <string.h>

enum { MAX_STEPS = 4096 };

mw_status mwi_keras_recurrent_check(mw_ctx *ctx, const mwi_keras_layer *l)
{
    if (l->row->open_cell != NULL) {
        MWI_TRY(mwi_keras_check_activation(ctx, l, "activation"));
        MWI_TRY(mwi_keras_check_activation(ctx, l, "recurrent_activation|inner_activation"));
    }
    if (l->keras_major == 1)
        return mwi_fail(ctx, MW_EUNSUPPORTED,
                        "has weights gate by gate, as Keras 1 stores them; save it with Keras 2");
    for (size_t i = 0; i < l->n_children; i++) {
        const mwi_keras_layer *const cell = l->children[i];
        if (cell->row != NULL && cell->row->open_cell == NULL)
            return mwi_fail(ctx, MW_EUNSUPPORTED, "holds a %s, which is not a cell",
                            cell->class_name);
    }
    return MW_OK;
}

mw_status mwi_keras_refuse_cell(mwi_keras_call *c)
{
    return mwi_fail(c->ctx, MW_EUNSUPPORTED, "is a cell, which runs in an RNN layer only");
}

/* ---- dense cells ---- */

mw_status mwi_keras_gate_kernel(mwi_keras_call *c, const mwi_keras_cell *cell, const char *weight,
                                const char *tensor, int32_t rows, int32_t first, int32_t n,
                                int32_t *out)
{
    return mwi_keras_weight(c,
                            &(mwi_keras_part){.weight = weight,
                                              .tensor = tensor,
                                              .rank = 2,
                                              .dims = {rows, cell->n_gates * cell->units},
                                              .begin = {0, first * cell->units},
                                              .size = {rows, n * cell->units},
                                              .permuted = true,
                                              .perm = {1, 0}},
                            out);
}

mw_status mwi_keras_project(mwi_keras_call *c, int32_t x, int32_t kernel, int32_t bias,
                            int32_t *out)
{
    const mwi_keras_attr attrs[] = {{"keep_num_dims", mwi_keras_tensor(c, x)->rank > 2}, {NULL, 0}};
    return mwi_keras_op(c, "FULLY_CONNECTED", 3, (const int32_t[]){x, kernel, bias}, attrs, out);
}

static mw_status project_dense(mwi_keras_call *c, const mwi_keras_cell *cell, int32_t x,
                               int32_t *out)
{
    return mwi_keras_project(c, x, cell->kernel, cell->bias, out);
}

static mw_status project_dense_state(mwi_keras_call *c, const mwi_keras_cell *cell, int32_t state,
                                     int32_t *out)
{
    return mwi_keras_project(c, state, cell->recurrent, cell->recurrent_bias, out);
}

mw_status mwi_keras_open_dense(mwi_keras_call *c, int32_t n_gates, int32_t n_states,
                               mwi_keras_cell *cell)
{
    if (cell->rank != 2)
        return mwi_fail(c->ctx, MW_EFORMAT,
                        "takes steps of rank %d with the batch, allowed is rank 2", cell->rank);
    MWI_TRY(mwi_keras_int(c->ctx, c->layer, "units|output_dim", MWI_KERAS_REQUIRED, 1,
                          INT32_MAX / n_gates, &cell->units));
    cell->n_gates = n_gates;
    cell->n_states = n_states;
    cell->out_rank = 2;
    cell->out_dims[0] = cell->dims[0];
    cell->out_dims[1] = cell->units;
    cell->project = project_dense;
    cell->project_state = project_dense_state;
    return mwi_keras_gate_kernel(c, cell, "kernel", "kernel", cell->dims[1], 0, n_gates,
                                 &cell->kernel);
}

mw_status mwi_keras_gates(mwi_keras_call *c, int32_t x, int32_t n, int32_t *out)
{
    const mwi_keras_attr attrs[] = {{"num_splits", n}, {NULL, 0}};
    const int32_t last = mwi_keras_tensor(c, x)->rank - 1;
    int32_t axis;

    MWI_TRY(mwi_keras_i32s(c, 1, &last, &axis));
    return mwi_keras_ops(c, "SPLIT", 2, (const int32_t[]){axis, x}, attrs, (size_t)n, out);
}

/* ---- the run over steps ---- */

/* One run of a layer over its steps. */
typedef struct run {
    mwi_keras_cell cell;
    const mwi_keras_layer *outer;
    int32_t n_steps;
    int32_t *steps; /* inputs, then results */
    int32_t *masks; /* of each step [batch, 1, ...]; NULL: all count */
    int32_t states[MWI_KERAS_MAX_STATES];
    int32_t variables[MWI_KERAS_MAX_STATES]; /* of a stateful layer */
    bool backwards, sequences, return_state, time_major, zero_masked, stateful;
} run;

/* The steps of [batch, steps, ...] as values of their own, in the order of the run. */
static mw_status unpack(mwi_keras_call *c, const run *r, int32_t x, int32_t **out)
{
    const int32_t n = r->n_steps;
    const mwi_keras_attr attrs[] = {{"num", n}, {"axis", 1}, {NULL, 0}};
    void *memory;

    MWI_TRY(mwi_arena_array(c->ctx, c->build->scratch, (size_t)n, sizeof **out, &memory));
    *out = memory;
    MWI_TRY(mwi_keras_ops(c, "UNPACK", 1, &x, attrs, (size_t)n, *out));
    for (int32_t i = 0; i < n / 2 && r->backwards; i++) {
        const int32_t t = (*out)[i];
        (*out)[i] = (*out)[n - 1 - i];
        (*out)[n - 1 - i] = t;
    }
    return MW_OK;
}

static mw_status pack(mwi_keras_call *c, const run *r, int32_t *out)
{
    const mwi_keras_attr attrs[] = {{"values_count", r->n_steps}, {"axis", 1}, {NULL, 0}};
    return mwi_keras_op(c, "PACK", (size_t)r->n_steps, r->steps, attrs, out);
}

static mw_status swap_time(mwi_keras_call *c, int32_t x, int32_t *out)
{
    int32_t perm[MW_MAX_RANK];

    for (int32_t i = 0; i < MW_MAX_RANK; i++) perm[i] = i < 2 ? 1 - i : i;
    return mwi_keras_transpose(c, x, perm, out);
}

static mw_status read_options(mwi_keras_call *c, run *r)
{
    const mwi_keras_layer *const l = c->layer;

    MWI_TRY(mwi_keras_bool(c->ctx, l, "go_backwards", false, &r->backwards));
    MWI_TRY(mwi_keras_bool(c->ctx, l, "return_sequences", false, &r->sequences));
    MWI_TRY(mwi_keras_bool(c->ctx, l, "return_state", false, &r->return_state));
    MWI_TRY(mwi_keras_bool(c->ctx, l, "time_major", false, &r->time_major));
    MWI_TRY(mwi_keras_bool(c->ctx, l, "zero_output_for_mask", false, &r->zero_masked));
    MWI_TRY(mwi_keras_bool(c->ctx, l, "stateful", false, &r->stateful));
    r->backwards ^= l->mirrored;
    if (r->time_major && c->build->batch_open && mwi_keras_tensor(c, c->in[0])->dims[0] == 1)
        return mwi_fail(c->ctx, MW_EUNSUPPORTED,
                        "is time_major, and the first dimension, its steps, is open: give the "
                        "input's shape");
    /* Bidirectional sets it in both directions, whatever the config says. */
    if (l->parent != NULL && mwi_keras_is_class(l->parent, "Bidirectional"))
        r->zero_masked = r->sequences;
    return MW_OK;
}

static mw_status open_cell(mwi_keras_call *c, const mwi_keras_layer *layer, mwi_keras_cell *cell)
{
    const mwi_keras_layer *const outer = c->layer;

    if (layer->row == NULL || layer->row->open_cell == NULL)
        return mwi_fail(c->ctx, MW_EUNSUPPORTED, "holds a %s, which is not a cell",
                        layer->class_name);
    cell->layer = layer;
    cell->bias = cell->recurrent = cell->recurrent_rest = cell->recurrent_bias = -1;
    c->layer = layer;
    const mw_status st = layer->row->open_cell(c, cell);
    c->layer = outer;
    return mwi_prefix(c->ctx, st, "%s", layer->class_name);
}

static mw_status start(mwi_keras_call *c, run *r, int32_t x)
{
    const mwi_tensor *const t = mwi_keras_tensor(c, x);

    r->n_steps = t->dims[1];
    r->cell.rank = t->rank - 1;
    r->cell.dims[0] = t->dims[0];
    for (int32_t i = 1; i < r->cell.rank; i++) r->cell.dims[i] = t->dims[i + 1];
    MWI_TRY(open_cell(c, c->layer->row->open_cell != NULL ? c->layer : c->layer->children[0],
                      &r->cell));
    if (c->n_in != 1 && c->n_in != 1 + (size_t)r->cell.n_states)
        return mwi_fail(c->ctx, MW_EFORMAT, "is called with %zu initial states, has %d",
                        c->n_in - 1, r->cell.n_states);
    for (int32_t i = 0; i < r->cell.n_states; i++) r->states[i] = c->n_in > 1 ? c->in[1 + i] : -1;
    if (r->n_steps <= MAX_STEPS) return MW_OK;
    return mwi_fail(c->ctx, MW_EUNSUPPORTED,
                    "runs over %d steps, which are written out one by one; the limit is %d",
                    r->n_steps, MAX_STEPS);
}

/* The cell whose state k is: all of its states have the shape of its results. */
static const mwi_keras_cell *cell_of_state(const mwi_keras_cell *cell, int32_t k)
{
    const mwi_keras_cell *at = cell->below;

    if (at == NULL) return cell;
    while (k >= at->n_states) k -= (at++)->n_states;
    return at;
}

/* A stateful layer begins with the states that its last run ended with, unless it is called with
 * others. */
static mw_status read_variables(mwi_keras_call *c, run *r)
{
    char name[16];

    if (!r->stateful) return MW_OK;
    if (c->layer->n_calls > 1)
        return mwi_fail(c->ctx, MW_EUNSUPPORTED,
                        "is stateful and called more than once: which call goes first is not in "
                        "the file");
    if (c->n_in > 1 && c->layer->keras_major < 3)
        return mwi_fail(c->ctx, MW_EUNSUPPORTED,
                        "is stateful and called with initial states, which Keras 2 takes or not by "
                        "what the states hold; leave one of both out");
    for (int32_t i = 0; i < r->cell.n_states; i++) {
        const mwi_keras_cell *const s = cell_of_state(&r->cell, i);
        (void)snprintf(name, sizeof name, "state_%d", i);
        MWI_TRY(mwi_keras_variable(c, name, s->out_rank, s->out_dims, &r->variables[i]));
        if (c->n_in == 1)
            MWI_TRY(mwi_keras_variable_read(c, r->variables[i], s->out_rank, s->out_dims,
                                            &r->states[i]));
    }
    return MW_OK;
}

/* [batch, steps, ..., gates * units] is what all steps give to the gates. */
static void set_result_shape(mwi_keras_cell *cell, const mwi_tensor *projected)
{
    if (cell->below != NULL) return;
    for (int32_t i = 1; i < cell->out_rank; i++) cell->out_dims[i] = projected->dims[i + 1];
    cell->out_dims[0] = projected->dims[0];
    cell->out_dims[cell->out_rank - 1] = cell->units;
}

static mw_status write_variables(mwi_keras_call *c, const run *r)
{
    for (int32_t i = 0; i < r->cell.n_states && r->stateful; i++)
        MWI_TRY(mwi_keras_variable_write(c, r->variables[i], r->states[i]));
    return MW_OK;
}

static mw_status unpack_mask(mwi_keras_call *c, run *r)
{
    int32_t mask = c->masks[0], dims[MW_MAX_RANK];

    if (mask < 0) return MW_OK;
    const mwi_tensor *const t = mwi_keras_tensor(c, mask);
    if (t->rank != 2 || t->dims[1] != r->n_steps || r->time_major)
        return mwi_fail(c->ctx, MW_EUNSUPPORTED, "takes a mask of another shape than its steps");
    dims[0] = t->dims[0];
    dims[1] = t->dims[1];
    for (int32_t i = 2; i <= r->cell.out_rank; i++) dims[i] = 1;
    MWI_TRY(mwi_keras_reshape(c, mask, r->cell.out_rank + 1, dims, &mask));
    return unpack(c, r, mask, &r->masks);
}

/* `value` where the step counts, else `other` (-1: zero). */
static mw_status choose(mwi_keras_call *c, int32_t mask, int32_t value, int32_t other, int32_t *out)
{
    int32_t operands[3] = {mask, value, other};

    if (other < 0) MWI_TRY(mwi_keras_scalar(c, 0.0, &operands[2]));
    return mwi_keras_op(c, "SELECT_V2", 3, operands, NULL, out);
}

static mw_status run_step(mwi_keras_call *c, run *r, int32_t i, int32_t *last)
{
    int32_t before[MWI_KERAS_MAX_STATES], out;

    memcpy(before, r->states, sizeof before);
    c->layer = r->cell.layer;
    const mw_status st = r->cell.step(c, &r->cell, r->steps[i], r->states, &out);
    c->layer = r->outer;
    MWI_TRY(st);
    const bool is_state = out == r->states[0] && *last == before[0] && !r->zero_masked;
    for (int32_t k = 0; k < r->cell.n_states && r->masks != NULL; k++)
        MWI_TRY(choose(c, r->masks[i], r->states[k], before[k], &r->states[k]));
    if (r->masks != NULL && is_state)
        out = r->states[0];
    else if (r->masks != NULL)
        MWI_TRY(choose(c, r->masks[i], out, r->zero_masked ? -1 : *last, &out));
    r->steps[i] = *last = out;
    return MW_OK;
}

static mw_status give_results(mwi_keras_call *c, run *r, int32_t last)
{
    int32_t zero;

    if (r->sequences) {
        MWI_TRY(pack(c, r, &last));
        if (r->time_major) MWI_TRY(swap_time(c, last, &last));
        if (r->masks != NULL) MWI_TRY(mwi_keras_set_mask(c, last, c->masks[0]));
    }
    MWI_TRY(mwi_keras_return(c, last));
    for (int32_t i = 0; i < r->cell.n_states && r->return_state; i++) {
        zero = r->states[i];
        MWI_TRY(mwi_keras_return(c, zero));
    }
    return MW_OK;
}

static mw_status run_all(mwi_keras_call *c, run *r)
{
    int32_t x = c->in[0], last = -1;

    MWI_TRY(mwi_keras_need_rank(c, 0, 3, MW_MAX_RANK));
    MWI_TRY(read_options(c, r));
    if (r->time_major) MWI_TRY(swap_time(c, x, &x));
    MWI_TRY(start(c, r, x));
    r->outer = c->layer;
    c->layer = r->cell.layer;
    const mw_status st = r->cell.project(c, &r->cell, x, &x);
    c->layer = r->outer;
    MWI_TRY(st);
    set_result_shape(&r->cell, mwi_keras_tensor(c, x));
    MWI_TRY(read_variables(c, r));
    MWI_TRY(unpack(c, r, x, &r->steps));
    MWI_TRY(unpack_mask(c, r));
    for (int32_t i = 0; i < r->n_steps; i++) MWI_TRY(run_step(c, r, i, &last));
    MWI_TRY(write_variables(c, r));
    return give_results(c, r, last);
}

mw_status mwi_keras_build_recurrent(mwi_keras_call *c)
{
    void *memory;

    MWI_TRY(mwi_arena_array(c->ctx, c->build->scratch, 1, sizeof(run), &memory));
    return run_all(c, memory);
}

/* ---- RNN: the layer around a cell; a stack of cells is a cell ---- */

static const char *const rnn_classes[] = {"RNN", NULL};
const mwi_keras_row mwi_keras_layer_rnn = {
    .classes = rnn_classes,
    .summary = "the cell inside, step by step",
    .flags = MWI_KERAS_WRAPPER,
    .check = mwi_keras_recurrent_check,
    .build = mwi_keras_build_recurrent,
};
