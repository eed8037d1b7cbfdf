/* ops/max_unpooling_2d.c - MaxUnpooling2D (MediaPipe): the values of input 0 at the places in their
 * windows that input 1 names, zeros elsewhere.
 * Depends: ops/mediapipe.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/mediapipe.h"

#include <string.h>

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_pool_options *const o = call->attr;
    const mwi_view *const x = &call->in[0];

    MWI_TRY(mwi_need_input(ctx, call, 0, 4, 4));
    MWI_TRY(mwi_need_input(ctx, call, 1, 4, 4));
    if (memcmp(x->dims, call->in[1].dims, 4 * sizeof *x->dims) != 0)
        return mwi_fail(ctx, MW_EFORMAT, "the indices have another shape than the values");
    const int64_t h = (int64_t)x->dims[1] * o->filter_h, w = (int64_t)x->dims[2] * o->filter_w;
    if (h > INT32_MAX || w > INT32_MAX)
        return mwi_fail(ctx, MW_ELIMIT, "the output would be %lld by %lld", (long long)h,
                        (long long)w);
    mwi_view_set_dims(&call->out[0], 4,
                      (const int32_t[4]){x->dims[0], (int32_t)h, (int32_t)w, x->dims[3]});
    return MW_OK;
}

/* Where the value of input cell (y, x) goes; false when that is outside. */
static bool place_of(const mwi_pool_options *o, const mwi_view *out, const int32_t *pad, int32_t y,
                     int32_t x, float index, size_t *place)
{
    if (!(index > -1.0f && index < 2147483648.0f)) return false;
    const int32_t i = (int32_t)index;
    const int64_t to_y = (int64_t)y * o->stride_h - pad[0] + i / o->filter_w,
                  to_x = (int64_t)x * o->stride_w - pad[1] + i % o->filter_w;
    if (to_y < 0 || to_y >= out->dims[1] || to_x < 0 || to_x >= out->dims[2]) return false;
    *place = (size_t)to_y * (size_t)out->dims[2] + (size_t)to_x;
    return true;
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_pool_options *const o = call->attr;
    const mwi_view *const x = &call->in[0], *const out = &call->out[0];
    const int32_t pad[2] = {mwi_pool_padding(out->dims[1], x->dims[1], o->filter_h, o->stride_h),
                            mwi_pool_padding(out->dims[2], x->dims[2], o->filter_w, o->stride_w)};
    const float *const in = x->data, *const indices = call->in[1].data;
    const size_t depth = (size_t)x->dims[3], image = (size_t)out->dims[1] * (size_t)out->dims[2];
    size_t at = 0, place;

    (void)ctx;
    if (out->bytes > 0) memset(out->data, 0, out->bytes);
    for (int32_t b = 0; b < x->dims[0]; b++)
        for (int32_t y = 0; y < x->dims[1]; y++)
            for (int32_t k = 0; k < x->dims[2]; k++)
                for (size_t c = 0; c < depth; c++, at++)
                    if (place_of(o, out, pad, y, k, indices[at], &place))
                        ((float *)out->data)[((size_t)b * image + place) * depth + c] = in[at];
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_max_unpooling_2d__ref", .types = "f32,f32>f32", .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_max_unpooling_2d = {
    .name = "MaxUnpooling2D",
    .tflite_code = -1,
    .custom = true,
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .attr_size = sizeof(mwi_pool_options),
    .fields = mwi_pool_options_fields,
    .kernels = kernels,
    .parse_custom = mwi_pool_options_parse,
    .infer = infer,
};
