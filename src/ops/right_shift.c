/* ops/right_shift.c - RIGHT_SHIFT: x >> y with broadcast; y is held between 0 and the width less
 * one.
 * Depends: ops/binary.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/binary.h"

static int32_t held(int64_t y, int32_t most) { return y < 0 ? 0 : y > most ? most : (int32_t)y; }

MWI_BINARY_ROW(row_i8, int8_t, int8_t, void, x >> held(y, 7))
MWI_BINARY_ROW(row_u8, uint8_t, uint8_t, void, x >> held(y, 7))
MWI_BINARY_ROW(row_i16, int16_t, int16_t, void, x >> held(y, 15))
MWI_BINARY_ROW(row_u16, uint16_t, uint16_t, void, x >> held(y, 15))
MWI_BINARY_ROW(row_i32, int32_t, int32_t, void, x >> held(y, 31))
MWI_BINARY_ROW(row_u32, uint32_t, uint32_t, void, x >> held(y, 31))
MWI_BINARY_RUN(run_i8, row_i8)
MWI_BINARY_RUN(run_u8, row_u8)
MWI_BINARY_RUN(run_i16, row_i16)
MWI_BINARY_RUN(run_u16, row_u16)
MWI_BINARY_RUN(run_i32, row_i32)
MWI_BINARY_RUN(run_u32, row_u32)

static const mwi_kernel kernels[] = {
    {.name = "s8_right_shift__ref", .types = "i8,i8>i8", .run = run_i8},
    {.name = "u8_right_shift__ref", .types = "u8,u8>u8", .run = run_u8},
    {.name = "s16_right_shift__ref", .types = "i16,i16>i16", .run = run_i16},
    {.name = "u16_right_shift__ref", .types = "u16,u16>u16", .run = run_u16},
    {.name = "s32_right_shift__ref", .types = "i32,i32>i32", .run = run_i32},
    {.name = "u32_right_shift__ref", .types = "u32,u32>u32", .run = run_u32},
    {.name = NULL},
};

const mwi_op_desc mwi_op_right_shift = {
    .name = "RIGHT_SHIFT",
    .tflite_code = 161,
    .options_type = 126,
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_INPLACE | MWI_OP_BINARY_BROADCAST,
    .kernels = kernels,
    .infer = mwi_infer_broadcast,
};
