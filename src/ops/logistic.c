/* ops/logistic.c - LOGISTIC: 1 / (1 + exp(-x)).
 * Depends: ops/unary, ops/sigmoid16.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/rules.h"
#include "ops/sigmoid16.h"
#include "ops/unary.h"

#include <math.h>

/* Beyond these bounds the reference takes the limits. */
static float logistic(float x)
{
    if (x > 16.619047164916992188f) return 1.0f;
    if (x < -9.0f) return expf(x);
    return 1.0f / (1.0f + expf(-x));
}

static float table_fn(float x, const void *attr)
{
    (void)attr;
    return 1.0f / (1.0f + expf(-x));
}

MWI_UNARY_RUN(run_f32, float, float, void, void, logistic(x))

static mw_status prepare8(mw_ctx *ctx, mwi_prepare_call *call)
{
    return mwi_unary_table8(ctx, call, table_fn);
}
static mw_status prepare16(mw_ctx *ctx, mwi_prepare_call *call)
{
    return mwi_sigmoid16_prepare(ctx, call, 0);
}

static mw_status run16(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_sigmoid16 *const s = call->state;
    const int16_t *const in = call->in[0].data;
    int16_t *const out = call->out[0].data;

    (void)ctx;
    for (size_t i = 0; i < call->in[0].bytes / sizeof *in; i++) {
        const int32_t x = mwi_sigmoid16_scaled(s, in[i]);
        const uint32_t magnitude = (uint32_t)(x < 0 ? -x : x), high = magnitude >> 9;
        uint32_t v = 0x7fff << 10;
        if (high < 255)
            v = ((uint32_t)s->table[high] << 9) +
                (magnitude & 0x1ff) * (uint32_t)(s->table[high + 1] - s->table[high]);
        v = x >= 0 ? v + (1 << 9) : (1u << 25) - v + (1 << 9) - 1;
        out[i] = (int16_t)(v >> 10);
    }
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_logistic__ref", .types = "f32>f32", .run = run_f32},
    {.name = "s8_logistic__ref",
     .types = "i8>i8",
     .prepare = prepare8,
     .run = mwi_unary_run_table8},
    {.name = "u8_logistic__ref",
     .types = "u8>u8",
     .prepare = prepare8,
     .run = mwi_unary_run_table8},
    {.name = "s16_logistic__ref", .types = "i16>i16", .prepare = prepare16, .run = run16},
    {.name = NULL},
};

static const mwi_quant_rule quant = {.quantizable = true,
                                     .weight = -1,
                                     .axis = -1,
                                     .bias = -1,
                                     .flags = MWI_QUANT_FIXED_OUTPUT,
                                     .fixed_int8 = {1.0f / 256, -128},
                                     .fixed_int16 = {1.0f / 32768, 0},
                                     .data_inputs = {0, -1}};

static double slope_at(double x, double y, double parameter)
{
    (void)x;
    (void)parameter;
    return y * (1 - y);
}

static const mwi_slope slope = {.at = slope_at, .reads_y = true};

const mwi_op_desc mwi_op_logistic = {
    .name = "LOGISTIC",
    .tflite_code = 14,
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_INPLACE | MWI_OP_POINTWISE,
    .kernels = kernels,
    .quant = &quant,
    .out_low = 0,
    .out_high = 1,
    .infer = mwi_infer_same,
    .gradient = mwi_gradient_pointwise,
    .slope = &slope,
    .version = mwi_version_i8_i16,
};
