/* ops/stablehlo_and.c - STABLEHLO_AND: the common bits of two tensors of one shape.
 * Depends: ops/stablehlo.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/stablehlo.h"

MWI_STABLEHLO_WRAPPING(a &b)
MWI_STABLEHLO_RUN(run_bool, uint8_t, uint32_t, a != 0 && b != 0)

static const mwi_kernel kernels[] = {
    {.name = "x8_stablehlo_and__ref", .types = "i8|u8,=>=", .run = run_8},
    {.name = "x16_stablehlo_and__ref", .types = "i16|u16,=>=", .run = run_16},
    {.name = "x32_stablehlo_and__ref", .types = "i32|u32,=>=", .run = run_32},
    {.name = "x64_stablehlo_and__ref", .types = "i64|u64,=>=", .run = run_64},
    {.name = "bool_stablehlo_and__ref", .types = "bool,bool>bool", .run = run_bool},
    {.name = NULL},
};

const mwi_op_desc mwi_op_stablehlo_and = {
    .name = "STABLEHLO_AND",
    .tflite_code = 176,
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .kernels = kernels,
    .infer = mwi_stablehlo_infer,
};
