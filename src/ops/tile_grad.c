/* ops/tile_grad.c - TILE_GRAD(dy, x): the sum of the repetitions of x, of which only the shape is
 * read.
 * Depends: ops/axis_maps.  Used by: gradients.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/axis_maps.h"

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    MWI_TRY(mwi_need_input(ctx, call, 0, 0, MW_MAX_RANK));
    MWI_TRY(mwi_need_input(ctx, call, 1, 0, MW_MAX_RANK));
    const mwi_view *const dy = &call->in[0], *const x = &call->in[1];
    bool fits = dy->rank == x->rank;
    for (int32_t i = 0; i < x->rank && fits; i++)
        fits = x->dims[i] == 0 ? dy->dims[i] == 0 : dy->dims[i] % x->dims[i] == 0;
    if (!fits) return mwi_fail(ctx, MW_EFORMAT, "input 0 is no repetition of input 1");
    mwi_view_set_dims(&call->out[0], x->rank, x->dims);
    return MW_OK;
}

static int32_t place(const void *arg, int32_t axis, int32_t i, int32_t dim, int32_t out)
{
    (void)arg;
    (void)axis;
    (void)out;
    return i % dim;
}

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    return mwi_axis_maps_make(ctx, call, &call->in[0], &call->in[1], place, NULL);
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    (void)ctx;
    mwi_axis_maps_sum(call->state, &call->in[0], &call->out[0]);
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_tile_grad__ref", .types = "f32,f32>f32", .prepare = prepare, .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_tile_grad = {
    .name = "TILE_GRAD",
    .tflite_code = -1,
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_TRAINING_ONLY,
    .kernels = kernels,
    .infer = infer,
};
