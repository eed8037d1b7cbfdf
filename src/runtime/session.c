/* runtime/session.c - making a session: the graph of its signature, its state, its first plan; its
 * inputs and outputs.
 * Depends: runtime/session_state.  Used by: everything above through milliwatt/session.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "runtime/session_state.h"

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
        if (t->dtype == MW_STRING || !mwi_dims_bytes(t->dtype, t->rank, t->dims, &v->bytes))
            return mwi_fail(ctx, MW_EUNSUPPORTED, "state '%s' of %s has no fixed size", t->name,
                            mw_dtype_name(t->dtype));
        MWI_TRY(mwi_arena_alloc(ctx, &s->arena, v->bytes == 0 ? 1 : v->bytes, &v->data));
        s->states.n++;
    }
    return MW_OK;
}

/* State starts at zero bytes, int8 at its zero point: as TFLite resets variables. */
static void reset_states(mw_session *s)
{
    for (size_t i = 0; i < s->states.n; i++) {
        const mwi_state *const v = &s->states.v[i];
        const mwi_tensor *const t = s->graph->tensors[v->tensor];
        const bool shifted = t->dtype == MW_INT8 && t->quant != NULL && t->quant->q.n_scales > 0;
        memset(v->data, shifted ? (int)t->quant->q.zero_points[0] : 0, v->bytes);
    }
}

mw_status mw_session_reset(mw_ctx *ctx, mw_session *session)
{
    mwi_enter(ctx);
    reset_states(session);
    return session->root == session ? mwi_host_reset(ctx, session) : MW_OK;
}

/* ---- the graph and its ends ---- */

static mw_status copy_ends(mw_ctx *ctx, mw_session *s, const mwi_signature *sig)
{
    void *memory;

    s->n_inputs = sig != NULL ? sig->n_inputs : s->graph->n_inputs;
    s->n_outputs = sig != NULL ? sig->n_outputs : s->graph->n_outputs;
    MWI_TRY(mwi_arena_array(ctx, &s->arena, s->n_inputs, sizeof(int32_t), &memory));
    s->inputs = memory;
    MWI_TRY(mwi_arena_array(ctx, &s->arena, s->n_outputs, sizeof(int32_t), &memory));
    s->outputs = memory;
    MWI_TRY(mwi_arena_array(ctx, &s->arena, s->n_inputs, sizeof(mw_shape), &memory));
    s->batch_shapes = memory;
    for (size_t i = 0; i < s->n_inputs; i++)
        s->inputs[i] = sig != NULL ? sig->inputs[i].tensor : s->graph->inputs[i];
    for (size_t i = 0; i < s->n_outputs; i++)
        s->outputs[i] = sig != NULL ? sig->outputs[i].tensor : s->graph->outputs[i];
    return MW_OK;
}

static bool is_one_of(int32_t tensor, const int32_t *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (list[i] == tensor) return true;
    return false;
}

/* The verifier proves a signature's indices; what the plan relies on is that its inputs are the
 * graph's, all of them, and that its outputs have values. */
static mw_status check_ends(mw_ctx *ctx, const mw_session *s, const char *key)
{
    const mwi_graph *const g = s->graph;

    for (size_t i = 0; i < s->n_inputs; i++)
        if (!is_one_of(s->inputs[i], g->inputs, g->n_inputs))
            return mwi_fail(ctx, MW_EFORMAT,
                            "signature '%s': input %zu '%s' is no input of its subgraph", key, i,
                            g->tensors[s->inputs[i]]->name);
    for (size_t i = 0; i < g->n_inputs; i++)
        if (!is_one_of(g->inputs[i], s->inputs, s->n_inputs))
            return mwi_fail(ctx, MW_EFORMAT, "signature '%s' leaves out input '%s' of its subgraph",
                            key, g->tensors[g->inputs[i]]->name);
    for (size_t i = 0; i < s->n_outputs; i++) {
        const mwi_tensor *const t = g->tensors[s->outputs[i]];
        if (mwi_tensor_is_const(t) || t->is_variable ||
            is_one_of(s->outputs[i], s->inputs, s->n_inputs) ||
            mwi_graph_producer(g, s->outputs[i]) >= 0)
            continue;
        return mwi_fail(ctx, MW_EFORMAT, "signature '%s': output %zu '%s' is made by no operator",
                        key, i, t->name);
    }
    return MW_OK;
}

static mw_status choose_graph(mw_ctx *ctx, mw_session *s, const char *key)
{
    const mw_model *const m = s->model;
    const mwi_signature *sig = NULL;

    for (size_t i = 0; key != NULL && i < m->n_signatures && sig == NULL; i++)
        if (strcmp(m->signatures[i].key, key) == 0) sig = &m->signatures[i];
    if (key != NULL && sig == NULL)
        return mwi_fail(ctx, MW_EINVAL, "no signature '%s' among %zu%s%s", key, m->n_signatures,
                        m->n_signatures > 0 ? "; the first is " : "",
                        m->n_signatures > 0 ? m->signatures[0].key : "");
    s->graph = m->graphs[sig != NULL ? sig->graph : 0];
    MWI_TRY(copy_ends(ctx, s, sig));
    return sig != NULL ? check_ends(ctx, s, key) : MW_OK;
}

/* ---- making ---- */

static mw_status setup(mw_ctx *ctx, mw_session *s, const mw_session_options *o)
{
    const char *const device = o->device == NULL ? mwi_devices[0]->name : o->device;

    s->device = mwi_device_by_name(device);
    if (s->device == NULL)
        return mwi_fail(ctx, MW_EUNAVAILABLE, "no device '%s'; this build has %s", device,
                        mwi_devices[0]->name);
    s->n_threads = o->n_threads == 0 ? 1 : o->n_threads;
    s->profile = o->profile;
    if (o->kernels != NULL) {
        if (!mwi_kernel_is_named(s->device, o->kernels))
            return mwi_fail(ctx, MW_EINVAL,
                            "no kernel is named '%s'; see the table \"kernels\" of mw_list",
                            o->kernels);
        MWI_TRY(mwi_arena_string(ctx, &s->arena, o->kernels, strlen(o->kernels), &s->kernels));
    }
    MWI_TRY(mwi_customs_create(ctx, &s->arena, o->custom_ops, o->n_custom_ops, &s->customs));
    MWI_TRY(choose_graph(ctx, s, o->signature));
    if (s->n_threads > 1) MWI_TRY(mwi_pool_create(ctx, s->n_threads, &s->pool));
    MWI_TRY(mwi_host_init(ctx, s, o->share_with));
    MWI_TRY(make_states(ctx, s));
    reset_states(s);
    MWI_TRY(mwi_constants_init(ctx, s->graph, s->inputs, s->n_inputs, &s->constants));
    return mwi_session_use_shapes(ctx, s, NULL);
}

static mw_status create_empty(mw_ctx *ctx, const mw_model *model, mw_session **out)
{
    void *memory;

    MWI_TRY(mwi_alloc(ctx, sizeof(mw_session), &memory));
    memset(memory, 0, sizeof(mw_session));
    *out = memory;
    (*out)->root = memory;
    (*out)->heap = mwi_heap_retain(ctx);
    mwi_arena_init(ctx, &(*out)->arena);
    mwi_arena_init(ctx, &(*out)->strings);
    /* Only the reference count changes. */
    (*out)->model = mw_model_retain((mw_model *)(uintptr_t)model);
    return MW_OK;
}

static mw_status setup_callee(mw_ctx *ctx, mw_session *s, size_t graph)
{
    s->device = s->root->device;
    s->n_threads = s->root->n_threads;
    s->kernels = s->root->kernels;
    s->customs = s->root->customs;
    s->pool = s->root->pool;
    s->graph = s->model->graphs[graph];
    MWI_TRY(copy_ends(ctx, s, NULL));
    MWI_TRY(make_states(ctx, s));
    reset_states(s);
    return mwi_constants_init(ctx, s->graph, s->inputs, s->n_inputs, &s->constants);
}

mw_status mwi_session_create_callee(mw_ctx *ctx, mw_session *root, size_t graph, mw_session **out)
{
    mw_session *s;

    *out = NULL;
    MWI_TRY(create_empty(ctx, root->model, &s));
    s->root = root;
    const mw_status st = setup_callee(ctx, s, graph);
    if (st == MW_OK)
        *out = s;
    else
        mw_session_destroy(s);
    return st;
}

mw_status mw_session_create(mw_ctx *ctx, const mw_model *model, const mw_session_options *options,
                            mw_session **out_session)
{
    static const mw_session_options none;
    mw_session *s;

    mwi_enter(ctx);
    *out_session = NULL;
    if (model == NULL) return mwi_fail(ctx, MW_EINVAL, "a session needs a model");
    MWI_TRY(create_empty(ctx, model, &s));
    const mw_status st = setup(ctx, s, options == NULL ? &none : options);
    if (st == MW_OK)
        *out_session = s;
    else
        mw_session_destroy(s);
    return mwi_prefix(ctx, st, "%s", model->name);
}

void mw_session_destroy(mw_session *session)
{
    if (session == NULL) return;
    if (session->root == session) mwi_host_deinit(session);
    mwi_session_drop_plans(session);
    mwi_constants_deinit(&session->constants);
    mwi_heap_free(session->heap, session->memory, session->memory_bytes);
    if (session->root == session) mwi_pool_destroy(session->pool);
    mw_model_destroy(session->model);
    mwi_arena_deinit(&session->strings);
    mwi_arena_deinit(&session->arena);
    mwi_heap *const heap = session->heap;
    mwi_heap_free(heap, session, sizeof *session);
    mwi_heap_release(heap);
}

/* ---- inputs and outputs ---- */

size_t mw_session_n_inputs(const mw_session *session) { return session->n_inputs; }
size_t mw_session_n_outputs(const mw_session *session) { return session->n_outputs; }

static void fill_buffer(const mw_session *s, int32_t tensor, mw_buffer *out)
{
    const mwi_view *const v = &mwi_session_last_plan(s)->views[tensor];

    mwi_tensor_info(s->graph->tensors[tensor], &out->info);
    out->info.dtype = v->dtype;
    out->info.rank = v->rank;
    memcpy(out->info.dims, v->dims, sizeof out->info.dims);
    out->data = v->data;
    out->bytes = v->data == NULL ? 0 : v->bytes; /* of a shape that depends on data, before a run */
}

mw_status mw_session_input(mw_ctx *ctx, mw_session *session, size_t index, mw_buffer *out_buffer)
{
    mwi_enter(ctx);
    if (index >= session->n_inputs)
        return mwi_fail(ctx, MW_EINVAL, "%s: input %zu of %zu", session->model->name, index,
                        session->n_inputs);
    fill_buffer(session, session->inputs[index], out_buffer);
    return MW_OK;
}

mw_status mw_session_output(mw_ctx *ctx, mw_session *session, size_t index, mw_buffer *out_buffer)
{
    mwi_enter(ctx);
    if (index >= session->n_outputs)
        return mwi_fail(ctx, MW_EINVAL, "%s: output %zu of %zu", session->model->name, index,
                        session->n_outputs);
    fill_buffer(session, session->outputs[index], out_buffer);
    return MW_OK;
}
