/* runtime/plan.c - from a graph and input shapes to steps.
 * In order: shapes and constants (infer_all), kernels (choose_all), lifetimes with views and in-place
 * operators (assign_roots, find_spans), memory (memory.c), arguments (bind).
 * Depends: runtime/plan, ops/, devices/.  Used by: runtime/session.
 * SPDX-License-Identifier: Apache-2.0 */
#include "runtime/plan.h"

#include "base/checked.h"
#include "base/text.h"

#include <string.h>

enum { MAX_NAMED = 20 }; /* operators without a kernel that one message names */

/* What is known of a tensor while the plan is made. */
typedef struct value {
    bool arena;   /* lives in the activations */
    int32_t root; /* the tensor whose memory it shares; itself */
    int32_t first, last; /* steps; of a root: of all that share it */
} value;

typedef struct maker {
    const mwi_plan_options *o;
    mwi_plan *plan;
    mwi_arena scratch;
    value *values;
    mwi_span *spans;
    mwi_text missing;
    size_t n_missing;
} maker;

/* ---- shapes and constants ---- */

static mw_status set_views(mw_ctx *ctx, maker *m)
{
    const mwi_graph *const g = m->o->graph;

    for (size_t i = 0; i < g->n_tensors; i++)
        MWI_TRY(mwi_view_dense(ctx, g->tensors[i], &m->plan->arena, &m->plan->views[i]));
    for (size_t i = 0; i < m->o->n_inputs; i++) {
        const mwi_tensor *const t = g->tensors[m->o->inputs[i]];
        mwi_view *const v = &m->plan->views[m->o->inputs[i]];
        v->data = NULL; /* fed, even where the file holds a value */
        if (m->o->shapes != NULL) {
            const mw_shape *const s = &m->o->shapes[i];
            if (s->rank < 0 || s->rank > MW_MAX_RANK || (t->has_rank && s->rank != t->rank))
                return mwi_fail(ctx, MW_EINVAL, "input %zu '%s' has rank %d, given is %d", i, t->name, t->rank,
                                s->rank);
            v->rank = s->rank;
            memcpy(v->dims, s->dims, sizeof v->dims);
        }
        if (!mwi_dims_bytes(v->dtype, v->rank, v->dims, &v->bytes) ||
            v->bytes > mwi_limits(ctx)->max_memory_bytes)
            return mwi_fail(ctx, MW_EUNSUPPORTED, "input %zu '%s' of %s has no fixed size", i, t->name,
                            mw_dtype_name(v->dtype));
    }
    for (size_t i = 0; i < m->o->states->n; i++)
        m->plan->views[m->o->states->v[i].tensor].data = m->o->states->v[i].data;
    return MW_OK;
}

static mw_status gather(mw_ctx *ctx, maker *m, const mwi_op *op, mwi_shape_call *out, mwi_view **out_in)
{
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, &m->plan->arena, op->n_in + op->n_out, sizeof(mwi_view), &memory));
    mwi_view *const in = memory;
    for (size_t i = 0; i < op->n_in; i++)
        if (op->in[i] >= 0) in[i] = m->plan->views[op->in[i]];
    for (size_t i = 0; i < op->n_out; i++) in[op->n_in + i] = m->plan->views[op->out[i]];
    *out = (mwi_shape_call){.op = op, .attr = op->attr, .graph = m->o->graph, .n_in = op->n_in,
                            .n_out = op->n_out, .in = in, .out = in + op->n_in};
    *out_in = in;
    return MW_OK;
}

/* Whether the operator's value is known while planning. */
static bool is_foldable(const mwi_shape_call *call)
{
    if ((call->op->desc->traits & MWI_OP_STATEFUL) != 0) return false;
    for (size_t i = 0; i < call->n_out; i++)
        if (call->out[i].tensor->is_variable) return false;
    if ((call->op->desc->traits & MWI_OP_SHAPE_ONLY) != 0) return true;
    for (size_t i = 0; i < call->n_in; i++) {
        if (call->in[i].tensor == NULL) continue;
        if (call->in[i].data == NULL || call->in[i].tensor->is_variable) return false;
    }
    return call->n_in > 0;
}

static mw_status name_missing(mw_ctx *ctx, maker *m, const mwi_shape_call *call)
{
    const mwi_op *const op = call->op;

    if (++m->n_missing > MAX_NAMED) return MW_OK;
    MWI_TRY(mwi_text_printf(ctx, &m->missing, "%s%s '%s' (", m->n_missing > 1 ? "; " : "", mwi_op_name(op),
                            op->n_out > 0 ? m->o->graph->tensors[op->out[0]]->name : ""));
    if (op->desc == &mwi_op_unknown)
        return mwi_text_printf(ctx, &m->missing, "operator %d is unknown)", op->code);
    for (size_t i = 0; i < call->n_in; i++)
        MWI_TRY(mwi_text_printf(ctx, &m->missing, "%s%s", i > 0 ? "," : "no kernel for ",
                                call->in[i].tensor == NULL ? "-" : mwi_dtype_short(call->in[i].dtype)));
    MWI_TRY(mwi_text_printf(ctx, &m->missing, ">"));
    for (size_t i = 0; i < call->n_out; i++)
        MWI_TRY(mwi_text_printf(ctx, &m->missing, "%s%s", i > 0 ? "," : "", mwi_dtype_short(call->out[i].dtype)));
    return mwi_text_printf(ctx, &m->missing, ")");
}

static mw_status add_step(mw_ctx *ctx, maker *m, const mwi_shape_call *call)
{
    mwi_plan *const p = m->plan;
    mwi_step *const s = &p->steps[p->n_steps];
    mwi_prepare_call prep = {.op = call->op, .attr = call->attr, .graph = call->graph, .n_in = call->n_in,
                             .n_out = call->n_out, .in = call->in, .out = call->out, .arena = &p->arena,
                             .n_threads = m->o->n_threads};
    const mwi_kernel *const k = mwi_device_choose(m->o->device, &prep, m->o->kernel_suffix);

    if (k == NULL) return name_missing(ctx, m, call);
    s->op = call->op;
    s->kernel = k;
    if (k->prepare != NULL && m->n_missing == 0) MWI_TRY(k->prepare(ctx, &prep));
    s->scratch_bytes = prep.scratch_bytes;
    s->call = (mwi_run_call){.attr = call->attr, .n_in = call->n_in, .n_out = call->n_out, .in = call->in,
                             .out = call->out, .state = prep.state, .pool = m->o->pool};
    s->macs = call->op->desc->macs == NULL ? 0 : call->op->desc->macs(call);
    for (size_t i = 0; i < call->n_in; i++) s->bytes += call->in[i].tensor == NULL ? 0 : call->in[i].bytes;
    for (size_t i = 0; i < call->n_out; i++) s->bytes += call->out[i].bytes;
    p->n_steps++;
    return MW_OK;
}

static mw_status plan_op(mw_ctx *ctx, maker *m, const mwi_op *op)
{
    mwi_shape_call call;
    mwi_view *in;

    MWI_TRY(gather(ctx, m, op, &call, &in));
    if (op->desc->infer == NULL) return name_missing(ctx, m, &call);
    MWI_TRY(mwi_op_infer(ctx, &call));
    if (call.unknown)
        return mwi_fail(ctx, MW_EUNSUPPORTED,
                        "%s '%s': the shape of its output depends on data; such graphs are not supported",
                        mwi_op_name(op), op->n_out > 0 ? call.out[0].tensor->name : "");
    if (is_foldable(&call) && mwi_op_kernel(&call) != NULL)
        MWI_TRY(mwi_op_eval(ctx, &call, &m->plan->arena));
    else
        MWI_TRY(mwi_prefix(ctx, add_step(ctx, m, &call), "%s '%s'", mwi_op_name(op),
                           op->n_out > 0 ? call.out[0].tensor->name : ""));
    for (size_t i = 0; i < op->n_out; i++) {
        mwi_view *const v = &m->plan->views[op->out[i]];
        if (v->tensor->is_variable && v->data != NULL) call.out[i].data = v->data;
        *v = call.out[i];
    }
    return MW_OK;
}

static mw_status plan_ops(mw_ctx *ctx, maker *m)
{
    const mwi_graph *const g = m->o->graph;
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, &m->plan->arena, g->n_ops, sizeof(mwi_step), &memory));
    m->plan->steps = memory;
    for (size_t i = 0; i < g->n_ops; i++) MWI_TRY(plan_op(ctx, m, g->ops[i]));
    if (m->n_missing == 0) return MW_OK;
    return mwi_fail(ctx, MW_EUNSUPPORTED, "%zu of %zu operators cannot run here: %s%s", m->n_missing, g->n_ops,
                    mwi_text_chars(&m->missing), m->n_missing > MAX_NAMED ? "; ..." : "");
}

/* ---- lifetimes ---- */

static int32_t root_of(const maker *m, int32_t tensor) { return m->values[tensor].root; }

static void touch(maker *m, int32_t tensor, int32_t step)
{
    value *const v = &m->values[root_of(m, tensor)];
    if (step < v->first) v->first = step;
    if (step > v->last) v->last = step;
}

static mw_status find_values(mw_ctx *ctx, maker *m)
{
    const mwi_graph *const g = m->o->graph;
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, &m->scratch, g->n_tensors, sizeof(value), &memory));
    m->values = memory;
    for (size_t i = 0; i < g->n_tensors; i++)
        m->values[i] = (value){.root = (int32_t)i, .first = INT32_MAX, .last = -1};
    for (size_t i = 0; i < m->o->n_inputs; i++) {
        m->values[m->o->inputs[i]].arena = m->plan->views[m->o->inputs[i]].data == NULL;
        touch(m, m->o->inputs[i], -1);
    }
    for (size_t i = 0; i < m->plan->n_steps; i++) {
        const mwi_op *const op = m->plan->steps[i].op;
        for (size_t k = 0; k < op->n_out; k++) {
            m->values[op->out[k]].arena = m->plan->views[op->out[k]].data == NULL;
            touch(m, op->out[k], (int32_t)i);
        }
        for (size_t k = 0; k < op->n_in; k++)
            if (op->in[k] >= 0) touch(m, op->in[k], (int32_t)i);
    }
    for (size_t i = 0; i < g->n_outputs; i++) touch(m, g->outputs[i], (int32_t)m->plan->n_steps);
    return MW_OK;
}

static size_t times_read(const mwi_op *op, int32_t tensor)
{
    size_t n = 0;
    for (size_t i = 0; i < op->n_in; i++) n += op->in[i] == tensor;
    return n;
}

/* A view shares its input's memory for good; an in-place operator takes over memory that nobody reads
 * after it. Steps are walked in order, so that a root's lifetime includes what joined it before. */
static void assign_roots(maker *m)
{
    for (size_t i = 0; i < m->plan->n_steps; i++) {
        mwi_step *const s = &m->plan->steps[i];
        const mwi_op *const op = s->op;
        if (op->n_in == 0 || op->n_out != 1 || op->in[0] < 0) continue;
        const mwi_view *const from = &m->plan->views[op->in[0]], *const to = &m->plan->views[op->out[0]];
        const int32_t root = root_of(m, op->in[0]);
        if (!m->values[root].arena || !m->values[op->out[0]].arena || from->bytes != to->bytes) continue;
        const bool view = (op->desc->traits & MWI_OP_VIEW) != 0;
        const bool in_place = (op->desc->traits & MWI_OP_INPLACE) != 0 &&
                              m->values[root].last == (int32_t)i && times_read(op, op->in[0]) == 1;
        if (!view && !in_place) continue;
        if (view) s->kernel = NULL;
        m->values[op->out[0]].root = root;
        if (m->values[op->out[0]].last > m->values[root].last)
            m->values[root].last = m->values[op->out[0]].last;
    }
}

static mw_status place_all(mw_ctx *ctx, maker *m)
{
    const size_t n_tensors = m->o->graph->n_tensors;
    mwi_plan *const p = m->plan;
    void *memory;
    size_t n = 0;

    MWI_TRY(mwi_arena_array(ctx, &m->scratch, n_tensors + p->n_steps, sizeof(mwi_span), &memory));
    m->spans = memory;
    for (size_t i = 0; i < n_tensors; i++) {
        const value *const v = &m->values[i];
        if (v->arena && v->root == (int32_t)i)
            m->spans[n++] = (mwi_span){.bytes = p->views[i].bytes, .first = v->first, .last = v->last};
    }
    for (size_t i = 0; i < p->n_steps; i++)
        if (p->steps[i].scratch_bytes > 0)
            m->spans[n++] = (mwi_span){.bytes = p->steps[i].scratch_bytes, .first = (int32_t)i,
                                       .last = (int32_t)i};
    MWI_TRY(mwi_memory_place(ctx, &m->scratch, m->spans, n, &p->arena_bytes));
    n = 0;
    for (size_t i = 0; i < n_tensors; i++)
        p->places[i] = m->values[i].arena && m->values[i].root == (int32_t)i ? m->spans[n++].place : MWI_NO_PLACE;
    for (size_t i = 0; i < n_tensors; i++)
        if (m->values[i].arena) p->places[i] = p->places[m->values[i].root];
    for (size_t i = 0; i < p->n_steps; i++)
        p->steps[i].scratch_place = p->steps[i].scratch_bytes > 0 ? m->spans[n++].place : MWI_NO_PLACE;
    return MW_OK;
}

static mw_status make(mw_ctx *ctx, maker *m)
{
    const size_t n = m->o->graph->n_tensors;
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, &m->plan->arena, n, sizeof(mwi_view), &memory));
    m->plan->views = memory;
    MWI_TRY(mwi_arena_array(ctx, &m->plan->arena, n, sizeof(size_t), &memory));
    m->plan->places = memory;
    MWI_TRY(set_views(ctx, m));
    MWI_TRY(plan_ops(ctx, m));
    MWI_TRY(find_values(ctx, m));
    assign_roots(m);
    return place_all(ctx, m);
}

mw_status mwi_plan_create(mw_ctx *ctx, const mwi_plan_options *options, mwi_plan **out)
{
    maker m = {.o = options};
    void *memory;

    *out = NULL;
    MWI_TRY(mwi_alloc(ctx, sizeof(mwi_plan), &memory));
    memset(memory, 0, sizeof(mwi_plan));
    m.plan = memory;
    m.plan->graph = options->graph;
    mwi_arena_init(ctx, &m.plan->arena);
    mwi_arena_init(ctx, &m.scratch);
    mwi_text_init(ctx, &m.missing, 1 << 16);
    const mw_status st = make(ctx, &m);
    mwi_text_deinit(&m.missing);
    mwi_arena_deinit(&m.scratch);
    if (st == MW_OK) *out = m.plan;
    else mwi_plan_destroy(m.plan);
    return st;
}

void mwi_plan_destroy(mwi_plan *plan)
{
    if (plan == NULL) return;
    mwi_arena arena = plan->arena;
    mwi_heap *const heap = arena.heap;
    /* The arena holds one reference; the plan's own memory goes back before it. */
    mwi_heap_free(heap, plan, sizeof *plan);
    mwi_arena_deinit(&arena);
}

static void bind_view(const mwi_plan *p, int32_t tensor, mwi_view *v)
{
    if (tensor >= 0 && p->places[tensor] != MWI_NO_PLACE) v->data = p->base + p->places[tensor];
    else if (tensor >= 0) v->data = p->views[tensor].data;
}

void mwi_plan_bind(mwi_plan *plan, uint8_t *base)
{
    plan->base = base;
    for (size_t i = 0; i < plan->graph->n_tensors; i++)
        if (plan->places[i] != MWI_NO_PLACE) plan->views[i].data = base + plan->places[i];
    for (size_t i = 0; i < plan->n_steps; i++) {
        mwi_step *const s = &plan->steps[i];
        /* The views were made by this plan; kernels get them as const. */
        for (size_t k = 0; k < s->op->n_in; k++)
            bind_view(plan, s->op->in[k], (mwi_view *)(uintptr_t)&s->call.in[k]);
        for (size_t k = 0; k < s->op->n_out; k++)
            bind_view(plan, s->op->out[k], (mwi_view *)(uintptr_t)&s->call.out[k]);
        if (s->scratch_place != MWI_NO_PLACE) s->call.scratch = base + s->scratch_place;
    }
}
