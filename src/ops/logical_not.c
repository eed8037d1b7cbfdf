/* ops/logical_not.c - LOGICAL_NOT.
 * Depends: ops/unary.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/unary.h"

MWI_UNARY_RUN(run_bool, uint8_t, uint8_t, void, void, x == 0)

static const mwi_kernel kernels[] = {
    {.name = "bool_logical_not__ref", .types = "bool>bool", .run = run_bool},
    {.name = NULL},
};

const mwi_op_desc mwi_op_logical_not = {
    .name = "LOGICAL_NOT",
    .tflite_code = 87,
    .options_type = 63,
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_INPLACE | MWI_OP_POINTWISE,
    .kernels = kernels,
    .infer = mwi_infer_same,
};
