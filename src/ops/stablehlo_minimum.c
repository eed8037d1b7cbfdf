/* ops/stablehlo_minimum.c - STABLEHLO_MINIMUM: the smaller of two tensors of one shape.
 * Depends: ops/stablehlo.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/stablehlo.h"

MWI_STABLEHLO_FLOATS(b < a ? b : a)
MWI_STABLEHLO_RUN(run_i8, int8_t, int8_t, b < a ? b : a)
MWI_STABLEHLO_RUN(run_u8, uint8_t, uint8_t, b < a ? b : a)
MWI_STABLEHLO_RUN(run_i16, int16_t, int16_t, b < a ? b : a)
MWI_STABLEHLO_RUN(run_u16, uint16_t, uint16_t, b < a ? b : a)
MWI_STABLEHLO_RUN(run_i32, int32_t, int32_t, b < a ? b : a)
MWI_STABLEHLO_RUN(run_u32, uint32_t, uint32_t, b < a ? b : a)
MWI_STABLEHLO_RUN(run_i64, int64_t, int64_t, b < a ? b : a)
MWI_STABLEHLO_RUN(run_u64, uint64_t, uint64_t, b < a ? b : a)
MWI_STABLEHLO_RUN(run_bool, uint8_t, uint32_t, b < a ? b : a)

static const mwi_kernel kernels[] = {
    {.name = "f16_stablehlo_minimum__ref", .types = "f16,f16>f16", .run = run_f16},
    {.name = "f32_stablehlo_minimum__ref", .types = "f32,f32>f32", .run = run_f32},
    {.name = "f64_stablehlo_minimum__ref", .types = "f64,f64>f64", .run = run_f64},
    {.name = "s8_stablehlo_minimum__ref", .types = "i8,i8>i8", .run = run_i8},
    {.name = "u8_stablehlo_minimum__ref", .types = "u8,u8>u8", .run = run_u8},
    {.name = "s16_stablehlo_minimum__ref", .types = "i16,i16>i16", .run = run_i16},
    {.name = "u16_stablehlo_minimum__ref", .types = "u16,u16>u16", .run = run_u16},
    {.name = "s32_stablehlo_minimum__ref", .types = "i32,i32>i32", .run = run_i32},
    {.name = "u32_stablehlo_minimum__ref", .types = "u32,u32>u32", .run = run_u32},
    {.name = "s64_stablehlo_minimum__ref", .types = "i64,i64>i64", .run = run_i64},
    {.name = "u64_stablehlo_minimum__ref", .types = "u64,u64>u64", .run = run_u64},
    {.name = "bool_stablehlo_minimum__ref", .types = "bool,bool>bool", .run = run_bool},
    {.name = NULL},
};

const mwi_op_desc mwi_op_stablehlo_minimum = {
    .name = "STABLEHLO_MINIMUM",
    .tflite_code = 181,
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .kernels = kernels,
    .infer = mwi_stablehlo_infer,
};
