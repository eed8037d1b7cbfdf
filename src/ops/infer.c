/* ops/infer.c - views, shape inference of one operator and of a graph, running one operator alone.
 * Depends: ops/registry.  Used by: readers, passes, runtime.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/kernels.h"

#include "base/checked.h"
#include "model/strings.h"

#include <string.h>

/* Values up to this many elements are evaluated while shapes are inferred: shapes, paddings, axes.
 */
enum { SMALL_ELEMENTS = 64 };

void mwi_view_of(const mwi_tensor *tensor, mwi_view *out)
{
    memset(out, 0, sizeof *out);
    if (tensor == NULL) return;
    out->tensor = tensor;
    out->dtype = tensor->dtype;
    out->rank = tensor->rank;
    memcpy(out->dims, tensor->dims, sizeof out->dims);
    out->quant = tensor->quant;
    const bool in_place = tensor->data != NULL && tensor->dtype != MW_STRING;
    out->data = in_place ? (void *)(uintptr_t)tensor->data : NULL; /* read only, see mwi_view */
    out->fixed = tensor->data != NULL && !tensor->is_variable;
    if (in_place)
        out->bytes = tensor->bytes;
    else
        (void)mwi_dims_bytes(tensor->dtype, tensor->rank, tensor->dims, &out->bytes);
}

static mw_status expand_strings(mw_ctx *ctx, const mwi_tensor *tensor, mwi_arena *arena,
                                mwi_view *out)
{
    MWI_TRY(mwi_arena_alloc(ctx, arena, out->bytes + 1, &out->data));
    mwi_strings_expand(tensor, out->data);
    return MW_OK;
}

mw_status mwi_view_dense(mw_ctx *ctx, const mwi_tensor *tensor, mwi_arena *arena, mwi_view *out)
{
    mwi_view_of(tensor, out);
    if (tensor == NULL || tensor->data == NULL) return MW_OK;
    if (tensor->dtype == MW_STRING) return expand_strings(ctx, tensor, arena, out);
    if (tensor->sparsity == NULL) return MW_OK;
    if (!mwi_dims_bytes(tensor->dtype, tensor->rank, tensor->dims, &out->bytes))
        return mwi_fail(ctx, MW_ELIMIT, "sparse '%s' is larger than any memory", tensor->name);
    MWI_TRY(mwi_arena_alloc(ctx, arena, out->bytes + 1, &out->data));
    return mwi_sparsity_expand(ctx, tensor, out->data);
}

mw_status mwi_op_views(mw_ctx *ctx, const mwi_graph *graph, const mwi_op *op, mwi_arena *arena,
                       mwi_shape_call *out)
{
    void *in, *results;

    memset(out, 0, sizeof *out);
    MWI_TRY(mwi_arena_array(ctx, arena, op->n_in, sizeof(mwi_view), &in));
    MWI_TRY(mwi_arena_array(ctx, arena, op->n_out, sizeof(mwi_view), &results));
    mwi_view *const views = in;
    out->op = op;
    out->attr = op->attr;
    out->graph = graph;
    out->n_in = op->n_in;
    out->n_out = op->n_out;
    out->in = views;
    out->out = results;
    for (size_t i = 0; i < op->n_in; i++)
        MWI_TRY(mwi_view_dense(ctx, op->in[i] < 0 ? NULL : graph->tensors[op->in[i]], arena,
                               &views[i]));
    for (size_t i = 0; i < op->n_out; i++) mwi_view_of(graph->tensors[op->out[i]], &out->out[i]);
    return MW_OK;
}

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_op_desc *const d = call->op->desc;

    if (d->infer == NULL) return mwi_fail(ctx, MW_EUNSUPPORTED, "this operator is not supported");
    if (call->n_in > 0 && d->min_in > 0 && call->in[0].tensor == NULL)
        return mwi_fail(ctx, MW_EFORMAT, "input 0 is missing");
    MWI_TRY(d->infer(ctx, call));
    for (size_t i = 0; i < call->n_out && !call->unknown; i++) {
        mwi_view *const v = &call->out[i];
        if (v->rank < 0 || v->rank > MW_MAX_RANK)
            return mwi_fail(ctx, MW_ELIMIT, "output %zu has rank %d, limit %d", i, v->rank,
                            MW_MAX_RANK);
        if (mw_dtype_bits(v->dtype) == 0) continue;
        if (!mwi_dims_bytes(v->dtype, v->rank, v->dims, &v->bytes) ||
            v->bytes > mwi_limits(ctx)->max_memory_bytes)
            return mwi_fail(ctx, MW_ELIMIT, "output %zu is larger than any memory", i);
    }
    return MW_OK;
}

mw_status mwi_op_infer(mw_ctx *ctx, mwi_shape_call *call)
{
    call->unknown = false;
    return mwi_prefix(ctx, infer(ctx, call), "%s '%s'", mwi_op_name(call->op),
                      call->n_out > 0 && call->out[0].tensor != NULL ? call->out[0].tensor->name
                                                                     : "");
}

static mw_status eval(mw_ctx *ctx, mwi_shape_call *call, mwi_arena *arena)
{
    mwi_prepare_call prep = mwi_prepare_call_of(call);
    const mwi_kernel *const k = mwi_kernel_choose(NULL, &prep, NULL);
    void *scratch = NULL;

    if (k == NULL) return mwi_fail(ctx, MW_EUNSUPPORTED, "no kernel for these types and shapes");
    prep.arena = arena;
    if (k->prepare != NULL) MWI_TRY(k->prepare(ctx, &prep));
    MWI_TRY(
        mwi_arena_alloc(ctx, arena, prep.scratch_bytes == 0 ? 1 : prep.scratch_bytes, &scratch));
    for (size_t i = 0; i < call->n_out; i++) {
        mwi_view *const v = &call->out[i];
        if (!mwi_dims_bytes(v->dtype, v->rank, v->dims, &v->bytes))
            return mwi_fail(ctx, MW_EUNSUPPORTED, "output %zu has no fixed size", i);
        MWI_TRY(mwi_arena_alloc(ctx, arena, v->bytes == 0 ? 1 : v->bytes, &v->data));
    }
    const mwi_run_call run = {.attr = call->attr,
                              .n_in = call->n_in,
                              .n_out = call->n_out,
                              .in = call->in,
                              .out = call->out,
                              .host = call->host,
                              .state = prep.state,
                              .scratch = scratch,
                              .strings = arena};
    return k->run(ctx, &run);
}

mw_status mwi_op_eval(mw_ctx *ctx, mwi_shape_call *call, mwi_arena *arena)
{
    MWI_TRY(mwi_op_infer(ctx, call));
    if (call->unknown)
        return mwi_fail(ctx, MW_EUNSUPPORTED, "%s: the output's shape depends on data",
                        mwi_op_name(call->op));
    return mwi_prefix(ctx, eval(ctx, call, arena), "%s", mwi_op_name(call->op));
}

/* ---- a whole graph ---- */

/* What is known of each tensor while the graph is walked: `value` of small computed integers. */
struct known {
    void *value;
    bool open; /* the shape is not known */
};

static bool worth_evaluating(const mwi_shape_call *call)
{
    size_t n;

    if ((call->op->desc->traits & MWI_OP_STATEFUL) != 0 || call->n_out == 0) return false;
    for (size_t i = 0; i < call->n_out; i++) {
        const mwi_view *const v = &call->out[i];
        if (v->dtype != MW_INT32 && v->dtype != MW_INT64 && v->dtype != MW_BOOL) return false;
        if (!mwi_dims_count(v->rank, v->dims, &n) || n > SMALL_ELEMENTS) return false;
    }
    const mwi_prepare_call prep = mwi_prepare_call_of(call);
    return mwi_kernel_choose(NULL, &prep, NULL) != NULL;
}

static mw_status infer_op(mw_ctx *ctx, mwi_graph *g, const mwi_op *op, struct known *known,
                          mwi_arena *scratch)
{
    mwi_shape_call call;
    bool all_values = true;

    MWI_TRY(mwi_op_views(ctx, g, op, scratch, &call));
    mwi_view *const in = (mwi_view *)(uintptr_t)call.in; /* made just above */
    bool open = op->desc->infer == NULL;
    for (size_t i = 0; i < op->n_in; i++) {
        if (op->in[i] < 0) continue;
        const struct known *const k = &known[op->in[i]];
        if (k->value != NULL) in[i].data = k->value;
        all_values = all_values && in[i].data != NULL;
        open = open || k->open;
    }
    if (!open) MWI_TRY(mwi_op_infer(ctx, &call));
    open = open || call.unknown;
    for (size_t i = 0; i < op->n_out; i++) {
        mwi_tensor *const t = g->tensors[op->out[i]];
        known[op->out[i]].open = open;
        if (open) continue;
        /* Open dimensions of the file's signature stay open while the rank is the same. */
        if (!t->has_rank || t->rank != call.out[i].rank)
            memcpy(t->signature, call.out[i].dims, sizeof t->signature);
        for (int32_t k = 0; k < call.out[i].rank; k++)
            if (t->signature[k] >= 0) t->signature[k] = call.out[i].dims[k];
        t->rank = call.out[i].rank;
        t->has_rank = true;
        t->dtype = call.out[i].dtype;
        memcpy(t->dims, call.out[i].dims, sizeof t->dims);
    }
    const bool ready = all_values || (op->desc->traits & MWI_OP_SHAPE_ONLY) != 0;
    if (open || !ready || !worth_evaluating(&call)) return MW_OK;
    MWI_TRY(mwi_op_eval(ctx, &call, scratch));
    for (size_t i = 0; i < op->n_out; i++) known[op->out[i]].value = call.out[i].data;
    return MW_OK;
}

mw_status mwi_graph_infer(mw_ctx *ctx, mw_model *model, mwi_graph *graph)
{
    mwi_arena scratch;
    void *memory;
    mw_status st;

    mwi_arena_init(ctx, &scratch);
    MWI_GOTO(mwi_arena_array(ctx, &scratch, graph->n_tensors, sizeof(struct known), &memory));
    struct known *const known = memory;
    for (size_t i = 0; i < graph->n_ops; i++) {
        MWI_GOTO(mwi_progress(ctx, "infer shapes", 0, 0));
        MWI_GOTO(mwi_prefix(ctx, infer_op(ctx, graph, graph->ops[i], known, &scratch), "%s: op %zu",
                            model->name, i));
    }
out:
    mwi_arena_deinit(&scratch);
    return st;
}
