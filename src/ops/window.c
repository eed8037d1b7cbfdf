/* ops/window.c - see window.h.
 * Depends: base/checked.  Used by: convolutions, pooling.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/window.h"

#include "base/checked.h"

#include <string.h>

static mw_status one_axis(mw_ctx *ctx, int32_t in, int32_t filter, int32_t stride, int32_t dilation,
                          int32_t padding, int32_t *out, int32_t *pad, int32_t *padded)
{
    if (filter < 1 || stride < 1 || dilation < 1)
        return mwi_fail(ctx, MW_EFORMAT,
                        "filter %d, stride %d, dilation %d: each must be at least 1", filter,
                        stride, dilation);
    const int64_t window = ((int64_t)filter - 1) * dilation + 1;
    const int64_t n = padding == MWI_PADDING_SAME ? ((int64_t)in + stride - 1) / stride
                                                  : ((int64_t)in - window + stride) / stride;
    if (n < 0 || (padding != MWI_PADDING_SAME && in < window && n > 0))
        return mwi_fail(ctx, MW_EFORMAT, "a window of %lld does not fit an input of %d",
                        (long long)window, in);
    const int64_t total = (n - 1) * stride + window - in;
    const int64_t before = total > 0 ? total / 2 : 0;
    const int64_t reach = n > 0 ? (n - 1) * stride + window : 0;
    const int64_t size = reach > in + before ? reach : in + before;
    if (window > INT32_MAX || size > INT32_MAX)
        return mwi_fail(ctx, MW_ELIMIT, "a window of %lld over %d is too large", (long long)window,
                        in);
    *out = (int32_t)n;
    *pad = (int32_t)before;
    *padded = (int32_t)size;
    return MW_OK;
}

mw_status mwi_window_make(mw_ctx *ctx, const mwi_view *input, int32_t padding, mwi_window *w)
{
    w->batch = input->dims[0];
    w->in_h = input->dims[1];
    w->in_w = input->dims[2];
    w->in_c = input->dims[3];
    MWI_TRY(one_axis(ctx, w->in_h, w->filter_h, w->stride_h, w->dilation_h, padding, &w->out_h,
                     &w->pad_top, &w->padded_h));
    return one_axis(ctx, w->in_w, w->filter_w, w->stride_w, w->dilation_w, padding, &w->out_w,
                    &w->pad_left, &w->padded_w);
}

bool mwi_window_padded_count(const mwi_window *w, size_t *out)
{
    return mwi_mul((size_t)w->padded_h, (size_t)w->padded_w, out) &&
           mwi_mul(*out, (size_t)w->in_c, out);
}

static void copy_s16(mw_dtype dtype, const void *from, size_t at, size_t n, int32_t zero,
                     int16_t *out)
{
    if (dtype == MW_INT8) {
        const int8_t *const p = (const int8_t *)from + at;
        for (size_t i = 0; i < n; i++) out[i] = (int16_t)(p[i] - zero);
    } else if (dtype == MW_UINT8) {
        const uint8_t *const p = (const uint8_t *)from + at;
        for (size_t i = 0; i < n; i++) out[i] = (int16_t)(p[i] - zero);
    } else {
        memcpy(out, (const int16_t *)from + at, n * sizeof *out);
    }
}

void mwi_window_pad_s16(const mwi_window *w, mw_dtype dtype, const void *item, int32_t zero,
                        int16_t *out)
{
    const size_t row = (size_t)w->in_w * (size_t)w->in_c,
                 padded = (size_t)w->padded_w * (size_t)w->in_c;
    const size_t left = (size_t)w->pad_left * (size_t)w->in_c;

    memset(out, 0, (size_t)w->padded_h * padded * sizeof *out);
    for (int32_t y = 0; y < w->in_h; y++)
        copy_s16(dtype, item, (size_t)y * row, row, zero,
                 out + (size_t)(y + w->pad_top) * padded + left);
}

void mwi_window_pad_f32(const mwi_window *w, const float *item, float *out)
{
    const size_t row = (size_t)w->in_w * (size_t)w->in_c,
                 padded = (size_t)w->padded_w * (size_t)w->in_c;
    const size_t left = (size_t)w->pad_left * (size_t)w->in_c;

    memset(out, 0, (size_t)w->padded_h * padded * sizeof *out);
    for (int32_t y = 0; y < w->in_h; y++)
        memcpy(out + (size_t)(y + w->pad_top) * padded + left, item + (size_t)y * row,
               row * sizeof *out);
}
