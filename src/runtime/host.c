/* runtime/host.c - what operators ask of the session: subgraphs to run, and values that outlive a
 * call; variables and tables are in resources.c.
 * Depends: runtime/session_state.  Used by: operators through mwi_host; runtime/session*.
 * Holds:   (1) `self` of the host is the root session;  (2) a subgraph has one instance, which is
 *          never entered twice at a time.   SPDX-License-Identifier: Apache-2.0 */
#include "runtime/session_state.h"

#include <string.h>

/* ---- memory that grows ---- */

/* What was in it is lost. */
static mw_status fit(mw_ctx *ctx, mwi_heap *heap, size_t bytes, void **data, size_t *capacity)
{
    void *memory;

    if (bytes == 0) bytes = 1;
    if (bytes <= *capacity) return MW_OK;
    MWI_TRY(mwi_heap_alloc(ctx, heap, bytes, &memory));
    mwi_heap_free(heap, *data, *capacity);
    *data = memory;
    *capacity = bytes;
    return MW_OK;
}

static mw_status scratch(void *self, mw_ctx *ctx, size_t bytes, void **out)
{
    mw_session *const root = self;
    mwi_shared *const h = &root->shared;

    MWI_TRY(fit(ctx, root->heap, bytes, &h->scratch, &h->scratch_bytes));
    *out = h->scratch;
    return MW_OK;
}

/* ---- subgraphs ---- */

static mw_status find_reads(mw_ctx *ctx, mwi_callee *c)
{
    mw_session *const s = c->session;
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, &s->arena, s->n_inputs, sizeof(bool), &memory));
    c->is_read = memory;
    for (size_t i = 0; i < s->n_inputs; i++)
        c->is_read[i] = mwi_graph_n_uses(s->graph, s->inputs[i]) > 0;
    return MW_OK;
}

static mw_status make_callee(mw_ctx *ctx, mw_session *root, size_t subgraph, mwi_callee *c)
{
    void *memory;

    MWI_TRY(mwi_session_create_callee(ctx, root, subgraph, &c->session));
    mw_session *const s = c->session;
    MWI_TRY(mwi_arena_array(ctx, &s->arena, s->n_outputs, sizeof(mwi_view), &memory));
    c->out = memory;
    MWI_TRY(mwi_arena_array(ctx, &s->arena, s->n_inputs, sizeof(mw_shape), &memory));
    c->shapes = memory;
    return find_reads(ctx, c);
}

static void drop_callee(mwi_callee *c)
{
    mw_session_destroy(c->session);
    c->session = NULL;
}

static mw_status callee_of(mw_ctx *ctx, mw_session *root, int32_t subgraph, mwi_callee **out)
{
    if (subgraph < 0 || (size_t)subgraph >= root->model->n_graphs)
        return mwi_fail(ctx, MW_EFORMAT, "subgraph %d of %zu", subgraph, root->model->n_graphs);
    mwi_callee *const c = &root->shared.callees[subgraph];
    if (c->busy || root->model->graphs[subgraph] == root->graph)
        return mwi_fail(ctx, MW_EFORMAT, "subgraph %d calls itself", subgraph);
    *out = c;
    if (c->session != NULL) return MW_OK;
    const mw_status st = make_callee(ctx, root, (size_t)subgraph, c);
    if (st != MW_OK) drop_callee(c);
    return st;
}

static mw_status check_inputs(mw_ctx *ctx, const mwi_callee *c, const mwi_view *in, size_t n)
{
    const mw_session *const s = c->session;

    if (n != s->n_inputs)
        return mwi_fail(ctx, MW_EFORMAT, "it has %zu inputs, given are %zu", s->n_inputs, n);
    for (size_t i = 0; i < n; i++) {
        const mwi_tensor *const t = s->graph->tensors[s->inputs[i]];
        if (in[i].tensor == NULL) return mwi_fail(ctx, MW_EFORMAT, "input %zu is left out", i);
        if (in[i].dtype != t->dtype)
            return mwi_fail(ctx, MW_EFORMAT, "input %zu '%s' is %s, given is %s", i, t->name,
                            mw_dtype_name(t->dtype), mw_dtype_name(in[i].dtype));
    }
    return MW_OK;
}

static mw_status use_shapes(mw_ctx *ctx, mwi_callee *c, const mwi_view *in, size_t n)
{
    MWI_TRY(check_inputs(ctx, c, in, n));
    for (size_t i = 0; i < n; i++) {
        c->shapes[i].rank = in[i].rank;
        memcpy(c->shapes[i].dims, in[i].dims, sizeof c->shapes[i].dims);
    }
    return mwi_session_use_shapes(ctx, c->session, c->shapes);
}

static void get_outputs(const mwi_callee *c, const mwi_plan *p, mwi_called *out)
{
    const mw_session *const s = c->session;

    for (size_t i = 0; i < s->n_outputs; i++) c->out[i] = p->views[s->outputs[i]];
    *out = (mwi_called){c->out, s->n_outputs, p->next_op == s->graph->n_ops};
}

static mw_status plan(void *self, mw_ctx *ctx, int32_t subgraph, const mwi_view *in, size_t n_in,
                      mwi_called *out)
{
    mwi_callee *c;

    MWI_TRY(callee_of(ctx, self, subgraph, &c));
    c->busy = true;
    const mw_status st = use_shapes(ctx, c, in, n_in);
    c->busy = false;
    MWI_TRY(mwi_prefix(ctx, st, "subgraph %d", subgraph));
    get_outputs(c, c->session->present, out);
    return MW_OK;
}

static mw_status feed(mw_ctx *ctx, const mwi_callee *c, const mwi_view *in)
{
    const mw_session *const s = c->session;

    for (size_t i = 0; i < s->n_inputs; i++) {
        const mwi_view *const v = &s->present->views[s->inputs[i]];
        if (!c->is_read[i] || v->bytes == 0) continue;
        if (v->bytes != in[i].bytes || in[i].data == NULL)
            return mwi_fail(ctx, MW_EINVAL, "input %zu takes %zu bytes, given are %zu", i, v->bytes,
                            in[i].bytes);
        if (v->data != in[i].data) memcpy(v->data, in[i].data, v->bytes); /* it is there already */
    }
    return MW_OK;
}

static mw_status run(void *self, mw_ctx *ctx, int32_t subgraph, const mwi_view *in, size_t n_in,
                     mwi_called *out)
{
    mwi_callee *c;

    MWI_TRY(callee_of(ctx, self, subgraph, &c));
    c->busy = true;
    mw_status st = use_shapes(ctx, c, in, n_in);
    if (st == MW_OK) st = feed(ctx, c, in);
    if (st == MW_OK) st = mwi_session_run_plans(ctx, c->session);
    c->busy = false;
    MWI_TRY(mwi_prefix(ctx, st, "subgraph %d", subgraph));
    get_outputs(c, mwi_session_last_plan(c->session), out);
    return MW_OK;
}

static const mwi_graph *graph_of(void *self, int32_t subgraph)
{
    const mw_model *const m = ((mw_session *)self)->model;
    return subgraph >= 0 && (size_t)subgraph < m->n_graphs ? m->graphs[subgraph] : NULL;
}

static bool was_run(void *self, int32_t subgraph)
{
    return ((mw_session *)self)->shared.resources->was_run[subgraph];
}

static void set_run(void *self, int32_t subgraph)
{
    ((mw_session *)self)->shared.resources->was_run[subgraph] = true;
}

/* ---- values that outlive a call ---- */

static mwi_held *find_held(const mwi_shared *h, const void *attr)
{
    for (size_t i = 0; i < h->n_held; i++)
        if (h->held[i].attr == attr) return &h->held[i];
    return NULL;
}

static mw_status make_held(mw_ctx *ctx, mw_session *root, const void *attr, size_t n,
                           mwi_held **out)
{
    mwi_shared *const h = &root->shared;
    void *memory;

    *out = find_held(h, attr);
    if (*out != NULL && (*out)->n == n) return MW_OK;
    if (*out != NULL) return mwi_fail(ctx, MW_EINVAL, "holds %zu values, not %zu", (*out)->n, n);
    MWI_TRY(mwi_arena_grow(ctx, &root->arena, &h->held, h->n_held, &h->held_capacity,
                           sizeof(mwi_held)));
    mwi_held *const x = &h->held[h->n_held];
    *x = (mwi_held){.attr = attr, .n = n};
    MWI_TRY(mwi_arena_array(ctx, &root->arena, n, sizeof(mwi_view), &memory));
    x->views = memory;
    MWI_TRY(mwi_arena_array(ctx, &root->arena, n, sizeof(size_t), &memory));
    x->capacities = memory;
    h->n_held++;
    *out = x;
    return MW_OK;
}

static mw_status hold(void *self, mw_ctx *ctx, const void *attr, const mwi_view *in, size_t n,
                      const mwi_view **out)
{
    mw_session *const root = self;
    mwi_held *x;

    MWI_TRY(make_held(ctx, root, attr, n, &x));
    for (size_t i = 0; i < n && in != x->views; i++) {
        void *data = x->views[i].data;
        const mw_status st = fit(ctx, root->heap, in[i].bytes, &data, &x->capacities[i]);
        x->views[i].data = data;
        MWI_TRY(st);
        if (in[i].bytes > 0) memcpy(data, in[i].data, in[i].bytes);
        x->views[i] = in[i];
        x->views[i].data = data;
    }
    x->full = true;
    *out = x->views;
    return MW_OK;
}

static const mwi_view *take_held(void *self, const void *attr)
{
    mwi_held *const x = find_held(&((mw_session *)self)->shared, attr);

    if (x == NULL || !x->full) return NULL;
    x->full = false;
    return x->views;
}

void mwi_host_begin_run(mw_session *root)
{
    for (size_t i = 0; i < root->shared.n_held; i++) root->shared.held[i].full = false;
}

static mw_status keep(void *self, mw_ctx *ctx, const void *attr, size_t bytes, void **out)
{
    mw_session *const root = self;
    mwi_shared *const h = &root->shared;

    for (size_t i = 0; i < h->n_kept; i++) {
        if (h->kept[i].attr != attr || h->kept[i].bytes != bytes) continue;
        *out = h->kept[i].data;
        return MW_OK;
    }
    MWI_TRY(mwi_arena_grow(ctx, &root->arena, &h->kept, h->n_kept, &h->kept_capacity,
                           sizeof(mwi_kept)));
    MWI_TRY(mwi_arena_array(ctx, &root->arena, bytes, 1, out));
    h->kept[h->n_kept++] = (mwi_kept){attr, *out, bytes};
    return MW_OK;
}

/* ---- life ---- */

static mw_status share(mw_ctx *ctx, mw_session *root, const mw_session *shares)
{
    if (shares == NULL)
        return mwi_resources_create(ctx, root->model->n_graphs, &root->shared.resources);
    if (shares->model != root->model)
        return mwi_fail(ctx, MW_EINVAL, "shares resources with a session of another model, '%s'",
                        shares->model->name);
    root->shared.resources = shares->shared.resources;
    root->shared.resources->n_users++;
    return MW_OK;
}

mw_status mwi_host_init(mw_ctx *ctx, mw_session *root, const mw_session *shares)
{
    void *memory;

    root->host = (mwi_host){.self = root,
                            .plan = plan,
                            .graph = graph_of,
                            .run = run,
                            .hold = hold,
                            .take_held = take_held,
                            .scratch = scratch,
                            .was_run = was_run,
                            .set_run = set_run,
                            .keep = keep};
    mwi_resources_serve(&root->host);
    MWI_TRY(mwi_arena_array(ctx, &root->arena, root->model->n_graphs, sizeof(mwi_callee), &memory));
    root->shared.callees = memory;
    return share(ctx, root, shares);
}

mw_status mwi_host_reset(mw_ctx *ctx, mw_session *root)
{
    mwi_shared *const h = &root->shared;

    mwi_resources_reset(h->resources, root->model->n_graphs);
    for (size_t i = 0; i < h->n_kept; i++) memset(h->kept[i].data, 0, h->kept[i].bytes);
    for (size_t i = 0; i < root->model->n_graphs; i++) {
        if (h->callees[i].session != NULL) MWI_TRY(mw_session_reset(ctx, h->callees[i].session));
    }
    return MW_OK;
}

void mwi_host_memory_use(const mw_session *root, mw_session_memory *out)
{
    const mwi_shared *const h = &root->shared;

    out->state_bytes += mwi_resources_bytes(h->resources);
    for (size_t i = 0; i < root->model->n_graphs; i++) {
        mw_session_memory m;
        if (h->callees[i].session == NULL) continue;
        mw_session_memory_use(h->callees[i].session, &m);
        out->arena_bytes += m.arena_bytes;
        out->prepared_bytes += m.prepared_bytes;
        out->weight_bytes += m.weight_bytes;
        out->state_bytes += m.state_bytes;
    }
}

void mwi_host_deinit(mw_session *root)
{
    mwi_shared *const h = &root->shared;

    for (size_t i = 0; h->callees != NULL && i < root->model->n_graphs; i++)
        drop_callee(&h->callees[i]);
    for (size_t i = 0; i < h->n_held; i++)
        for (size_t k = 0; k < h->held[i].n; k++)
            mwi_heap_free(root->heap, h->held[i].views[k].data, h->held[i].capacities[k]);
    mwi_resources_release(h->resources);
    mwi_heap_free(root->heap, h->scratch, h->scratch_bytes);
}
