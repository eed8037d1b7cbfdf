/* ops/equal.c - EQUAL: x == y with broadcast.
 * Depends: ops/compare, ops/rules.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/strings.h"
#include "ops/compare.h"
#include "ops/rules.h"

MWI_BINARY_ROW(row_bool, uint8_t, uint8_t, void, x == y)
MWI_BINARY_ROW(row_f32, float, uint8_t, void, x == y)
MWI_BINARY_ROW(row_i32, int32_t, uint8_t, void, x == y)
MWI_BINARY_ROW(row_i64, int64_t, uint8_t, void, x == y)
MWI_BINARY_ROW(row_i8, int8_t, uint8_t, mwi_compare, mwi_compare_a(s, x) == mwi_compare_b(s, y))
MWI_BINARY_ROW(row_u8, uint8_t, uint8_t, mwi_compare, mwi_compare_a(s, x) == mwi_compare_b(s, y))
MWI_BINARY_ROW(row_i16, int16_t, uint8_t, mwi_compare,
               s == NULL ? x == y : mwi_compare_a(s, x) == mwi_compare_b(s, y))
MWI_BINARY_RUN(run_bool, row_bool)
MWI_BINARY_RUN(run_f32, row_f32)
MWI_BINARY_RUN(run_i32, row_i32)
MWI_BINARY_RUN(run_i64, row_i64)
MWI_BINARY_RUN(run_i8, row_i8)
MWI_BINARY_RUN(run_u8, row_u8)
MWI_BINARY_RUN(run_i16, row_i16)
MWI_BINARY_ROW(row_str, mw_string, uint8_t, void, mwi_strings_equal(&x, &y))
MWI_BINARY_RUN(run_str, row_str)

static int32_t version(const mwi_shape_call *call)
{
    const mw_dtype t = call->in[0].dtype;
    return t == MW_INT16 ? 4 : t == MW_STRING ? 3 : mwi_version_i8(call);
}

static const mwi_kernel kernels[] = {
    {.name = "bool_equal__ref", .types = "bool,bool>bool", .run = run_bool},
    {.name = "f32_equal__ref", .types = "f32,f32>bool", .run = run_f32},
    {.name = "s32_equal__ref", .types = "i32,i32>bool", .run = run_i32},
    {.name = "s64_equal__ref", .types = "i64,i64>bool", .run = run_i64},
    {.name = "s8_equal__ref", .types = "i8,i8>bool", .prepare = mwi_compare_prepare, .run = run_i8},
    {.name = "u8_equal__ref", .types = "u8,u8>bool", .prepare = mwi_compare_prepare, .run = run_u8},
    {.name = "s16_equal__ref",
     .types = "i16,i16>bool",
     .flags = MWI_KERNEL_NOT_LITERT, /* it compares the integers, whatever their scales */
     .prepare = mwi_compare_prepare,
     .run = run_i16},
    {.name = "str_equal__ref", .types = "str,str>bool", .run = run_str},
    {.name = NULL},
};

const mwi_op_desc mwi_op_equal = {
    .name = "EQUAL",
    .tflite_code = 71,
    .options_type = 53,
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_BINARY_BROADCAST | MWI_OP_COMMUTATIVE,
    .kernels = kernels,
    .quant = &mwi_quant_own,
    .infer = mwi_infer_broadcast,
    .version = version,
};
