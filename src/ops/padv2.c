/* ops/padv2.c - PADV2: a given value around a tensor.
 * Depends: ops/pad.  Used by: the list of operators only.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/pad.h"
#include "ops/rules.h"

#define ROW(prefix, signature)                                                                     \
    {                                                                                              \
        .name = prefix "_padv2__ref", .types = signature, .prepare = mwi_pad_prepare,              \
        .run = mwi_pad_run                                                                         \
    }
static const mwi_kernel kernels[] = {
    ROW("f32_i32", "f32,i32,f32>f32"),
    ROW("f32_i64", "f32,i64,f32>f32"),
    ROW("i8_i32", "i8,i32,i8>i8"),
    ROW("i8_i64", "i8,i64,i8>i8"),
    ROW("u8_i32", "u8,i32,u8>u8"),
    ROW("u8_i64", "u8,i64,u8>u8"),
    ROW("i16_i32", "i16,i32,i16>i16"),
    ROW("i16_i64", "i16,i64,i16>i16"),
    ROW("i32_i32", "i32,i32,i32>i32"),
    ROW("i32_i64", "i32,i64,i32>i32"),
    ROW("i64_i32", "i64,i32,i64>i64"),
    ROW("i64_i64", "i64,i64,i64>i64"),
    ROW("bool_i32", "bool,i32,bool>bool"),
    ROW("bool_i64", "bool,i64,bool>bool"),
    {.name = NULL},
};

static int32_t version(const mwi_shape_call *call)
{
    if (call->in[0].rank > 4) return 4;
    return mwi_version_i8_i16(call);
}

static const mwi_quant_rule quant = {.quantizable = true,
                                     .weight = -1,
                                     .axis = -1,
                                     .bias = -1,
                                     .flags = MWI_QUANT_INPUTS_SAME,
                                     .data_inputs = {0, 2, -1}};

const mwi_op_desc mwi_op_padv2 = {
    .name = "PADV2",
    .tflite_code = 60,
    .options_type = 43,
    .min_in = 3,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_PER_SAMPLE | MWI_OP_BY_CHANNEL,
    .kernels = kernels,
    .quant = &quant,
    .infer = mwi_pad_infer,
    .gradient = mwi_pad_gradient,
    .version = version,
};
