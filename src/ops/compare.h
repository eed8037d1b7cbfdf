/* ops/compare.h - comparisons of quantized values: both sides of 8 bits go to one fixed-point
 * scale, as TFLite does; int16 is compared exactly. Depends: ops/binary.  Used by: EQUAL to
 * GREATER_EQUAL.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_OPS_COMPARE_H
#define MWI_OPS_COMPARE_H

#include "ops/binary.h"

typedef struct mwi_compare {
    mwi_multiplier a, b;
    double scale_a, scale_b;
    int32_t zero_a, zero_b;
} mwi_compare;

/* The state is NULL for int16 without quantization: plain integers. */
mw_status mwi_compare_prepare(mw_ctx *ctx, mwi_prepare_call *call);
/* The order of int16. The state is NULL for int16 of one quantization, or none: plain integers. */
mw_status mwi_compare_prepare_order16(mw_ctx *ctx, mwi_prepare_call *call);

static inline int32_t mwi_compare_a(const mwi_compare *s, int32_t x)
{
    return mwi_scale((x - s->zero_a) * 256, s->a);
}
static inline int32_t mwi_compare_b(const mwi_compare *s, int32_t y)
{
    return mwi_scale((y - s->zero_b) * 256, s->b);
}
/* Products of 17 and 24 bits: exact. */
static inline double mwi_compare_a16(const mwi_compare *s, int32_t x)
{
    return (x - s->zero_a) * s->scale_a;
}
static inline double mwi_compare_b16(const mwi_compare *s, int32_t y)
{
    return (y - s->zero_b) * s->scale_b;
}

#endif
