/* ops/fixed.h - TFLite's fixed-point arithmetic, to the bit.
 * Sources: TFLite's quantization specification; gemmlowp's fixed-point functions (Jacob et al.
 * 2018).
 * Depends: ops/registry.  Used by: ops/.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_OPS_FIXED_H
#define MWI_OPS_FIXED_H

#include "ops/registry.h"

/* multiplier * 2^shift / 2^31. */
typedef struct mwi_multiplier {
    int32_t multiplier;
    int32_t shift; /* positive: left */
} mwi_multiplier;

mwi_multiplier mwi_multiplier_of(double real);

/* High 32 bits of 2ab, rounded, saturated. gemmlowp's nudge, which depends on the sign, and its
 * division that cuts come to the same as this floor. */
static inline int32_t mwi_high_mul(int32_t a, int32_t b)
{
    if (a == INT32_MIN && b == INT32_MIN) return INT32_MAX;
    return (int32_t)(((int64_t)a * b + (1 << 30)) >> 31);
}

/* x / 2^exponent rounded to nearest, halves away from zero; exponent 0 to 31. */
static inline int32_t mwi_round_shift(int32_t x, int32_t exponent)
{
    const int32_t mask = (int32_t)(((int64_t)1 << exponent) - 1);
    const int32_t rest = x & mask, threshold = (mask >> 1) + (x < 0 ? 1 : 0);
    return (x >> exponent) + (rest > threshold ? 1 : 0);
}

/* Rounds twice, as TFLite's reference kernels do. */
static inline int32_t mwi_scale(int32_t x, mwi_multiplier m)
{
    const int32_t left = m.shift > 0 ? m.shift : 0, right = m.shift > 0 ? 0 : -m.shift;
    const int64_t product =
        (int64_t)(int32_t)((uint32_t)x << left) * m.multiplier; /* above INT32_MIN: no saturation */
    return mwi_round_shift((int32_t)((product + (1 << 30)) >> 31), right);
}

/* mwi_scale by a multiplier that may be 1 or more: what 32 bits do not hold saturates. */
static inline int32_t mwi_scale_held(int32_t x, mwi_multiplier m)
{
    if (m.shift <= 0) return mwi_scale(x, m);
    const int64_t wide = x * ((int64_t)1 << (m.shift < 31 ? m.shift : 31));
    const int64_t held = wide < INT32_MIN ? INT32_MIN : wide > INT32_MAX ? INT32_MAX : wide;
    return mwi_scale((int32_t)held, (mwi_multiplier){.multiplier = m.multiplier});
}

/* For 64-bit accumulators: the multiplier is cut to 16 bits. shift < 15. */
static inline int32_t mwi_scale64(int64_t x, mwi_multiplier m)
{
    const int32_t cut = m.multiplier < 0x7fff0000 ? (m.multiplier + (1 << 15)) >> 16 : 0x7fff;
    const int32_t shift = 15 - m.shift;
    const uint64_t product = (uint64_t)x * (uint64_t)cut + ((uint64_t)1 << (shift - 1));
    return (int32_t)((int64_t)product >> shift);
}

/* Sums of hostile values wrap, as the processor's do. */
static inline int32_t mwi_add32(int32_t a, int32_t b)
{
    return (int32_t)((uint32_t)a + (uint32_t)b);
}
static inline int32_t mwi_sub32(int32_t a, int32_t b)
{
    return (int32_t)((uint32_t)a - (uint32_t)b);
}
static inline int64_t mwi_add64(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}
static inline int64_t mwi_sub64(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a - (uint64_t)b);
}

static inline int32_t mwi_mul32(int32_t a, int32_t b)
{
    return (int32_t)((uint32_t)a * (uint32_t)b);
}
static inline int64_t mwi_mul64(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a * (uint64_t)b);
}

static inline int32_t mwi_clamp(int32_t x, int32_t low, int32_t high)
{
    return x < low ? low : x > high ? high : x;
}

/* A rescaled value with its zero point, in range. */
static inline int32_t mwi_quantized(int32_t rescaled, int32_t zero, int32_t low, int32_t high)
{
    return mwi_clamp(mwi_add32(rescaled, zero), low, high);
}

/* The range of an integer type: -128 to 127, ... */
void mwi_type_range(mw_dtype dtype, int32_t *low, int32_t *high);

/* Whether a view has scales: files may give a range alone. */
static inline bool mwi_is_quantized(const mwi_view *view)
{
    return view->quant != NULL && view->quant->q.n_scales > 0;
}

/* Scale and zero point of a per-tensor view. Fails: MW_EFORMAT "<what> is not quantized". */
MW_MUST_USE mw_status mwi_need_quant(mw_ctx *ctx, const mwi_view *view, const char *what,
                                     float *scale, int32_t *zero_point);
/* The same where several scales are allowed: the first. */
MW_MUST_USE mw_status mwi_need_scales(mw_ctx *ctx, const mwi_view *view, const char *what,
                                      size_t n);
/* Fails with MW_EFORMAT when a quantized view's zero point is not 0 (int16 has none). */
MW_MUST_USE mw_status mwi_need_zero(mw_ctx *ctx, const mwi_view *view, const char *what);
/* Fails with MW_EFORMAT when the output's scale or zero point is not the input's. Neither
 * quantized: fine. */
MW_MUST_USE mw_status mwi_need_same_quant(mw_ctx *ctx, const mwi_view *in, const mwi_view *out);
/* At run time: fails with MW_EINVAL when an int8 or int16 value lies below `least`. */
MW_MUST_USE mw_status mwi_need_not_below(mw_ctx *ctx, const mwi_view *view, int32_t least);

/* Bounds that a fused activation puts on a quantized output; on a float one. */
MW_MUST_USE mw_status mwi_act_range(mw_ctx *ctx, int32_t activation, const mwi_view *out,
                                    int32_t *low, int32_t *high);
MW_MUST_USE mw_status mwi_act_range_f32(mw_ctx *ctx, int32_t activation, float *low, float *high);

/* From accumulators to outputs of a convolution or fully connected layer. */
typedef struct mwi_requant {
    const mwi_multiplier *channels; /* one a channel */
    int32_t in_zero, weight_zero, out_zero, low, high;
} mwi_requant;
/* axis: of the weights' output channels. float_product: the scales' product is rounded to float
 * first, as the reference does for one scale in uint8 and in fully connected layers. */
MW_MUST_USE mw_status mwi_requant_make(mw_ctx *ctx, const mwi_prepare_call *call, size_t n_channels,
                                       int32_t axis, bool float_product, int32_t activation,
                                       mwi_requant *out);

/* Float values of one row to int8 (TFLite's hybrid kernels). Returns the scale; *zero_point is 0
 * for the symmetric form. */
float mwi_quantize_asymmetric(const float *values, size_t n, int8_t *out, int32_t *zero_point);
float mwi_quantize_symmetric(const float *values, size_t n, int8_t *out);
/* The scale and zero point that the first takes for values from low (<= 0) to high (>= 0). */
float mwi_asymmetric_scale(float low, float high, int32_t *zero_point);

/* int4 (low half first) or int2 (low bits first) to int8. */
void mwi_unpack4(const uint8_t *packed, size_t n, int8_t *out);
void mwi_unpack2(const uint8_t *packed, size_t n, int8_t *out);
/* ---- gemmlowp fixed point: a Qm.n number is an int32 with n = 31 - m fractional bits ---- */

/* exp(a) for a <= 0 in Q(integer_bits); result Q0. */
int32_t mwi_exp_negative(int32_t a, int integer_bits);
/* 1 / (1 + x), x in [0, 1] Q0. */
int32_t mwi_one_over_one_plus(int32_t x);
/* log(x) of an x >= 1 in Q(in_bits); result Q(out_bits). */
int32_t mwi_log_above_one(int32_t x, int in_bits, int out_bits);
/* 1 / sqrt(x) of an integer x > 0. */
mwi_multiplier mwi_inverse_sqrt(int32_t x);

#endif
