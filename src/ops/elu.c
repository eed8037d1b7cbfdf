/* ops/elu.c - ELU: exp(x) - 1 below zero.
 * Depends: ops/unary.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/rules.h"
#include "ops/unary.h"

#include <math.h>

static float table_fn(float x, const void *attr)
{
    (void)attr;
    return x < 0.0f ? expm1f(x) : x;
}

MWI_UNARY_RUN(run_f32, float, float, void, void, x < 0.0f ? expm1f(x) : x)

static mw_status prepare8(mw_ctx *ctx, mwi_prepare_call *call)
{
    return mwi_unary_table8(ctx, call, table_fn);
}

static const mwi_kernel kernels[] = {
    {.name = "f32_elu__ref", .types = "f32>f32", .run = run_f32},
    {.name = "s8_elu__ref", .types = "i8>i8", .prepare = prepare8, .run = mwi_unary_run_table8},
    {.name = NULL},
};

static double slope_at(double x, double y, double parameter)
{
    (void)x;
    (void)parameter;
    return y > 0 ? 1 : y + 1;
}

static const mwi_slope slope = {.at = slope_at, .reads_y = true};

const mwi_op_desc mwi_op_elu = {
    .name = "ELU",
    .tflite_code = 111,
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
