/* ops/window.h - convolution and pooling windows: strides, padding, and a padded 16-bit or float
 * copy of the input, in which every window lies whole.
 * Depends: ops/registry.  Used by: convolutions, pooling.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_OPS_WINDOW_H
#define MWI_OPS_WINDOW_H

#include "ops/registry.h"

typedef struct mwi_window {
    int32_t batch, in_h, in_w, in_c, out_h, out_w;
    int32_t filter_h, filter_w, stride_h, stride_w, dilation_h, dilation_w;
    int32_t pad_top, pad_left;
    int32_t padded_h, padded_w; /* the area that windows touch, pad included */
} mwi_window;

/* Fields of the window that attributes and shapes give; sets out_h, out_w and pads.
 * Fails: MW_EFORMAT (a window larger than a VALID input, sizes that overflow). */
MW_MUST_USE mw_status mwi_window_make(mw_ctx *ctx, const mwi_view *input, int32_t padding,
                                      mwi_window *w);

/* Elements of the padded copy of one batch item; false on overflow. */
bool mwi_window_padded_count(const mwi_window *w, size_t *out);
/* Copies one batch item minus its zero point into a padded area of zeros. dtype: int8, uint8 or
 * int16. */
void mwi_window_pad_s16(const mwi_window *w, mw_dtype dtype, const void *item, int32_t zero,
                        int16_t *out);
void mwi_window_pad_f32(const mwi_window *w, const float *item, float *out);

/* Dot product of int16 values, wrapping at 32 bits: the form that compilers turn into multiply-add.
 */
static inline int32_t mwi_dot_s16(const int16_t *a, const int16_t *b, size_t n)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < n; i++) sum += (uint32_t)((int32_t)a[i] * b[i]);
    return (int32_t)sum;
}

/* The same with a 64-bit sum. |b| <= 128, so that 256 products fit 32 bits. */
static inline int64_t mwi_dot_s16_long(const int16_t *a, const int16_t *b, size_t n)
{
    int64_t sum = 0;
    for (size_t i = 0; i < n; i += 256) sum += mwi_dot_s16(a + i, b + i, n - i < 256 ? n - i : 256);
    return sum;
}

#endif
