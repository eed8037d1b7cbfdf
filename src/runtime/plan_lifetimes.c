/* runtime/plan_lifetimes.c - from when to when each value is needed, which values share memory,
 * and where they lie. A view (RESHAPE) shares its input's memory; an in-place operator takes over
 * memory that nobody reads after it; inputs are alive before the first step, outputs after the
 * last.
 * Depends: runtime/plan_maker.  Used by: runtime/plan.   SPDX-License-Identifier: Apache-2.0 */
#include "runtime/plan_maker.h"

typedef struct value {
    bool placed;         /* lives in the activations */
    int32_t root;        /* the tensor whose memory it shares; itself */
    int32_t first, last; /* steps; of a root: of all that share it */
} value;

static void touch(value *values, int32_t tensor, int32_t step)
{
    value *const v = &values[values[tensor].root];
    if (step < v->first) v->first = step;
    if (step > v->last) v->last = step;
}

/* Something that a step or the caller writes: in the activations unless it is state. */
static void write_at(const mwi_maker *m, value *values, int32_t tensor, int32_t step)
{
    values[tensor].placed = !m->o->graph->tensors[tensor]->is_variable;
    touch(values, tensor, step);
}

static void find_lifetimes(const mwi_maker *m, value *values)
{
    for (size_t i = 0; i < m->o->graph->n_tensors; i++)
        values[i] = (value){.root = (int32_t)i, .first = INT32_MAX, .last = -1};
    const int32_t end = (int32_t)m->plan->n_steps;
    for (size_t i = 0; i < m->o->n_inputs && m->o->before == NULL; i++) {
        write_at(m, values, m->o->inputs[i], -1);
        /* An input that the caller does not write again must hold strings, not what was left. */
        if (m->plan->views[m->o->inputs[i]].dtype == MW_STRING) touch(values, m->o->inputs[i], end);
    }
    for (size_t i = 0; i < m->plan->n_steps; i++) {
        const mwi_op *const op = m->plan->steps[i].op;
        for (size_t k = 0; k < op->n_out; k++) write_at(m, values, op->out[k], (int32_t)i);
        for (size_t k = 0; k < op->n_in; k++)
            if (op->in[k] >= 0) touch(values, op->in[k], (int32_t)i);
    }
    for (size_t i = 0; i < m->o->n_outputs; i++) touch(values, m->o->outputs[i], end);
    /* What tails will read stays until the end, too. */
    for (size_t i = m->plan->next_op; i < m->o->graph->n_ops; i++) {
        const mwi_op *const op = m->o->graph->ops[i];
        for (size_t k = 0; k < op->n_in; k++)
            if (op->in[k] >= 0) touch(values, op->in[k], end);
    }
}

/* How often an operator reads the memory of `root`. */
static size_t times_read(const value *values, const mwi_op *op, int32_t root)
{
    size_t n = 0;
    for (size_t i = 0; i < op->n_in; i++) n += op->in[i] >= 0 && values[op->in[i]].root == root;
    return n;
}

/* Steps are walked in order, so that a root's lifetime includes what joined it before. */
static void share_memory(const mwi_maker *m, value *values)
{
    for (size_t i = 0; i < m->plan->n_steps; i++) {
        mwi_step *const s = &m->plan->steps[i];
        const mwi_op *const op = s->op;
        if (op->n_in == 0 || op->n_out != 1 || op->in[0] < 0) continue;
        const int32_t root = values[op->in[0]].root;
        value *const from = &values[root], *const to = &values[op->out[0]];
        if (!from->placed || !to->placed) continue;
        if (m->plan->views[op->in[0]].bytes != m->plan->views[op->out[0]].bytes) continue;
        const bool view = (op->desc->traits & MWI_OP_VIEW) != 0;
        const bool in_place = (op->desc->traits & MWI_OP_INPLACE) != 0 &&
                              from->last == (int32_t)i && times_read(values, op, root) == 1;
        if (!view && !in_place) continue;
        if (view) s->run = NULL;
        to->root = root;
        if (to->last > from->last) from->last = to->last;
    }
}

static mw_status place_all(mw_ctx *ctx, mwi_maker *m, const value *values)
{
    const size_t n_tensors = m->o->graph->n_tensors;
    mwi_plan *const p = m->plan;
    void *memory;
    size_t n = 0;

    MWI_TRY(mwi_arena_array(ctx, &m->scratch, n_tensors + p->n_steps, sizeof(mwi_span), &memory));
    mwi_span *const spans = memory;
    for (size_t i = 0; i < n_tensors; i++) {
        const value *const v = &values[i];
        if (v->placed && v->root == (int32_t)i)
            spans[n++] = (mwi_span){.bytes = p->views[i].bytes, .first = v->first, .last = v->last};
    }
    for (size_t i = 0; i < p->n_steps; i++)
        if (p->steps[i].run != NULL && p->steps[i].scratch_bytes > 0)
            spans[n++] = (mwi_span){
                .bytes = p->steps[i].scratch_bytes, .first = (int32_t)i, .last = (int32_t)i};
    MWI_TRY(mwi_memory_place(ctx, &m->scratch, spans, n, &p->arena_bytes));
    n = 0;
    for (size_t i = 0; i < n_tensors; i++)
        p->places[i] =
            values[i].placed && values[i].root == (int32_t)i ? spans[n++].place : MWI_NO_PLACE;
    for (size_t i = 0; i < n_tensors; i++)
        if (values[i].placed) p->places[i] = p->places[values[i].root];
    for (size_t i = 0; i < p->n_steps; i++) {
        const bool has_scratch = p->steps[i].run != NULL && p->steps[i].scratch_bytes > 0;
        p->steps[i].scratch_place = has_scratch ? spans[n++].place : MWI_NO_PLACE;
    }
    return MW_OK;
}

mw_status mwi_maker_places(mw_ctx *ctx, mwi_maker *m)
{
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, &m->scratch, m->o->graph->n_tensors, sizeof(value), &memory));
    find_lifetimes(m, memory);
    share_memory(m, memory);
    return place_all(ctx, m, memory);
}
