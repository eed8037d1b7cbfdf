/* ops/ceil.c - CEIL: the smallest integer not below x.
 * Depends: ops/unary.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/unary.h"

#include <math.h>

MWI_UNARY_RUN(run_f32, float, float, void, void, ceilf(x))

static const mwi_kernel kernels[] = {
    {.name = "f32_ceil__ref", .types = "f32>f32", .run = run_f32},
    {.name = NULL},
};

const mwi_op_desc mwi_op_ceil = {
    .name = "CEIL",
    .tflite_code = 104,
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_INPLACE | MWI_OP_POINTWISE,
    .kernels = kernels,
    .infer = mwi_infer_same,
    .gradient = mwi_gradient_none,
};
