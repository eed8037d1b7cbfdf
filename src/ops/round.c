/* ops/round.c - ROUND: to the nearest integer, halves to even.
 * Depends: ops/unary.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/unary.h"

#include <math.h>

MWI_UNARY_RUN(run_f32, float, float, void, void, rintf(x))

static const mwi_kernel kernels[] = {
    {.name = "f32_round__ref", .types = "f32>f32", .run = run_f32},
    {.name = NULL},
};

const mwi_op_desc mwi_op_round = {
    .name = "ROUND",
    .tflite_code = 116,
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_INPLACE | MWI_OP_POINTWISE,
    .kernels = kernels,
    .infer = mwi_infer_same,
    .gradient = mwi_gradient_none,
};
