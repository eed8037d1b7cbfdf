/* ops/hard_swish.c - HARD_SWISH: x * relu6(x + 3) / 6. Quantized values go through a table of 256
 * made in 16-bit fixed point, step for step as TFLite computes each.
 * Depends: ops/unary, ops/fixed.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/rules.h"
#include "ops/unary.h"

/* ---- 16-bit fixed point ---- */

static int16_t saturated(int32_t x) { return (int16_t)mwi_clamp(x, -32768, 32767); }

/* High half of 2ab: rounded, or cut. */
static int16_t high_mul16(int16_t a, int16_t b)
{
    if (a == INT16_MIN && b == INT16_MIN) return INT16_MAX;
    const int32_t ab = (int32_t)a * b, rounding = ab >= 0 ? 1 << 14 : 1 - (1 << 14);
    return (int16_t)((ab + rounding) / (1 << 15));
}

static int16_t high_mul16_cut(int16_t a, int16_t b)
{
    if (a == INT16_MIN && b == INT16_MIN) return INT16_MAX;
    const int32_t ab = (int32_t)a * b;
    return (int16_t)(ab / (1 << 15));
}

static int16_t shift_left16(int16_t x, int32_t by)
{
    const int64_t y = (int64_t)x * ((int64_t)1 << (by > 30 ? 30 : by));
    return (int16_t)(y < -32768 ? -32768 : y > 32767 ? 32767 : y);
}

/* A multiplier in 16 bits; the shift stays. */
static int16_t halved(int32_t multiplier)
{
    return (int16_t)(multiplier >= INT32_MAX - (1 << 15) ? INT16_MAX
                                                         : (multiplier + (1 << 15)) >> 16);
}

typedef struct scales {
    mwi_multiplier out, relu; /* of inputs times 128: to the output's scale, to 3 / 32768 */
    int32_t in_zero, out_zero;
} scales;

static int32_t quantized(const scales *s, int32_t value)
{
    const int16_t x = (int16_t)((value - s->in_zero) * (1 << 7));
    const int16_t out = high_mul16(x, halved(s->out.multiplier));
    int16_t gate = x; /* (x + 3) / 6 between 0 and 1 */

    if (s->relu.shift > 0) gate = shift_left16(gate, s->relu.shift - 1);
    gate = high_mul16(gate, halved(s->relu.multiplier));
    if (s->relu.shift > 0) gate = shift_left16(gate, 1);
    if (s->relu.shift < 0) gate = (int16_t)mwi_round_shift(gate, -s->relu.shift);
    gate = (int16_t)((gate + (1 << 15)) >> 1);
    return saturated(mwi_round_shift(high_mul16_cut(gate, out), -s->out.shift) + s->out_zero);
}

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    float in_scale, out_scale;
    int32_t low, high;
    scales s;

    MWI_TRY(mwi_need_quant(ctx, &call->in[0], "input", &in_scale, &s.in_zero));
    MWI_TRY(mwi_need_quant(ctx, &call->out[0], "output", &out_scale, &s.out_zero));
    const float fine = 1.0f / 128.0f * in_scale;
    s.out = mwi_multiplier_of((double)(fine / out_scale));
    s.relu = mwi_multiplier_of((double)(fine / (3.0f / 32768.0f)));
    if (s.out.shift > 0)
        return mwi_fail(ctx, MW_EUNSUPPORTED,
                        "the input's scale %g is over 128 times the output's %g", (double)in_scale,
                        (double)out_scale);
    MWI_TRY(mwi_arena_alloc(ctx, call->arena, 256, &call->state));
    uint8_t *const table = call->state;
    mwi_type_range(call->out[0].dtype, &low, &high);
    for (int32_t v = low; v <= high; v++)
        table[(uint8_t)v] = (uint8_t)mwi_clamp(quantized(&s, v), low, high);
    return MW_OK;
}

static float hard_swish(float x)
{
    const float gate = x + 3.0f > 0.0f ? x + 3.0f : 0.0f;
    return x * (gate < 6.0f ? gate : 6.0f) / 6.0f;
}

MWI_UNARY_RUN(run_f32, float, float, void, void, hard_swish(x))

static const mwi_kernel kernels[] = {
    {.name = "f32_hard_swish__ref", .types = "f32>f32", .run = run_f32},
    {.name = "s8_hard_swish__ref",
     .types = "i8>i8",
     .prepare = prepare,
     .run = mwi_unary_run_table8},
    {.name = "u8_hard_swish__ref",
     .types = "u8>u8",
     .prepare = prepare,
     .run = mwi_unary_run_table8},
    {.name = NULL},
};

static double slope_at(double x, double y, double parameter)
{
    (void)y;
    (void)parameter;
    return x <= -3 ? 0 : x >= 3 ? 1 : (2 * x + 3) / 6;
}

static const mwi_slope slope = {.at = slope_at, .reads_x = true};

const mwi_op_desc mwi_op_hard_swish = {
    .name = "HARD_SWISH",
    .tflite_code = 117,
    .options_type = 91,
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_INPLACE | MWI_OP_POINTWISE,
    .kernels = kernels,
    .quant = &mwi_quant_own,
    .infer = mwi_infer_same,
    .gradient = mwi_gradient_pointwise,
    .slope = &slope,
};
