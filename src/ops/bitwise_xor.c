/* ops/bitwise_xor.c - BITWISE_XOR with broadcast.
 * Depends: ops/binary.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/binary.h"

MWI_BINARY_ROW(row_u8, uint8_t, uint8_t, void, x ^ y)
MWI_BINARY_ROW(row_u16, uint16_t, uint16_t, void, x ^ y)
MWI_BINARY_ROW(row_u32, uint32_t, uint32_t, void, x ^ y)
MWI_BINARY_RUN(run_u8, row_u8)
MWI_BINARY_RUN(run_u16, row_u16)
MWI_BINARY_RUN(run_u32, row_u32)

static const mwi_kernel kernels[] = {
    {.name = "s8_bitwise_xor__ref", .types = "i8,i8>i8", .run = run_u8},
    {.name = "u8_bitwise_xor__ref", .types = "u8,u8>u8", .run = run_u8},
    {.name = "s16_bitwise_xor__ref", .types = "i16,i16>i16", .run = run_u16},
    {.name = "u16_bitwise_xor__ref", .types = "u16,u16>u16", .run = run_u16},
    {.name = "s32_bitwise_xor__ref", .types = "i32,i32>i32", .run = run_u32},
    {.name = "u32_bitwise_xor__ref", .types = "u32,u32>u32", .run = run_u32},
    {.name = NULL},
};

const mwi_op_desc mwi_op_bitwise_xor = {
    .name = "BITWISE_XOR",
    .tflite_code = 160,
    .options_type = 125,
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_INPLACE | MWI_OP_BINARY_BROADCAST | MWI_OP_COMMUTATIVE,
    .kernels = kernels,
    .infer = mwi_infer_broadcast,
};
