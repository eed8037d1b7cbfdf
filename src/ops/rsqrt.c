/* ops/rsqrt.c - RSQRT: 1 / sqrt(x). Quantized values below zero are refused.
 * Depends: ops/unary, ops/fixed.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/rules.h"
#include "ops/unary.h"

#include <math.h>

enum { SHIFT = 20 }; /* keeps 1 / sqrt an integer */

static mw_status prepare8(mw_ctx *ctx, mwi_prepare_call *call)
{
    float in_scale, out_scale;
    int32_t in_zero, out_zero;

    MWI_TRY(mwi_need_quant(ctx, &call->in[0], "input", &in_scale, &in_zero));
    MWI_TRY(mwi_need_quant(ctx, &call->out[0], "output", &out_scale, &out_zero));
    MWI_TRY(mwi_arena_alloc(ctx, call->arena, 256, &call->state));
    uint8_t *const table = call->state;
    mwi_multiplier m = mwi_multiplier_of(1. / (double)(sqrtf(in_scale) * out_scale));
    m.shift = m.shift - SHIFT < -31 ? -31 : m.shift - SHIFT;
    for (int32_t q = -128; q <= 127; q++) {
        const int32_t x = q - in_zero;
        int32_t y = 127; /* for zero; below it is refused at run time */
        if (x > 0) {
            mwi_multiplier root = mwi_inverse_sqrt(x);
            root.shift += SHIFT;
            y = mwi_quantized(mwi_scale(mwi_scale(1, root), m), out_zero, -128, 127);
        }
        table[(uint8_t)q] = (uint8_t)y;
    }
    return MW_OK;
}

/* attr of the table: the output's scale. */
static float table_fn(float x, const void *scale)
{
    return x <= 0.0f ? 32767 * *(const float *)scale : 1.0f / sqrtf(x);
}

static mw_status prepare16(mw_ctx *ctx, mwi_prepare_call *call)
{
    float scale;
    int32_t zero;

    MWI_TRY(mwi_need_zero(ctx, &call->in[0], "input"));
    MWI_TRY(mwi_need_zero(ctx, &call->out[0], "output"));
    MWI_TRY(mwi_need_quant(ctx, &call->out[0], "output", &scale, &zero));
    mwi_prepare_call with_scale = *call;
    with_scale.attr = &scale;
    MWI_TRY(mwi_unary_table16(ctx, &with_scale, table_fn));
    call->state = with_scale.state;
    return MW_OK;
}

MWI_UNARY_RUN(run_f32, float, float, void, void, 1.0f / sqrtf(x))

static mw_status run_i8(mw_ctx *ctx, const mwi_run_call *call)
{
    MWI_TRY(mwi_need_not_below(ctx, &call->in[0], (int32_t)call->in[0].quant->q.zero_points[0]));
    return mwi_unary_run_table8(ctx, call);
}

static mw_status run_i16(mw_ctx *ctx, const mwi_run_call *call)
{
    MWI_TRY(mwi_need_not_below(ctx, &call->in[0], 0));
    return mwi_unary_run_table16(ctx, call);
}

static const mwi_kernel kernels[] = {
    {.name = "f32_rsqrt__ref", .types = "f32>f32", .run = run_f32},
    {.name = "s8_rsqrt__ref", .types = "i8>i8", .prepare = prepare8, .run = run_i8},
    {.name = "s16_rsqrt__ref", .types = "i16>i16", .prepare = prepare16, .run = run_i16},
    {.name = NULL},
};

static double slope_at(double x, double y, double parameter)
{
    (void)x;
    (void)parameter;
    return -0.5 * y * y * y;
}

static const mwi_slope slope = {.at = slope_at, .reads_y = true};

const mwi_op_desc mwi_op_rsqrt = {
    .name = "RSQRT",
    .tflite_code = 76,
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
    .version = mwi_version_i8_i16,
};
