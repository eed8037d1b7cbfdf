/* runtime/session_plans.c - the plans that a session keeps, one for each set of input shapes, and
 * the activations that they share.
 * Depends: runtime/session_state.  Used by: runtime/session, runtime/batch.
 * SPDX-License-Identifier: Apache-2.0 */
#include "runtime/session_state.h"

#include <string.h>

enum { REASON_BYTES = 1024 };

void mwi_session_use_plan(mw_session *s, mwi_plan *plan)
{
    if (plan == s->present && plan->base == s->memory) return;
    plan->tail = NULL; /* what it carries may have moved */
    if (plan->base != s->memory) mwi_plan_bind(plan, s->memory);
    s->present = plan;
    /* Another plan has used this memory: nothing there may be taken for addresses. */
    mwi_plan_clear_strings(plan, s->inputs, s->n_inputs);
    mwi_plan_clear_strings(plan, s->outputs, s->n_outputs);
}

static void drop(mw_session *s, mwi_kept_plan *k)
{
    mwi_plan_destroy(k->plan);
    mwi_heap_free(s->heap, k->shapes, s->n_inputs * sizeof(mw_shape));
}

void mwi_session_drop_plans(mw_session *s)
{
    for (size_t i = 0; i < s->n_kept; i++) drop(s, &s->kept[i]);
    s->n_kept = 0;
}

static bool same_shapes(const mw_session *s, const mw_shape *a, const mw_shape *b)
{
    for (size_t i = 0; i < s->n_inputs; i++) {
        if (a[i].rank != b[i].rank) return false;
        for (int32_t k = 0; k < a[i].rank; k++)
            if (a[i].dims[k] != b[i].dims[k]) return false;
    }
    return true;
}

/* Room for a plan's activations. The block only grows; what was in it is lost, and plans are bound
 * to the new one when they are used. */
static mw_status fit_memory(mw_ctx *ctx, mw_session *s, size_t bytes)
{
    void *memory;

    if (bytes == 0) bytes = 64;
    if (bytes <= s->memory_bytes) return MW_OK;
    MWI_TRY(mwi_heap_alloc(ctx, s->heap, bytes, &memory));
    memset(memory, 0, bytes);
    mwi_heap_free(s->heap, s->memory, s->memory_bytes);
    s->memory = memory;
    s->memory_bytes = bytes;
    for (size_t i = 0; i < s->n_kept; i++) s->kept[i].plan->base = NULL;
    return MW_OK;
}

/* Where a new plan goes: the end, else in turn over all but the first and the present one. */
static size_t next_slot(mw_session *s)
{
    if (s->n_kept < MWI_MAX_PLANS) return s->n_kept++;
    do {
        s->last_replaced = s->last_replaced % (MWI_MAX_PLANS - 1) + 1;
    } while (s->kept[s->last_replaced].plan == s->present);
    drop(s, &s->kept[s->last_replaced]);
    return s->last_replaced;
}

static mw_status copy_shapes(mw_ctx *ctx, const mw_session *s, const mw_shape *shapes,
                             mw_shape **out)
{
    void *memory;

    MWI_TRY(mwi_heap_alloc(ctx, s->heap, s->n_inputs * sizeof(mw_shape), &memory));
    *out = memory;
    for (size_t i = 0; i < s->n_inputs; i++) {
        const mwi_tensor *const t = s->graph->tensors[s->inputs[i]];
        if (shapes != NULL) {
            (*out)[i] = shapes[i];
        } else {
            (*out)[i].rank = t->rank;
            memcpy((*out)[i].dims, t->dims, sizeof(*out)[i].dims);
        }
    }
    return MW_OK;
}

static mwi_plan_options options_of(const mw_session *s)
{
    return (mwi_plan_options){.graph = s->graph,
                              .device = s->device,
                              .kernels = s->kernels,
                              .n_threads = s->n_threads,
                              .pool = s->pool,
                              .packs = s->model->packs,
                              .host = &s->root->host,
                              .strings = &s->root->strings,
                              .customs = s->customs,
                              .any_rank = s->root != s,
                              .constants = (mwi_constants *)(uintptr_t)&s->constants,
                              .states = &s->states,
                              .inputs = s->inputs,
                              .outputs = s->outputs,
                              .n_inputs = s->n_inputs,
                              .n_outputs = s->n_outputs};
}

static mw_status add_plan(mw_ctx *ctx, mw_session *s, const mw_shape *shapes)
{
    mwi_plan_options o = options_of(s);
    mwi_kept_plan k = {NULL, NULL};

    o.shapes = shapes;
    mw_status st = mwi_plan_create(ctx, &o, &k.plan);
    if (st == MW_OK) st = copy_shapes(ctx, s, shapes, &k.shapes);
    if (st == MW_OK) st = fit_memory(ctx, s, k.plan->arena_bytes);
    if (st != MW_OK) {
        drop(s, &k);
        return st;
    }
    s->kept[next_slot(s)] = k;
    mwi_session_use_plan(s, k.plan);
    return MW_OK;
}

/* ---- tails ---- */

const mwi_plan *mwi_session_last_plan(const mw_session *s)
{
    const mwi_plan *p = s->present;
    while (p->tail != NULL) p = p->tail;
    return p;
}

static mw_status make_tail(mw_ctx *ctx, mw_session *s, mwi_plan *plan, mwi_plan **out)
{
    mwi_plan_options o = options_of(s);
    uint32_t depth = 1;

    for (const mwi_plan *p = plan; p != NULL; p = p->before) depth++;
    if (depth > mwi_limits(ctx)->max_depth)
        return mwi_fail(ctx, MW_ELIMIT, "shapes depend on data more than %u times in a row",
                        mwi_limits(ctx)->max_depth);
    o.before = plan;
    o.given = plan->next_call.out;
    MWI_TRY(mwi_plan_create(ctx, &o, out));
    return mwi_plan_add_tail(ctx, plan, *out);
}

mw_status mwi_session_go_on(mw_ctx *ctx, mw_session *s, mwi_plan *plan)
{
    mwi_shape_call *const call = &plan->next_call;
    mwi_plan *tail;

    call->running = true;
    MWI_TRY(mwi_op_infer(ctx, call));
    if (call->unknown)
        return mwi_fail(ctx, MW_EUNSUPPORTED, "%s '%s': the shape of its output depends on state",
                        mwi_op_name(call->op), call->n_out > 0 ? call->out[0].tensor->name : "");
    tail = mwi_plan_find_tail(plan);
    if (tail == NULL) MWI_TRY(make_tail(ctx, s, plan, &tail));
    /* Where it carries values from may have moved since it was bound. */
    mwi_plan_bind(tail, tail->memory);
    tail->tail = NULL;
    plan->tail = tail;
    return MW_OK;
}

/* ---- by shapes ---- */

mw_status mwi_session_use_shapes(mw_ctx *ctx, mw_session *s, const mw_shape *shapes)
{
    for (size_t i = 0; i < s->n_kept && (shapes != NULL || s->n_inputs == 0); i++) {
        if (!same_shapes(s, s->kept[i].shapes, shapes)) continue;
        mwi_session_use_plan(s, s->kept[i].plan);
        return MW_OK;
    }
    return add_plan(ctx, s, shapes);
}

mw_status mw_session_resize(mw_ctx *ctx, mw_session *session, const mw_shape *input_shapes)
{
    char reason[REASON_BYTES];

    mwi_enter(ctx);
    if (input_shapes == NULL)
        return mwi_fail(ctx, MW_EINVAL, "resize needs a shape for each input");
    const mw_status st = mwi_session_use_shapes(ctx, session, input_shapes);
    if (st != MW_EFORMAT && st != MW_EUNSUPPORTED)
        return mwi_prefix(ctx, st, "%s", session->model->name);
    /* The file is sound; it is the new shapes that its graph does not take. */
    mwi_take_error(ctx, reason, sizeof reason);
    return mwi_fail(ctx, MW_EUNSUPPORTED, "%s: the graph does not take these input shapes: %s",
                    session->model->name, reason);
}
