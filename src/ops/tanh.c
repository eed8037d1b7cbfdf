/* ops/tanh.c - TANH.
 * Depends: ops/unary, ops/sigmoid16.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/rules.h"
#include "ops/sigmoid16.h"
#include "ops/unary.h"

#include <math.h>

static float table_fn(float x, const void *attr)
{
    (void)attr;
    return tanhf(x);
}

MWI_UNARY_RUN(run_f32, float, float, void, void, tanhf(x))

static mw_status prepare8(mw_ctx *ctx, mwi_prepare_call *call)
{
    return mwi_unary_table8(ctx, call, table_fn);
}
static mw_status prepare16(mw_ctx *ctx, mwi_prepare_call *call)
{
    return mwi_sigmoid16_prepare(ctx, call, 1);
}

/* tanh(x) = 2 logistic(2x) - 1 on the same table. */
static mw_status run16(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_sigmoid16 *const s = call->state;
    const int16_t *const in = call->in[0].data;
    int16_t *const out = call->out[0].data;

    (void)ctx;
    for (size_t i = 0; i < call->in[0].bytes / sizeof *in; i++) {
        const int32_t x = mwi_sigmoid16_scaled(s, in[i]);
        const uint32_t magnitude = (uint32_t)(x < 0 ? -x : x), high = magnitude >> 8;
        int32_t v = 0xffff << 8;
        if (high < 255)
            v = (int32_t)(((uint32_t)s->table[high] << 8) +
                          (magnitude & 0xff) * (uint32_t)(s->table[high + 1] - s->table[high]));
        v = x >= 0 ? v - (1 << 23) + (1 << 7) : -v + (1 << 23) + (1 << 7) - 1;
        out[i] = (int16_t)(v >> 8);
    }
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_tanh__ref", .types = "f32>f32", .run = run_f32},
    {.name = "s8_tanh__ref", .types = "i8>i8", .prepare = prepare8, .run = mwi_unary_run_table8},
    {.name = "u8_tanh__ref", .types = "u8>u8", .prepare = prepare8, .run = mwi_unary_run_table8},
    {.name = "s16_tanh__ref", .types = "i16>i16", .prepare = prepare16, .run = run16},
    {.name = NULL},
};

static const mwi_quant_rule quant = {.quantizable = true,
                                     .weight = -1,
                                     .axis = -1,
                                     .bias = -1,
                                     .flags = MWI_QUANT_FIXED_OUTPUT,
                                     .fixed_int8 = {1.0f / 128, 0},
                                     .fixed_int16 = {1.0f / 32768, 0},
                                     .data_inputs = {0, -1}};

static double slope_at(double x, double y, double parameter)
{
    (void)x;
    (void)parameter;
    return 1 - y * y;
}

static const mwi_slope slope = {.at = slope_at, .reads_y = true};

const mwi_op_desc mwi_op_tanh = {
    .name = "TANH",
    .tflite_code = 28,
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_INPLACE | MWI_OP_POINTWISE,
    .kernels = kernels,
    .quant = &quant,
    .out_low = -1,
    .out_high = 1,
    .infer = mwi_infer_same,
    .gradient = mwi_gradient_pointwise,
    .slope = &slope,
    .version = mwi_version_i8_i16,
};
