/* ops/reduce_max_grad.c - REDUCE_MAX_GRAD(x, y, dy, axes): dy in equal parts to the elements of x
 * that are the maximum y over the axes; also of REDUCE_MIN.
 * Depends: ops/reduce.  Used by: gradients.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/reduce.h"

#include "base/checked.h"

#include <string.h>

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    MWI_TRY(mwi_need_same_shapes(ctx, call, 1, 2));
    MWI_TRY(mwi_need_input(ctx, call, 0, 0, MW_MAX_RANK));
    MWI_TRY(mwi_reduce_infer_kept(ctx, call, 0, 3, 1));
    mwi_view_set_dims(&call->out[0], call->in[0].rank, call->in[0].dims);
    return MW_OK;
}

/* Scratch: how many elements are each result. */
static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    if (mwi_mul(mwi_view_count(&call->in[1]), sizeof(uint32_t), &call->scratch_bytes)) return MW_OK;
    return mwi_fail(ctx, MW_ELIMIT, "the input is too large");
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const float *const x = call->in[0].data, *const y = call->in[1].data,
                       *const dy = call->in[2].data;
    const size_t n = mwi_view_count(&call->in[0]);
    float *const dx = call->out[0].data;
    uint32_t *const ties = call->scratch;
    mwi_spread s;

    (void)ctx;
    mwi_spread_plan(&call->in[3], &call->in[0], &s);
    memset(ties, 0, mwi_view_count(&call->in[1]) * sizeof *ties);
    for (size_t i = 0; i < n; i++) {
        const size_t to = mwi_spread_place(&s, i);
        ties[to] += x[i] == y[to];
    }
    for (size_t i = 0; i < n; i++) {
        const size_t to = mwi_spread_place(&s, i);
        dx[i] = x[i] == y[to] ? dy[to] / (float)ties[to] : 0.0f;
    }
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_reduce_max_grad__ref",
     .types = "f32,f32,f32,i32>f32",
     .prepare = prepare,
     .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_reduce_max_grad = {
    .name = "REDUCE_MAX_GRAD",
    .tflite_code = -1,
    .min_in = 4,
    .max_in = 4,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_TRAINING_ONLY,
    .kernels = kernels,
    .infer = infer,
};
