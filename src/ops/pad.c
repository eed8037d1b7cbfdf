/* ops/pad.c - PAD: zeros (zero points) around a tensor.
 * Depends: ops/pad.  Used by: the list of operators only.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/pad.h"
#include "ops/rules.h"

#define ROW(prefix, signature)                                                                     \
    {                                                                                              \
        .name = prefix "_pad__ref", .types = signature, .prepare = mwi_pad_prepare,                \
        .run = mwi_pad_run                                                                         \
    }
static const mwi_kernel kernels[] = {
    ROW("f32_i32", "f32,i32>f32"),
    ROW("f32_i64", "f32,i64>f32"),
    ROW("i8_i32", "i8,i32>i8"),
    ROW("i8_i64", "i8,i64>i8"),
    ROW("u8_i32", "u8,i32>u8"),
    ROW("u8_i64", "u8,i64>u8"),
    ROW("i16_i32", "i16,i32>i16"),
    ROW("i16_i64", "i16,i64>i16"),
    ROW("i32_i32", "i32,i32>i32"),
    ROW("i32_i64", "i32,i64>i32"),
    ROW("i64_i32", "i64,i32>i64"),
    ROW("i64_i64", "i64,i64>i64"),
    ROW("bool_i32", "bool,i32>bool"),
    ROW("bool_i64", "bool,i64>bool"),
    {.name = NULL},
};

static int32_t version(const mwi_shape_call *call)
{
    if (call->in[0].rank > 4) return 4;
    return mwi_version_i8_i16(call);
}

const mwi_op_desc mwi_op_pad = {
    .name = "PAD",
    .tflite_code = 34,
    .options_type = 22,
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_PER_SAMPLE | MWI_OP_SCALES_BY_CHANNEL,
    .kernels = kernels,
    .quant = &mwi_quant_same,
    .infer = mwi_pad_infer,
    .gradient = mwi_pad_gradient,
    .version = version,
};
