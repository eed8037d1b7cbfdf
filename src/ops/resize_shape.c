/* ops/resize_shape.c - see resize.h.
 * Depends: ops/strided.  Used by: RESIZE_BILINEAR, RESIZE_NEAREST_NEIGHBOR.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/resize.h"

#include <math.h>

mw_status mwi_resize_infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_view *const x = &call->in[0];
    int64_t size[2] = {0, 0};
    size_t n;

    MWI_TRY(mwi_need_input(ctx, call, 0, 4, 4));
    MWI_TRY(mwi_param_ints(ctx, call, 1, 2, size, &n));
    if (call->unknown) return MW_OK;
    if (n != 2 || size[0] < 1 || size[0] > INT32_MAX || size[1] < 1 || size[1] > INT32_MAX)
        return mwi_fail(ctx, MW_EFORMAT,
                        "the size has %zu values, %lld and %lld; allowed 2, 1 or more", n,
                        (long long)size[0], (long long)size[1]);
    if (x->dims[1] < 1 || x->dims[2] < 1)
        return mwi_fail(ctx, MW_EFORMAT, "an input of %d by %d pixels", x->dims[1], x->dims[2]);
    const int32_t dims[4] = {x->dims[0], (int32_t)size[0], (int32_t)size[1], x->dims[3]};
    mwi_view_set_dims(&call->out[0], 4, dims);
    return MW_OK;
}

int32_t mwi_resize_nearest(const mwi_resize_attr *a, int32_t i, int32_t in, int32_t out)
{
    const float scale =
        a->align_corners && out > 1 ? (float)(in - 1) / (float)(out - 1) : (float)in / (float)out;
    const float at = ((float)i + (a->half_pixel_centers ? 0.5f : 0.0f)) * scale;
    const float whole = a->align_corners ? roundf(at) : floorf(at);

    if (whole >= (float)in) return in - 1;
    const int32_t place = whole < 0 ? 0 : (int32_t)whole;
    return place > in - 1 ? in - 1 : place;
}

static int32_t held(int64_t v, int32_t in)
{
    return (int32_t)(v < 0 ? 0 : v > in - 1 ? in - 1 : v);
}

mwi_resize_place mwi_resize_between(const mwi_resize_attr *a, int32_t i, int32_t in, int32_t out)
{
    const float scale =
        a->align_corners && out > 1 ? (float)(in - 1) / (float)(out - 1) : (float)in / (float)out;
    const float at = a->half_pixel_centers ? ((float)i + 0.5f) * scale - 0.5f : (float)i * scale;
    const int32_t low = held((int64_t)floorf(at), in), high = held((int64_t)ceilf(at), in);

    return (mwi_resize_place){low, high, at - (float)low};
}

mw_status mwi_resize_infer_grad(mw_ctx *ctx, mwi_shape_call *call)
{
    MWI_TRY(mwi_need_input(ctx, call, 0, 4, 4));
    MWI_TRY(mwi_need_input(ctx, call, 1, 4, 4));
    const mwi_view *const dy = &call->in[0], *const x = &call->in[1];
    if (dy->dims[0] != x->dims[0] || dy->dims[3] != x->dims[3] || x->dims[1] < 1 || x->dims[2] < 1)
        return mwi_fail(ctx, MW_EFORMAT, "input 0 is not a resized input 1");
    mwi_view_set_dims(&call->out[0], 4, x->dims);
    return MW_OK;
}
