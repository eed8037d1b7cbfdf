/* ops/atan2.c - ATAN2: the angle of (input 1, input 0), elementwise.
 * Depends: ops/binary.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/binary.h"

#include <math.h>

MWI_BINARY_ROW(row_f32, float, float, void, atan2f(x, y))
MWI_BINARY_ROW(row_f64, double, double, void, atan2(x, y))
MWI_BINARY_RUN(run_f32, row_f32)
MWI_BINARY_RUN(run_f64, row_f64)

static const mwi_kernel kernels[] = {
    {.name = "f32_atan2__ref", .types = "f32,f32>f32", .run = run_f32},
    {.name = "f64_atan2__ref", .types = "f64,f64>f64", .run = run_f64},
    {.name = NULL},
};

const mwi_op_desc mwi_op_atan2 = {
    .name = "ATAN2",
    .tflite_code = 156,
    .options_type = 122,
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_INPLACE | MWI_OP_BINARY_BROADCAST,
    .kernels = kernels,
    .infer = mwi_infer_broadcast,
};
