/* ops/resize_nearest_neighbor_grad.c - RESIZE_NEAREST_NEIGHBOR_GRAD(dy, x): each element of x
 * gets the sum over its copies. Attributes are RESIZE_NEAREST_NEIGHBOR's.
 * Depends: ops/resize, ops/axis_maps.  Used by: gradients.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/axis_maps.h"
#include "ops/resize.h"

static const mwi_field fields[] = {
    {"align_corners", offsetof(mwi_resize_attr, align_corners), MWI_FIELD_BOOL, -1, 0, 0, 1, NULL},
    {"half_pixel_centers", offsetof(mwi_resize_attr, half_pixel_centers), MWI_FIELD_BOOL, -1, 0, 0,
     1, NULL},
    MWI_FIELDS_END,
};

static int32_t place(const void *arg, int32_t axis, int32_t i, int32_t dim, int32_t out)
{
    return axis == 1 || axis == 2 ? mwi_resize_nearest(arg, i, dim, out) : i;
}

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    return mwi_axis_maps_make(ctx, call, &call->in[0], &call->in[1], place, call->attr);
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    (void)ctx;
    mwi_axis_maps_sum(call->state, &call->in[0], &call->out[0]);
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_resize_nearest_neighbor_grad__ref",
     .types = "f32,f32>f32",
     .prepare = prepare,
     .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_resize_nearest_neighbor_grad = {
    .name = "RESIZE_NEAREST_NEIGHBOR_GRAD",
    .tflite_code = -1,
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_TRAINING_ONLY,
    .attr_size = sizeof(mwi_resize_attr),
    .fields = fields,
    .kernels = kernels,
    .infer = mwi_resize_infer_grad,
};
