/* runtime/session.c - a model's plans, its state, and running the present plan.
 * Depends: runtime/plan.  Used by: everything above through milliwatt/session.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "runtime/session_state.h"

#include "base/clock.h"

#include <string.h>

/* ---- state ---- */

static mw_status make_states(mw_ctx *ctx, mw_session *s)
{
    void *memory;
    size_t n = 0;

    for (size_t i = 0; i < s->graph->n_tensors; i++) n += s->graph->tensors[i]->is_variable;
    MWI_TRY(mwi_arena_array(ctx, &s->arena, n, sizeof(mwi_state), &memory));
    s->states.v = memory;
    for (size_t i = 0; i < s->graph->n_tensors; i++) {
        const mwi_tensor *const t = s->graph->tensors[i];
        if (!t->is_variable) continue;
        mwi_state *const v = &s->states.v[s->states.n];
        v->tensor = (int32_t)i;
        if (!mwi_dims_bytes(t->dtype, t->rank, t->dims, &v->bytes))
            return mwi_fail(ctx, MW_EUNSUPPORTED, "state '%s' of %s has no fixed size", t->name,
                            mw_dtype_name(t->dtype));
        MWI_TRY(mwi_heap_alloc(ctx, s->heap, v->bytes + 1, &v->data));
        s->states.n++;
    }
    return MW_OK;
}

/* State starts at real zero: an int8 state's zero point. */
static void clear_state(const mw_session *s, const mwi_state *v)
{
    const mwi_tensor *const t = s->graph->tensors[v->tensor];
    const int byte = t->quant != NULL && t->quant->q.n_scales == 1 && (t->dtype == MW_INT8 || t->dtype == MW_UINT8)
                         ? (int)t->quant->q.zero_points[0] : 0;
    memset(v->data, byte, v->bytes);
}

mw_status mw_session_reset(mw_ctx *ctx, mw_session *session)
{
    (void)ctx;
    for (size_t i = 0; i < session->states.n; i++) clear_state(session, &session->states.v[i]);
    return MW_OK;
}

/* ---- creating ---- */

static mw_status choose_graph(mw_ctx *ctx, mw_session *s, const char *key)
{
    const mw_model *const m = s->model;
    void *memory;

    s->graph = m->graphs[0];
    const mwi_signature *sig = NULL;
    for (size_t i = 0; key != NULL && i < m->n_signatures; i++)
        if (strcmp(m->signatures[i].key, key) == 0) sig = &m->signatures[i];
    if (key != NULL && sig == NULL)
        return mwi_fail(ctx, MW_EINVAL, "%s: no signature '%s' among %zu", m->name, key, m->n_signatures);
    if (sig != NULL) s->graph = m->graphs[sig->graph];
    s->n_inputs = sig != NULL ? sig->n_inputs : s->graph->n_inputs;
    s->n_outputs = sig != NULL ? sig->n_outputs : s->graph->n_outputs;
    MWI_TRY(mwi_arena_array(ctx, &s->arena, s->n_inputs, sizeof(int32_t), &memory));
    s->inputs = memory;
    MWI_TRY(mwi_arena_array(ctx, &s->arena, s->n_outputs, sizeof(int32_t), &memory));
    s->outputs = memory;
    for (size_t i = 0; i < s->n_inputs; i++)
        s->inputs[i] = sig != NULL ? sig->inputs[i].tensor : s->graph->inputs[i];
    for (size_t i = 0; i < s->n_outputs; i++)
        s->outputs[i] = sig != NULL ? sig->outputs[i].tensor : s->graph->outputs[i];
    return MW_OK;
}

static mw_status setup(mw_ctx *ctx, mw_session *s, const mw_session_options *o)
{
    const char *const device = o->device == NULL ? "/CPU:0" : o->device;

    s->device = mwi_device_by_name(device);
    if (s->device == NULL)
        return mwi_fail(ctx, MW_EUNAVAILABLE, "no device '%s'; this build has %s", device, mwi_devices[0]->name);
    s->n_threads = o->n_threads == 0 ? 1 : o->n_threads;
    s->profile = o->profile;
    if (o->kernels != NULL)
        MWI_TRY(mwi_arena_string(ctx, &s->arena, o->kernels, strlen(o->kernels), &s->kernel_suffix));
    MWI_TRY(choose_graph(ctx, s, o->signature));
    if (s->n_threads > 1) MWI_TRY(mwi_pool_create(ctx, s->n_threads, &s->pool));
    MWI_TRY(make_states(ctx, s));
    MWI_TRY(mw_session_reset(ctx, s));
    return mwi_session_use_shapes(ctx, s, NULL);
}

mw_status mw_session_create(mw_ctx *ctx, const mw_model *model, const mw_session_options *options,
                            mw_session **out_session)
{
    static const mw_session_options none;
    void *memory;

    *out_session = NULL;
    MWI_TRY(mwi_alloc(ctx, sizeof(mw_session), &memory));
    memset(memory, 0, sizeof(mw_session));
    mw_session *const s = memory;
    s->heap = mwi_heap_retain(ctx);
    mwi_arena_init(ctx, &s->arena);
    s->model = mw_model_retain((mw_model *)(uintptr_t)model); /* only the reference count changes */
    const mw_status st = setup(ctx, s, options == NULL ? &none : options);
    if (st == MW_OK) *out_session = s;
    else mw_session_destroy(s);
    return mwi_prefix(ctx, st, "%s", model->name);
}

void mw_session_destroy(mw_session *session)
{
    if (session == NULL) return;
    for (size_t i = 0; i < session->n_plans; i++) {
        mwi_plan_destroy(session->plans[i]);
        mwi_heap_free(session->heap, session->shapes[i], session->n_inputs * sizeof(mw_shape));
    }
    for (size_t i = 0; i < session->states.n; i++)
        mwi_heap_free(session->heap, session->states.v[i].data, session->states.v[i].bytes + 1);
    mwi_heap_free(session->heap, session->memory, session->memory_bytes);
    mwi_pool_destroy(session->pool);
    mw_model_destroy(session->model);
    mwi_arena_deinit(&session->arena);
    mwi_heap *const heap = session->heap;
    mwi_heap_free(heap, session, sizeof *session);
    mwi_heap_release(heap);
}

/* ---- plans ---- */

void mwi_session_use_plan(mw_session *s, mwi_plan *plan)
{
    if (plan->base != s->memory || plan->base == NULL) mwi_plan_bind(plan, s->memory);
    s->present = plan;
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

/* Room for the plan's activations; the block only grows, and every plan is bound again when it moves. */
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
    return MW_OK;
}

/* State's sizes follow the plan's shapes; what keeps its size keeps its values. */
static mw_status keep_plan(mw_ctx *ctx, mw_session *s, mwi_plan *plan, mw_shape *shapes)
{
    size_t at = s->n_plans;

    MWI_TRY(fit_memory(ctx, s, plan->arena_bytes));
    if (s->n_plans == MWI_MAX_PLANS) {
        /* Round robin over all but the first and the present one. */
        do {
            s->next_to_replace = s->next_to_replace % (MWI_MAX_PLANS - 1) + 1;
        } while (s->plans[s->next_to_replace] == s->present);
        at = s->next_to_replace;
        mwi_plan_destroy(s->plans[at]);
        mwi_heap_free(s->heap, s->shapes[at], s->n_inputs * sizeof(mw_shape));
    } else {
        s->n_plans++;
    }
    s->plans[at] = plan;
    s->shapes[at] = shapes;
    mwi_session_use_plan(s, plan);
    return MW_OK;
}

static mw_status copy_shapes(mw_ctx *ctx, mw_session *s, const mw_shape *shapes, mw_shape **out)
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
            memcpy((*out)[i].dims, t->dims, sizeof (*out)[i].dims);
        }
    }
    return MW_OK;
}

mw_status mwi_session_use_shapes(mw_ctx *ctx, mw_session *s, const mw_shape *shapes)
{
    mwi_plan *plan = NULL;
    mw_shape *copy = NULL;

    for (size_t i = 0; i < s->n_plans && shapes != NULL; i++) {
        if (!same_shapes(s, s->shapes[i], shapes)) continue;
        mwi_session_use_plan(s, s->plans[i]);
        return MW_OK;
    }
    const mwi_plan_options o = {.model = s->model, .graph = s->graph, .device = s->device,
                                .kernel_suffix = s->kernel_suffix, .n_threads = s->n_threads, .pool = s->pool,
                                .states = &s->states, .inputs = s->inputs, .shapes = shapes,
                                .n_inputs = s->n_inputs};
    MWI_TRY(copy_shapes(ctx, s, shapes, &copy));
    mw_status st = mwi_plan_create(ctx, &o, &plan);
    if (st == MW_OK) st = keep_plan(ctx, s, plan, copy);
    if (st == MW_OK) return MW_OK;
    mwi_plan_destroy(plan);
    mwi_heap_free(s->heap, copy, s->n_inputs * sizeof(mw_shape));
    return st;
}

mw_status mw_session_resize(mw_ctx *ctx, mw_session *session, const mw_shape *input_shapes)
{
    char reason[512];
    const mw_status st = mwi_session_use_shapes(ctx, session, input_shapes);

    if (st != MW_EFORMAT) return st;
    /* The file is sound; it is the new shapes that its graph does not take. */
    const char *const error = mw_ctx_error(ctx);
    const size_t n = strnlen(error, sizeof reason - 1);
    memcpy(reason, error, n);
    reason[n] = '\0';
    mw_ctx_clear(ctx);
    return mwi_fail(ctx, MW_EUNSUPPORTED, "%s: the graph does not take these input shapes: %s",
                    session->model->name, reason);
}

/* ---- inputs, outputs ---- */

size_t mw_session_n_inputs(const mw_session *session) { return session->n_inputs; }
size_t mw_session_n_outputs(const mw_session *session) { return session->n_outputs; }

static void fill_buffer(const mw_session *s, int32_t tensor, mw_buffer *out)
{
    const mwi_view *const v = &s->present->views[tensor];

    mwi_tensor_info(s->graph->tensors[tensor], &out->info);
    out->info.dtype = v->dtype;
    out->info.rank = v->rank;
    memcpy(out->info.dims, v->dims, sizeof out->info.dims);
    out->data = v->data;
    out->bytes = v->bytes;
}

mw_status mw_session_input(mw_ctx *ctx, mw_session *session, size_t index, mw_buffer *out_buffer)
{
    if (index >= session->n_inputs)
        return mwi_fail(ctx, MW_EINVAL, "%s: input %zu of %zu", session->model->name, index, session->n_inputs);
    fill_buffer(session, session->inputs[index], out_buffer);
    return MW_OK;
}

mw_status mw_session_output(mw_ctx *ctx, mw_session *session, size_t index, mw_buffer *out_buffer)
{
    if (index >= session->n_outputs)
        return mwi_fail(ctx, MW_EINVAL, "%s: output %zu of %zu", session->model->name, index,
                        session->n_outputs);
    fill_buffer(session, session->outputs[index], out_buffer);
    return MW_OK;
}

/* ---- running ---- */

static mw_status run_step(mw_ctx *ctx, const mw_session *s, mwi_step *step)
{
    const uint64_t begin = s->profile ? mwi_now_ns() : 0;

    if (step->kernel != NULL) {
        const mw_status st = step->kernel->run(ctx, &step->call);
        if (st != MW_OK)
            return mwi_prefix(ctx, st, "%s: %s '%s'", s->model->name, mwi_op_name(step->op),
                              step->op->n_out > 0 ? step->call.out[0].tensor->name : "");
    }
    if (s->profile) {
        step->total_ns += mwi_now_ns() - begin;
        step->n_runs++;
    }
    if (s->observe == NULL) return MW_OK;
    return s->observe(s->observe_self, ctx, s->graph, step->op, step->call.in, step->call.n_in, step->call.out,
                      step->call.n_out);
}

static mw_status observe_inputs(mw_ctx *ctx, const mw_session *s)
{
    for (size_t i = 0; i < s->n_inputs; i++)
        MWI_TRY(s->observe(s->observe_self, ctx, s->graph, NULL, NULL, 0,
                           &s->present->views[s->inputs[i]], 1));
    return MW_OK;
}

mw_status mw_session_run(mw_ctx *ctx, mw_session *session)
{
    mwi_plan *const p = session->present;
    const bool hooked = session->hooks.after_run != NULL;

    if (session->hooks.before_run != NULL) session->hooks.before_run(session->hooks.self, session);
    const uint64_t begin = hooked ? mwi_now_ns() : 0;
    if (session->observe != NULL) MWI_TRY(observe_inputs(ctx, session));
    for (size_t i = 0; i < p->n_steps; i++) MWI_TRY(run_step(ctx, session, &p->steps[i]));
    if (hooked) session->hooks.after_run(session->hooks.self, session, mwi_now_ns() - begin);
    return MW_OK;
}

void mw_session_set_hooks(mw_session *session, const mw_session_hooks *hooks)
{
    static const mw_session_hooks none;
    session->hooks = hooks == NULL ? none : *hooks;
}

void mwi_session_observe(mw_session *session, mwi_observe_fn fn, void *self)
{
    session->observe = fn;
    session->observe_self = self;
}

/* ---- figures ---- */

void mw_session_memory_use(const mw_session *session, mw_session_memory *out_memory)
{
    memset(out_memory, 0, sizeof *out_memory);
    out_memory->arena_bytes = session->memory_bytes;
    for (size_t i = 0; i < session->states.n; i++) out_memory->state_bytes += session->states.v[i].bytes;
    for (size_t i = 0; i < session->graph->n_tensors; i++)
        out_memory->weight_bytes += session->graph->tensors[i]->bytes;
    for (size_t i = 0; i < session->n_plans; i++) out_memory->packed_bytes += session->plans[i]->arena.bytes;
}

size_t mw_session_n_steps(const mw_session *session) { return session->present->n_steps; }

mw_status mw_session_step(mw_ctx *ctx, const mw_session *session, size_t index, mw_step_info *out_info)
{
    if (index >= session->present->n_steps)
        return mwi_fail(ctx, MW_EINVAL, "step %zu of %zu", index, session->present->n_steps);
    const mwi_step *const s = &session->present->steps[index];
    *out_info = (mw_step_info){
        .op = mwi_op_name(s->op), .name = s->op->n_out > 0 ? s->call.out[0].tensor->name : "",
        .kernel = s->kernel == NULL ? "view" : s->kernel->name, .device = session->device->name,
        .macs = s->macs, .bytes = s->kernel == NULL ? 0 : s->bytes, .n_runs = s->n_runs,
        .total_ns = s->total_ns};
    return MW_OK;
}
