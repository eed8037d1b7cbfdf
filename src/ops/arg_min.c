/* ops/arg_min.c - ARG_MIN: where along an axis (input 1) the smallest value is. NaN loses.
 * Depends: ops/arg_extreme, ops/rules.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/arg_extreme.h"
#include "ops/rules.h"

MWI_ARG_RUN(run_f32, float, v == v && (best != best || v < best))
MWI_ARG_RUN(run_i8, int8_t, v < best)
MWI_ARG_RUN(run_u8, uint8_t, v < best)
MWI_ARG_RUN(run_i32, int32_t, v < best)
MWI_ARG_RUN(run_i64, int64_t, v < best)

static const mwi_kernel kernels[] = {
    {.name = "f32_arg_min__ref", .types = "f32,i32|i64>i32|i64", .run = run_f32},
    {.name = "s8_arg_min__ref", .types = "i8,i32|i64>i32|i64", .run = run_i8},
    {.name = "u8_arg_min__ref", .types = "u8|bool,i32|i64>i32|i64", .run = run_u8},
    {.name = "s32_arg_min__ref", .types = "i32,i32|i64>i32|i64", .run = run_i32},
    {.name = "s64_arg_min__ref", .types = "i64,i32|i64>i32|i64", .run = run_i64},
    {.name = NULL},
};

const mwi_op_desc mwi_op_arg_min = {
    .name = "ARG_MIN",
    .tflite_code = 79,
    .options_type = 57,
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_PER_SAMPLE,
    .attr_size = sizeof(mwi_arg_attr),
    .fields = mwi_arg_fields,
    .kernels = kernels,
    .quant = &mwi_quant_first,
    .infer = mwi_arg_infer,
    .version = mwi_arg_version,
};
