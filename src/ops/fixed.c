/* ops/fixed.c - see fixed.h.
 * Depends: ops/registry.  Used by: ops/.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/fixed.h"

#include <math.h>
#include <string.h>

mwi_multiplier mwi_multiplier_of(double real)
{
    int shift = 0;

    if (real == 0 || !isfinite(real)) return (mwi_multiplier){0, 0};
    int64_t q = (int64_t)round(frexp(real, &shift) * 2147483648.0);
    if (q == (int64_t)1 << 31 || q == -((int64_t)1 << 31)) {
        q /= 2;
        shift++;
    }
    if (shift < -31) return (mwi_multiplier){0, 0}; /* every bit would be shifted out */
    if (shift > 30) return (mwi_multiplier){INT32_MAX, 30};
    return (mwi_multiplier){(int32_t)q, shift};
}

void mwi_type_range(mw_dtype dtype, int32_t *low, int32_t *high)
{
    switch (dtype) {
    case MW_UINT8: *low = 0, *high = 255; break;
    case MW_INT8: *low = -128, *high = 127; break;
    case MW_INT16: *low = -32768, *high = 32767; break;
    default: *low = INT32_MIN, *high = INT32_MAX; break;
    }
}

mw_status mwi_need_scales(mw_ctx *ctx, const mwi_view *view, const char *what, size_t n)
{
    const mw_quantization *const q = view->quant == NULL ? NULL : &view->quant->q;

    if (q == NULL || q->n_scales == 0 || q->block_size > 0)
        return mwi_fail(ctx, MW_EFORMAT, "the %s is not quantized", what);
    if (q->n_scales != 1 && q->n_scales != n)
        return mwi_fail(ctx, MW_EFORMAT, "the %s has %zu scales, allowed 1 or %zu", what,
                        q->n_scales, n);
    for (size_t i = 0; i < q->n_scales; i++)
        if (!(q->scales[i] >= 0) || !isfinite(q->scales[i]))
            return mwi_fail(ctx, MW_EFORMAT, "scale %zu of the %s is %g", i, what,
                            (double)q->scales[i]);
    return MW_OK;
}

mw_status mwi_need_quant(mw_ctx *ctx, const mwi_view *view, const char *what, float *scale,
                         int32_t *zero_point)
{
    MWI_TRY(mwi_need_scales(ctx, view, what, 1));
    *scale = view->quant->q.scales[0];
    if (!(*scale > 0))
        return mwi_fail(ctx, MW_EFORMAT, "the %s has scale %g", what, (double)*scale);
    *zero_point = (int32_t)view->quant->q.zero_points[0];
    return MW_OK;
}

mw_status mwi_need_zero(mw_ctx *ctx, const mwi_view *view, const char *what)
{
    float scale;
    int32_t zero_point;

    MWI_TRY(mwi_need_quant(ctx, view, what, &scale, &zero_point));
    if (zero_point == 0) return MW_OK;
    return mwi_fail(ctx, MW_EFORMAT, "the %s has zero point %d, allowed 0", what, zero_point);
}

mw_status mwi_need_same_quant(mw_ctx *ctx, const mwi_view *in, const mwi_view *out)
{
    float in_scale, out_scale;
    int32_t in_zero, out_zero;

    if (in->dtype != MW_INT8 && in->dtype != MW_UINT8 && in->dtype != MW_INT16) return MW_OK;
    if (!mwi_is_quantized(in) && !mwi_is_quantized(out)) return MW_OK;
    MWI_TRY(mwi_need_quant(ctx, in, "input", &in_scale, &in_zero));
    MWI_TRY(mwi_need_quant(ctx, out, "output", &out_scale, &out_zero));
    if (in_scale == out_scale && in_zero == out_zero) return MW_OK;
    return mwi_fail(ctx, MW_EFORMAT,
                    "the output's scale %g and zero point %d are not the input's %g and %d",
                    (double)out_scale, out_zero, (double)in_scale, in_zero);
}

mw_status mwi_need_not_below(mw_ctx *ctx, const mwi_view *view, int32_t least)
{
    const int8_t *const narrow = view->data;
    const int16_t *const wide = view->data;
    int32_t low = INT32_MAX;

    if (view->dtype == MW_INT8)
        for (size_t i = 0; i < view->bytes; i++) low = narrow[i] < low ? narrow[i] : low;
    else
        for (size_t i = 0; i < view->bytes / sizeof *wide; i++) low = wide[i] < low ? wide[i] : low;
    if (low >= least) return MW_OK;
    return mwi_fail(ctx, MW_EINVAL, "the input holds %d, a negative number; allowed %d or more",
                    low, least);
}

static int32_t quantized(float value, float scale, int32_t zero_point)
{
    const float q = roundf(value / scale);
    if (q > 1e9f) return INT32_MAX / 2;
    if (q < -1e9f) return INT32_MIN / 2;
    return zero_point + (int32_t)q;
}

mw_status mwi_act_range(mw_ctx *ctx, int32_t activation, const mwi_view *out, int32_t *low,
                        int32_t *high)
{
    int32_t type_low, type_high, zero;
    float scale;

    MWI_TRY(mwi_need_quant(ctx, out, "output", &scale, &zero));
    mwi_type_range(out->dtype, &type_low, &type_high);
    *low = type_low;
    *high = type_high;
    if (activation == MWI_ACT_RELU || activation == MWI_ACT_RELU6)
        *low = quantized(0.0f, scale, zero);
    if (activation == MWI_ACT_RELU6) *high = quantized(6.0f, scale, zero);
    if (activation == MWI_ACT_RELU_N1_TO_1) {
        *low = quantized(-1.0f, scale, zero);
        *high = quantized(1.0f, scale, zero);
    }
    if (*low < type_low) *low = type_low;
    if (*high > type_high) *high = type_high;
    if (activation == MWI_ACT_TANH || activation == MWI_ACT_SIGN_BIT)
        return mwi_fail(ctx, MW_EUNSUPPORTED, "fused activation %s",
                        mwi_activation_names[activation]);
    return MW_OK;
}

mw_status mwi_act_range_f32(mw_ctx *ctx, int32_t activation, float *low, float *high)
{
    *low = -INFINITY;
    *high = INFINITY;
    switch (activation) {
    case MWI_ACT_NONE: return MW_OK;
    case MWI_ACT_RELU: *low = 0; return MW_OK;
    case MWI_ACT_RELU_N1_TO_1: *low = -1, *high = 1; return MW_OK;
    case MWI_ACT_RELU6: *low = 0, *high = 6; return MW_OK;
    default: return mwi_fail(ctx, MW_EUNSUPPORTED, "fused activation %d", activation);
    }
}

mw_status mwi_requant_make(mw_ctx *ctx, const mwi_prepare_call *call, size_t n_channels,
                           int32_t axis, bool float_product, int32_t activation, mwi_requant *out)
{
    const mwi_view *const weights = &call->in[1];
    float in_scale, out_scale;
    void *memory;

    MWI_TRY(mwi_need_quant(ctx, &call->in[0], "input", &in_scale, &out->in_zero));
    MWI_TRY(mwi_need_quant(ctx, &call->out[0], "output", &out_scale, &out->out_zero));
    MWI_TRY(mwi_need_scales(ctx, weights, "weights", n_channels));
    const mw_quantization *const q = &weights->quant->q;
    if (q->n_scales > 1 && q->axis != axis)
        return mwi_fail(ctx, MW_EUNSUPPORTED, "weights are quantized along axis %d, allowed %d",
                        q->axis, axis);
    if (q->n_scales > 1 && weights->dtype == MW_UINT8)
        return mwi_fail(ctx, MW_EUNSUPPORTED, "uint8 weights with %zu scales, allowed 1",
                        q->n_scales);
    out->weight_zero = (int32_t)q->zero_points[0];
    MWI_TRY(mwi_act_range(ctx, activation, &call->out[0], &out->low, &out->high));
    MWI_TRY(mwi_arena_array(ctx, call->arena, n_channels, sizeof(mwi_multiplier), &memory));
    mwi_multiplier *const m = memory;
    for (size_t i = 0; i < n_channels; i++) {
        const float scale = q->scales[q->n_scales > 1 ? i : 0];
        const double product = float_product && q->n_scales == 1 ? (double)(in_scale * scale)
                                                                 : (double)in_scale * (double)scale;
        m[i] = mwi_multiplier_of(product / (double)out_scale);
        if (call->in[0].dtype == MW_INT16 && m[i].shift > 14)
            return mwi_fail(ctx, MW_EUNSUPPORTED, "scale of channel %zu is too large", i);
    }
    out->channels = m;
    return MW_OK;
}

/* ---- hybrid ---- */

static int8_t to_int8(float v, int32_t low, int32_t high)
{
    const float r = roundf(v);
    return (int8_t)(!(r > (float)low) ? low : r > (float)high ? high : (int32_t)r);
}

float mwi_asymmetric_scale(float low, float high, int32_t *zero_point)
{
    *zero_point = 0;
    if (low == high) return 1;
    const double rmin = (double)low, rmax = (double)high, scale = (rmax - rmin) / 255.0;
    const double from_min = -128.0 - rmin / scale, from_max = 127.0 - rmax / scale;
    const double min_error = 128.0 + fabs(rmin / scale), max_error = 127.0 + fabs(rmax / scale);
    const double zero = min_error < max_error ? from_min : from_max;
    *zero_point = !(zero > -128.0) ? -128 : zero >= 127.0 ? 127 : (int32_t)round(zero);
    return (float)scale;
}

float mwi_quantize_asymmetric(const float *values, size_t n, int8_t *out, int32_t *zero_point)
{
    float low = 0, high = 0;

    for (size_t i = 0; i < n; i++) {
        if (values[i] < low) low = values[i];
        if (values[i] > high) high = values[i];
    }
    const float scale = mwi_asymmetric_scale(low, high, zero_point), inverse = 1.0f / scale;
    if (low == high) {
        memset(out, 0, n);
        return scale;
    }
    for (size_t i = 0; i < n; i++)
        out[i] = to_int8((float)*zero_point + values[i] * inverse, -128, 127);
    return scale;
}

float mwi_quantize_symmetric(const float *values, size_t n, int8_t *out)
{
    float range = 0;

    for (size_t i = 0; i < n; i++)
        if (fabsf(values[i]) > range) range = fabsf(values[i]);
    if (range == 0) {
        memset(out, 0, n);
        return 1;
    }
    const float inverse = 127.0f / range;
    for (size_t i = 0; i < n; i++) out[i] = to_int8(values[i] * inverse, -127, 127);
    return range / 127.0f;
}

void mwi_unpack4(const uint8_t *packed, size_t n, int8_t *out)
{
    for (size_t i = 0; i < n; i++) {
        const unsigned byte = packed[i / 2], bits = i % 2 == 0 ? byte << 4 : byte;
        out[i] = (int8_t)((int8_t)(bits & 0xf0) >> 4);
    }
}

void mwi_unpack2(const uint8_t *packed, size_t n, int8_t *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (int8_t)((int8_t)(uint8_t)(packed[i / 4] << (6 - 2 * (i % 4))) >> 6);
}

/* ---- gemmlowp ---- */

/* x * 2^exponent, saturated. */
static int32_t shift_saturated(int32_t x, int exponent)
{
    if (exponent == 0) return x;
    if (exponent < 0) return mwi_round_shift(x, -exponent);
    const int32_t limit = (int32_t)(((int64_t)1 << (31 - exponent)) - 1);
    if (x > limit) return INT32_MAX;
    if (x < -limit) return INT32_MIN;
    return (int32_t)((uint32_t)x << exponent);
}

/* Newton-Raphson from 1 on x scaled by powers of four to [1/4, 1), in Q3; the rest goes into the
 * shift. */
mwi_multiplier mwi_inverse_sqrt(int32_t x)
{
    int32_t shift = 11;

    if (x <= 1) return (mwi_multiplier){INT32_MAX, 0};
    while (x >= 1 << 29) {
        x /= 4;
        shift++;
    }
    const int32_t pairs = (__builtin_clz((uint32_t)x) - 1) / 2 - 1;
    shift -= pairs;
    x = (int32_t)((uint32_t)x << (2 * pairs));
    const int32_t in = x >> 1, half_in = mwi_round_shift(in, 1), half_three = (1 << 28) + (1 << 27);
    int32_t root = 1 << 28;
    for (int i = 0; i < 5; i++) {
        const int32_t cube = shift_saturated(mwi_high_mul(mwi_high_mul(root, root), root), 6);
        root = shift_saturated(mwi_high_mul(half_three, root) - mwi_high_mul(half_in, cube), 3);
    }
    root = mwi_high_mul(root, 1518500250); /* sqrt(1/2) */
    if (shift < 0) {
        root = (int32_t)((uint32_t)root << -shift);
        shift = 0;
    }
    return (mwi_multiplier){root, -shift};
}

static int32_t half_sum(int32_t a, int32_t b)
{
    const int64_t sum = (int64_t)a + b, sign = sum >= 0 ? 1 : -1;
    return (int32_t)((sum + sign) / 2);
}

/* exp on [-1/4, 0), Q0: Taylor's polynomial around -1/8. */
static int32_t exp_quarter(int32_t a)
{
    const int32_t constant = 1895147668; /* exp(-1/8) */
    const int32_t third = 715827883;     /* 1/3 */
    const int32_t x = a + (1 << 28);     /* a + 1/8 */
    const int32_t x2 = mwi_high_mul(x, x), x3 = mwi_high_mul(x2, x), x4 = mwi_high_mul(x2, x2);
    const int32_t x4_over_4 = mwi_round_shift(x4, 2);
    const int32_t rest = mwi_round_shift(mwi_high_mul(x4_over_4 + x3, third) + x2, 1);
    return constant + mwi_high_mul(constant, x + rest);
}

int32_t mwi_exp_negative(int32_t a, int integer_bits)
{
    /* exp(-2^exponent) for the powers of two that a is made of. */
    static const struct {
        int exponent;
        int32_t factor;
    } steps[] = {{-2, 1672461947}, {-1, 1302514674}, {0, 790015084}, {1, 290630308},
                 {2, 39332535},    {3, 720401},      {4, 242}};
    const int fraction_bits = 31 - integer_bits;
    const int32_t quarter = (int32_t)((int64_t)1 << (fraction_bits - 2));
    const int32_t rest = (a & (quarter - 1)) - quarter;
    const int32_t remainder = rest - a;
    int32_t result = exp_quarter((int32_t)((uint32_t)rest << integer_bits));

    for (size_t i = 0; i < MWI_COUNT(steps); i++) {
        const int bit = fraction_bits + steps[i].exponent;
        if (integer_bits <= steps[i].exponent || bit < 0 || bit > 30) continue;
        if ((remainder & (int32_t)((uint32_t)1 << bit)) != 0)
            result = mwi_high_mul(result, steps[i].factor);
    }
    if (integer_bits > 5) {
        const int32_t clamp = -(int32_t)((uint32_t)1 << (fraction_bits + 5));
        if (a < clamp) result = 0;
    }
    return a == 0 ? INT32_MAX : result;
}

int32_t mwi_one_over_one_plus(int32_t a)
{
    /* Newton-Raphson for 2 / (1 + a), in Q2. */
    const int32_t half_denominator = half_sum(a, INT32_MAX);
    const int32_t c48_17 = 1515870810, c_32_17 = -1010580540; /* 48/17, -32/17 in Q2 */
    int32_t x = c48_17 + mwi_high_mul(half_denominator, c_32_17);

    for (int i = 0; i < 3; i++) {
        const int32_t product = mwi_high_mul(half_denominator, x);
        const int32_t error = (1 << 29) - product; /* 1 in Q2 */
        x = x + shift_saturated(mwi_high_mul(x, error), 2);
    }
    return shift_saturated(x, 1); /* half of it, Q2 to Q0 */
}

static int32_t add_saturated(int32_t a, int32_t b)
{
    const int64_t sum = (int64_t)a + b;
    return sum > INT32_MAX ? INT32_MAX : sum < INT32_MIN ? INT32_MIN : (int32_t)sum;
}

/* x = 2^k * r with r near sqrt(sqrt(1/2)): k log 2 and a rational approximation of log r. */
int32_t mwi_log_above_one(int32_t x, int in_bits, int out_bits)
{
    const int32_t log_2 = 1488522236, fourth_root_half = 1805811301, root_half = 1518500250;
    const int32_t alpha_n = 117049297, alpha_d = 127690142, alpha_i = 1057819769,
                  alpha_f = 638450708;
    const int bits = out_bits + 1; /* one more, so that the product does not saturate */
    const int32_t quarter = mwi_round_shift(1 << 29, bits);

    if (x < 1) return 0;
    const int32_t lead = __builtin_clz((uint32_t)x);
    const int32_t r_a = shift_saturated(mwi_high_mul(shift_saturated(x, lead - 1), root_half), 1);
    const int32_t k_a = add_saturated(shift_saturated(in_bits - lead, 31 - bits), quarter);
    /* The same of x * sqrt(1/2). */
    const int32_t below = mwi_high_mul(x, root_half),
                  lead_b = (below > 0 ? __builtin_clz((uint32_t)below) : 32) - 1;
    const int32_t r_b = shift_saturated(x, lead_b);
    const int32_t k_b = add_saturated(shift_saturated(in_bits - lead_b, 31 - bits), -quarter);
    const int32_t r = r_a < r_b ? r_a : r_b, k = k_a > k_b ? k_a : k_b;
    const int32_t p = half_sum(r, fourth_root_half),
                  q = mwi_add32(r - fourth_root_half, r - fourth_root_half);
    const int32_t q2 = mwi_high_mul(q, q);
    const int32_t num = mwi_add32(mwi_high_mul(q, r), mwi_high_mul(mwi_high_mul(q, q2), alpha_n));
    const int32_t inner = mwi_add32(mwi_add32(alpha_i, q), mwi_high_mul(alpha_d, q2));
    const int32_t denominator =
        mwi_add32(mwi_high_mul(p, inner), mwi_high_mul(alpha_f, q)); /* minus 1 */
    const int32_t log_r =
        mwi_high_mul(mwi_round_shift(num, bits), mwi_one_over_one_plus(denominator));
    return shift_saturated(mwi_add32(mwi_high_mul(k, log_2), log_r), 1);
}
