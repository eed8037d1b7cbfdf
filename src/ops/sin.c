/* ops/sin.c - SIN.
 * Depends: ops/unary.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/unary.h"

#include <math.h>

MWI_UNARY_RUN(run_f32, float, float, void, void, sinf(x))

static const mwi_kernel kernels[] = {
    {.name = "f32_sin__ref", .types = "f32>f32", .run = run_f32},
    {.name = NULL},
};

static double slope_at(double x, double y, double parameter)
{
    (void)y;
    (void)parameter;
    return cos(x);
}

static const mwi_slope slope = {.at = slope_at, .reads_x = true};

const mwi_op_desc mwi_op_sin = {
    .name = "SIN",
    .tflite_code = 66,
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_INPLACE | MWI_OP_POINTWISE,
    .kernels = kernels,
    .out_low = -1,
    .out_high = 1,
    .infer = mwi_infer_same,
    .gradient = mwi_gradient_pointwise,
    .slope = &slope,
};
