/* passes/fold_constants.c - operators of constants alone are computed now, where the file does not
 * grow by it: a float16 weight stays a float16 constant behind its DEQUANTIZE, since the runtime
 * computes it once anyway.
 * Depends: passes/pass.  Used by: the list of passes only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "passes/pass.h"

#include "base/checked.h"

enum { GROWTH_BYTES = 1024 }; /* what an operator and its tensor cost a file is of this order */
static const uint64_t max_macs = 1u << 28; /* dearer operators are left to the runtime */

/* Bytes of constants that go with the operator. */
static bool all_constant(const mwi_rw *rw, const mwi_op *op, size_t *out_bytes)
{
    bool any = false;

    *out_bytes = 0;
    for (size_t k = 0; k < op->n_in; k++) {
        if (op->in[k] < 0) continue;
        if (!mwi_rw_is_const(rw, op->in[k])) return false;
        const mwi_tensor *const t = mwi_rw_tensor_of(rw, op->in[k]);
        if (t->sparsity != NULL && !mwi_op_is(op, "DENSIFY")) return false;
        if (t->quant != NULL && t->quant->q.block_size > 0) return false;
        if (rw->tensors[op->in[k]].n_reads == 1 && !rw->tensors[op->in[k]].is_output)
            *out_bytes += t->bytes;
        any = true;
    }
    return any;
}

static bool may_fold(const mwi_rw *rw, const mwi_op *op, size_t in_bytes)
{
    size_t out_bytes = 0;

    for (size_t k = 0; k < op->n_out; k++) {
        const mwi_tensor *const t = mwi_rw_tensor_of(rw, op->out[k]);
        size_t bytes = 0;
        if (rw->tensors[op->out[k]].is_output || mw_dtype_bits(t->dtype) == 0 ||
            t->dtype == MW_STRING)
            return false;
        if (!mwi_dims_bytes(t->dtype, t->rank, t->dims, &bytes) ||
            !mwi_add(out_bytes, bytes, &out_bytes))
            return false;
    }
    return out_bytes <= in_bytes || out_bytes - in_bytes <= GROWTH_BYTES;
}

static bool as_declared(const mwi_view *v)
{
    bool same = v->tensor->has_rank && v->rank == v->tensor->rank && v->dtype == v->tensor->dtype;
    for (int32_t i = 0; i < v->rank && same; i++) same = v->dims[i] == v->tensor->dims[i];
    return same;
}

/* Its shapes are known, as declared, and it costs little. */
static bool is_cheap(const mwi_shape_call *call)
{
    const mwi_op_desc *const d = call->op->desc;

    if (call->unknown || (d->macs != NULL && d->macs(call) > max_macs)) return false;
    for (size_t k = 0; k < call->n_out; k++)
        if (!as_declared(&call->out[k])) return false;
    return true;
}

/* Computes the operator. *done false: it stays, and where it has no kernel or refuses the values
 * the runtime will say so. */
static mw_status compute(mw_ctx *ctx, const mwi_rw *rw, mwi_shape_call *call, bool *done)
{
    mwi_error error;

    *done = false;
    mwi_error_save(ctx, &error);
    mw_status st = mwi_op_infer(ctx, call);
    const bool fits = st == MW_OK && is_cheap(call);
    if (fits) st = mwi_op_eval(ctx, call, rw->arena);
    if (st == MW_ENOMEM || st == MW_ELIMIT || st == MW_ECANCELLED) return st;
    mwi_error_restore(ctx, &error);
    *done = fits && st == MW_OK;
    return MW_OK;
}

static mw_status fold(mw_ctx *ctx, mwi_rw *rw, int32_t i)
{
    mwi_op *const op = rw->ops[i];
    mwi_shape_call call;
    bool done;
    void *memory;

    if (op->desc->infer == NULL) return MW_OK;
    MWI_TRY(mwi_op_views(ctx, rw->graph, op, rw->arena, &call));
    MWI_TRY(compute(ctx, rw, &call, &done));
    if (!done) return MW_OK;
    for (size_t k = 0; k < op->n_out; k++) {
        mwi_tensor *const t = mwi_rw_tensor_of(rw, op->out[k]);
        const size_t bytes = call.out[k].bytes;
        /* Without a pointer it would be no constant. */
        MWI_TRY(mwi_arena_copy(ctx, &rw->model->arena, call.out[k].data, bytes == 0 ? 1 : bytes,
                               &memory));
        t->data = memory;
        t->bytes = bytes;
        for (int32_t d = 0; d < t->rank; d++) t->signature[d] = t->dims[d];
    }
    mwi_rw_remove(rw, i);
    rw->n_changes++;
    return MW_OK;
}

static mw_status run(mw_ctx *ctx, mwi_rw *rw)
{
    for (int32_t i = 0; i < (int32_t)rw->n_ops; i++) {
        const mwi_op *const op = rw->ops[i];
        size_t bytes;
        if (op == NULL || !mwi_rw_is_pure(rw, op) || (op->desc->traits & MWI_OP_SHAPE_ONLY) != 0)
            continue;
        if (all_constant(rw, op, &bytes) && may_fold(rw, op, bytes)) MWI_TRY(fold(ctx, rw, i));
    }
    return MW_OK;
}

const mwi_pass_desc mwi_pass_fold_constants = {
    .name = "fold_constants",
    .summary = "computes operators of constants alone, where the file does not grow by it",
    .flags = MWI_PASS_OPTIMIZE,
    .run = run,
};
