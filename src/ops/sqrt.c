/* ops/sqrt.c - SQRT. Quantized values below zero are refused, results are cut, not rounded, as in
 * TFLite.
 * Depends: ops/unary.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/rules.h"
#include "ops/unary.h"

#include <math.h>

typedef struct state {
    float in_scale, out_scale;
    int32_t in_zero, out_zero, low, high;
} state;

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(state), &memory));
    state *const s = call->state = memory;
    MWI_TRY(mwi_need_quant(ctx, &call->in[0], "input", &s->in_scale, &s->in_zero));
    MWI_TRY(mwi_need_quant(ctx, &call->out[0], "output", &s->out_scale, &s->out_zero));
    mwi_type_range(call->out[0].dtype, &s->low, &s->high);
    return MW_OK;
}

static int32_t quantized(const state *s, int32_t x)
{
    const float root = sqrtf(s->in_scale * (float)(x - s->in_zero)) / s->out_scale;
    return root >= 1e9f ? s->high : mwi_clamp((int32_t)root + s->out_zero, s->low, s->high);
}

MWI_UNARY_RUN(run_f32, float, float, void, void, sqrtf(x))
MWI_UNARY_RUN(root_i8, int8_t, int8_t, void, state, quantized(s, x))
MWI_UNARY_RUN(root_i16, int16_t, int16_t, void, state, quantized(s, x))

static mw_status run_i8(mw_ctx *ctx, const mwi_run_call *call)
{
    MWI_TRY(mwi_need_not_below(ctx, &call->in[0], ((const state *)call->state)->in_zero));
    return root_i8(ctx, call);
}

static mw_status run_i16(mw_ctx *ctx, const mwi_run_call *call)
{
    MWI_TRY(mwi_need_not_below(ctx, &call->in[0], ((const state *)call->state)->in_zero));
    return root_i16(ctx, call);
}

static const mwi_kernel kernels[] = {
    {.name = "f32_sqrt__ref", .types = "f32>f32", .run = run_f32},
    {.name = "s8_sqrt__ref", .types = "i8>i8", .prepare = prepare, .run = run_i8},
    {.name = "s16_sqrt__ref", .types = "i16>i16", .prepare = prepare, .run = run_i16},
    {.name = NULL},
};

static double slope_at(double x, double y, double parameter)
{
    (void)x;
    (void)parameter;
    return 0.5 / y;
}

static const mwi_slope slope = {.at = slope_at, .reads_y = true};

const mwi_op_desc mwi_op_sqrt = {
    .name = "SQRT",
    .tflite_code = 75,
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_INPLACE | MWI_OP_POINTWISE,
    .kernels = kernels,
    .out_low = 0,
    .out_high = HUGE_VAL,
    .infer = mwi_infer_same,
    .gradient = mwi_gradient_pointwise,
    .slope = &slope,
    .version = mwi_version_i8i16,
};
