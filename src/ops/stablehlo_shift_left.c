/* ops/stablehlo_shift_left.c - STABLEHLO_SHIFT_LEFT: input 0 shifted left by input 1. Shifts
 * below 0 or past the width give 0, as StableHLO says; LiteRT leaves them to the machine.
 * Depends: ops/stablehlo.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/stablehlo.h"

MWI_STABLEHLO_RUN(run_8, uint8_t, uint32_t, b < 8 ? a << b : 0)
MWI_STABLEHLO_RUN(run_16, uint16_t, uint32_t, b < 16 ? a << b : 0)
MWI_STABLEHLO_RUN(run_32, uint32_t, uint32_t, b < 32 ? a << b : 0)

static const mwi_kernel kernels[] = {
    {.name = "s8_stablehlo_shift_left__ref", .types = "i8,i8>i8", .run = run_8},
    {.name = "s16_stablehlo_shift_left__ref", .types = "i16,i16>i16", .run = run_16},
    {.name = "s32_stablehlo_shift_left__ref", .types = "i32,i32>i32", .run = run_32},
    {.name = NULL},
};

const mwi_op_desc mwi_op_stablehlo_shift_left = {
    .name = "STABLEHLO_SHIFT_LEFT",
    .tflite_code = 207,
    .options2_type = 22,
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .kernels = kernels,
    .infer = mwi_stablehlo_infer,
};
