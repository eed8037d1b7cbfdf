/* ops/exp.c - EXP.
 * Depends: ops/unary.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/rules.h"
#include "ops/unary.h"

#include <math.h>

static float table_fn(float x, const void *attr)
{
    (void)attr;
    return expf(x);
}

MWI_UNARY_RUN(run_f32, float, float, void, void, expf(x))

static mw_status prepare8(mw_ctx *ctx, mwi_prepare_call *call)
{
    return mwi_unary_table8(ctx, call, table_fn);
}

static mw_status prepare16(mw_ctx *ctx, mwi_prepare_call *call)
{
    MWI_TRY(mwi_need_zero(ctx, &call->in[0], "input"));
    MWI_TRY(mwi_need_zero(ctx, &call->out[0], "output"));
    return mwi_unary_table16(ctx, call, table_fn);
}

static const mwi_kernel kernels[] = {
    {.name = "f32_exp__ref", .types = "f32>f32", .run = run_f32},
    {.name = "s8_exp__ref", .types = "i8>i8", .prepare = prepare8, .run = mwi_unary_run_table8},
    {.name = "s16_exp__ref",
     .types = "i16>i16",
     .prepare = prepare16,
     .run = mwi_unary_run_table16},
    {.name = NULL},
};

static double slope_at(double x, double y, double parameter)
{
    (void)x;
    (void)parameter;
    return y;
}

static const mwi_slope slope = {.at = slope_at, .reads_y = true};

const mwi_op_desc mwi_op_exp = {
    .name = "EXP",
    .tflite_code = 47,
    .options_type = 33,
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_INPLACE | MWI_OP_POINTWISE,
    .kernels = kernels,
    .quant = &mwi_quant_own,
    .out_low = 0,
    .out_high = HUGE_VAL,
    .infer = mwi_infer_same,
    .gradient = mwi_gradient_pointwise,
    .slope = &slope,
    .version = mwi_version_i8i16,
};
