/* ops/logical_and.c - LOGICAL_AND with broadcast.
 * Depends: ops/binary.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/binary.h"

MWI_BINARY_ROW(row_bool, uint8_t, uint8_t, void, x &&y)
MWI_BINARY_RUN(run_bool, row_bool)

static const mwi_kernel kernels[] = {
    {.name = "bool_logical_and__ref", .types = "bool,bool>bool", .run = run_bool},
    {.name = NULL},
};

const mwi_op_desc mwi_op_logical_and = {
    .name = "LOGICAL_AND",
    .tflite_code = 86,
    .options_type = 62,
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_INPLACE | MWI_OP_BINARY_BROADCAST | MWI_OP_COMMUTATIVE,
    .kernels = kernels,
    .infer = mwi_infer_broadcast,
};
