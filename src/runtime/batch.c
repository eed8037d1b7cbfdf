/* runtime/batch.c - running any number of samples: planned as a batch where every value of the graph scales
 * with it, else one after another.
 * Depends: runtime/session_state.  Used by: milliwatt/session.h.   SPDX-License-Identifier: Apache-2.0 */
#include "runtime/session_state.h"

#include <string.h>

/* Samples that one run at the declared shapes takes: the inputs' first dimension, 0 when they differ (then
 * the whole input is one sample). */
static size_t unit_of(const mw_session *s)
{
    const mwi_plan *const p = s->plans[0];
    size_t unit = 0;

    for (size_t i = 0; i < s->n_inputs; i++) {
        const mwi_view *const v = &p->views[s->inputs[i]];
        const size_t first = v->rank > 0 ? (size_t)v->dims[0] : 0;
        if (first == 0 || (unit != 0 && unit != first)) return 0;
        unit = first;
    }
    for (size_t i = 0; i < s->n_outputs; i++) {
        const mwi_view *const v = &p->views[s->outputs[i]];
        if (v->rank == 0 || (size_t)v->dims[0] != unit) return 0;
    }
    return unit;
}

/* A batch gives the same results as single runs when every computed value has the batch as its first
 * dimension and nothing else changed: no operator then mixes samples or fixes their number. */
static bool scales(const mw_session *s, const mwi_plan *one, const mwi_plan *many, size_t batch)
{
    if (one->n_steps != many->n_steps || s->states.n > 0) return false;
    for (size_t i = 0; i < one->n_steps; i++) {
        const mwi_op *const op = one->steps[i].op;
        if (op != many->steps[i].op || (op->desc->traits & MWI_OP_STATEFUL) != 0) return false;
        for (size_t k = 0; k < op->n_out; k++) {
            const mwi_view *const a = &one->views[op->out[k]], *const b = &many->views[op->out[k]];
            if (a->rank < 1 || a->rank != b->rank || a->dims[0] != 1 || (size_t)b->dims[0] != batch) return false;
            if (memcmp(a->dims + 1, b->dims + 1, (size_t)(a->rank - 1) * sizeof *a->dims) != 0) return false;
        }
    }
    return true;
}

/* Makes the plan for `batch` the present one; false (with the error cleared) when single runs are needed. */
static bool plan_batch(mw_ctx *ctx, mw_session *s, size_t batch)
{
    mw_shape shapes[16];
    mwi_plan *const before = s->present;

    if (s->n_inputs > MWI_COUNT(shapes) || batch > INT32_MAX || s->states.n > 0) return false;
    for (size_t i = 0; i < s->n_inputs; i++) {
        const mwi_view *const v = &s->plans[0]->views[s->inputs[i]];
        shapes[i].rank = v->rank;
        memcpy(shapes[i].dims, v->dims, sizeof shapes[i].dims);
        shapes[i].dims[0] = (int32_t)batch;
    }
    if (mwi_session_use_shapes(ctx, s, shapes) == MW_OK && scales(s, s->plans[0], s->present, batch)) return true;
    mw_ctx_clear(ctx);
    mwi_session_use_plan(s, before);
    return false;
}

/* One run of the present plan on `count` of its `unit` samples from `at`; what is missing repeats the last. */
static mw_status run_piece(mw_ctx *ctx, mw_session *s, size_t unit, size_t at, size_t count,
                           const void *const *in, void *const *out)
{
    for (size_t i = 0; i < s->n_inputs; i++) {
        const mwi_view *const v = &s->present->views[s->inputs[i]];
        const size_t sample = v->bytes / unit;
        if (v->bytes == 0) continue;
        memcpy(v->data, (const char *)in[i] + at * sample, count * sample);
        for (size_t k = count; k < unit; k++)
            memcpy((char *)v->data + k * sample, (const char *)in[i] + (at + count - 1) * sample, sample);
    }
    MWI_TRY(mw_session_run(ctx, s));
    for (size_t i = 0; i < s->n_outputs; i++) {
        const mwi_view *const v = &s->present->views[s->outputs[i]];
        const size_t sample = v->bytes / unit;
        if (v->bytes != 0) memcpy((char *)out[i] + at * sample, v->data, count * sample);
    }
    return MW_OK;
}

mw_status mw_session_run_batch(mw_ctx *ctx, mw_session *session, size_t batch, const void *const *in,
                               void *const *out)
{
    mwi_plan *const before = session->present;
    size_t unit = unit_of(session);
    mw_status st = MW_OK;

    if (batch == 0) return MW_OK;
    if (unit == 0 && batch != 1)
        return mwi_fail(ctx, MW_EINVAL, "%s: inputs and outputs do not share a batch dimension: run samples alone",
                        session->model->name);
    if (unit == 0) unit = 1;
    if (unit == 1 && batch > 1 && plan_batch(ctx, session, batch)) unit = batch;
    else mwi_session_use_plan(session, session->plans[0]);
    for (size_t at = 0; at < batch && st == MW_OK; at += unit)
        st = run_piece(ctx, session, unit, at, batch - at < unit ? batch - at : unit, in, out);
    mwi_session_use_plan(session, before);
    return st;
}
