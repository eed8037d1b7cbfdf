/* ops/square.c - SQUARE: x * x.
 * Depends: ops/unary.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/unary.h"

#include <math.h>

MWI_UNARY_RUN(run_f32, float, float, void, void, x *x)

static const mwi_kernel kernels[] = {
    {.name = "f32_square__ref", .types = "f32>f32", .run = run_f32},
    {.name = NULL},
};

static double slope_at(double x, double y, double parameter)
{
    (void)y;
    (void)parameter;
    return 2 * x;
}

static const mwi_slope slope = {.at = slope_at, .reads_x = true};

const mwi_op_desc mwi_op_square = {
    .name = "SQUARE",
    .tflite_code = 92,
    .options_type = 66,
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
};
