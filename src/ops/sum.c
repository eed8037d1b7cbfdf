/* ops/sum.c - SUM over axes.
 * Depends: ops/reduce.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/reduce.h"
#include "ops/rules.h"

#define QUANTIZED mwi_mean_result(s, acc)
MWI_REDUCE_RUN(run_f32, float, float, void, 0, acc += v, acc)
MWI_REDUCE_RUN(run_i32, int32_t, int32_t, void, 0, acc = mwi_add32(acc, v), acc)
MWI_REDUCE_RUN(run_i64, int64_t, int64_t, void, 0, acc = mwi_add64(acc, v), acc)
MWI_REDUCE_RUN(run_i8, int8_t, int32_t, mwi_mean_state, 0, acc = mwi_add32(acc, v), QUANTIZED)
MWI_REDUCE_RUN(run_u8, uint8_t, int32_t, mwi_mean_state, 0, acc = mwi_add32(acc, v), QUANTIZED)
MWI_REDUCE_RUN(run_i16, int16_t, int32_t, mwi_mean_state, 0, acc = mwi_add32(acc, v), QUANTIZED)

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    return mwi_mean_prepare(ctx, call, false);
}

static const mwi_kernel kernels[] = {
    {.name = "f32_sum__ref", .types = "f32,i32>f32", .run = run_f32},
    {.name = "s8_sum__ref", .types = "i8,i32>i8", .prepare = prepare, .run = run_i8},
    {.name = "u8_sum__ref", .types = "u8,i32>u8", .prepare = prepare, .run = run_u8},
    {.name = "s16_sum__ref", .types = "i16,i32>i16", .prepare = prepare, .run = run_i16},
    {.name = "s32_sum__ref", .types = "i32,i32>i32", .run = run_i32},
    {.name = "s64_sum__ref", .types = "i64,i32>i64", .run = run_i64},
    {.name = NULL},
};

static mw_status gradient(mw_ctx *ctx, mwi_gradient_call *call)
{
    const int32_t *const in = call->at.op->in;
    return mwi_emit(ctx, &call->at, &mwi_op_sum_grad, MWI_IN(call->d_out[0], in[0], in[1]),
                    MWI_SET({"mean", 0, NULL}), &call->d_in[0]);
}

const mwi_op_desc mwi_op_sum = {
    .name = "SUM",
    .tflite_code = 74,
    .options_type = 27,
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_PER_SAMPLE | MWI_OP_REDUCES | MWI_OP_SCALES_BY_CHANNEL,
    .attr_size = sizeof(mwi_reduce_attr),
    .fields = mwi_reduce_fields,
    .kernels = kernels,
    .quant = &mwi_quant_first,
    .infer = mwi_reduce_infer,
    .gradient = gradient,
    .version = mwi_version_i8,
};
