/* ops/loss.c - see loss.h.
 * Depends: ops/shapes, ops/gradient.  Used by: losses.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/loss.h"

#include <math.h>

mw_status mwi_loss_infer_outputs(mw_ctx *ctx, mwi_shape_call *call)
{
    MWI_TRY(mwi_need_input(ctx, call, 0, 1, MW_MAX_RANK));
    const mwi_view *const x = &call->in[0];
    if (x->dims[x->rank - 1] < 1)
        return mwi_fail(ctx, MW_EFORMAT, "the last dimension is %d", x->dims[x->rank - 1]);
    mwi_view_set_dims(&call->out[0], x->rank - 1, x->dims);
    mwi_view_set_dims(&call->out[1], x->rank, x->dims);
    return MW_OK;
}

mw_status mwi_loss_infer(mw_ctx *ctx, mwi_shape_call *call)
{
    MWI_TRY(mwi_need_same_shapes(ctx, call, 0, 1));
    return mwi_loss_infer_outputs(ctx, call);
}

mw_status mwi_loss_gradient(mw_ctx *ctx, mwi_gradient_call *call)
{
    int32_t axis, rows;

    if (call->wanted[1]) return mwi_fail(ctx, MW_EUNSUPPORTED, "the labels have no gradient");
    if (call->d_out[1] >= 0) return mwi_fail(ctx, MW_EUNSUPPORTED, "no second derivatives");
    MWI_TRY(mwi_emit_ints(ctx, &call->at, (const int32_t[]){-1}, 1, &axis));
    MWI_TRY(mwi_emit2(ctx, &call->at, &mwi_op_expand_dims, call->d_out[0], axis, &rows));
    return mwi_emit2(ctx, &call->at, &mwi_op_mul, call->at.op->out[1], rows, &call->d_in[0]);
}

typedef struct job {
    const mwi_run_call *call;
    mwi_loss_fn fn;
    size_t depth;
} job;

static void samples(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const job *const j = arg;
    const mwi_run_call *const call = j->call;

    (void)thread;
    for (size_t i = begin; i < end; i++)
        ((float *)call->out[0].data)[i] =
            (float)j->fn(call->attr, (const float *)call->in[0].data + i * j->depth,
                         (const float *)call->in[1].data + i * j->depth, j->depth,
                         (float *)call->out[1].data + i * j->depth);
}

void mwi_loss_run(const mwi_run_call *call, mwi_loss_fn fn)
{
    const mwi_view *const x = &call->in[0];
    job j = {.call = call, .fn = fn, .depth = (size_t)x->dims[x->rank - 1]};
    mwi_par_for(call->pool, mwi_view_count(&call->out[0]), 64, samples, &j);
}

double mwi_log_sum_exp(const float *x, size_t n, double scale)
{
    double max = -HUGE_VAL, sum = 0;

    for (size_t i = 0; i < n; i++) max = fmax(max, scale * (double)x[i]);
    for (size_t i = 0; i < n; i++) sum += exp(scale * (double)x[i] - max);
    return max + log(sum);
}
