/* ops/minimum.c - MINIMUM: the smaller of a and b with broadcast.
 * Depends: ops/binary.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/binary.h"
#include "ops/rules.h"

MWI_BINARY_ROW(row_f32, float, float, void, x < y ? x : y)
MWI_BINARY_ROW(row_i8, int8_t, int8_t, void, x < y ? x : y)
MWI_BINARY_ROW(row_u8, uint8_t, uint8_t, void, x < y ? x : y)
MWI_BINARY_ROW(row_i16, int16_t, int16_t, void, x < y ? x : y)
MWI_BINARY_ROW(row_i32, int32_t, int32_t, void, x < y ? x : y)
MWI_BINARY_ROW(row_i64, int64_t, int64_t, void, x < y ? x : y)
MWI_BINARY_RUN(run_f32, row_f32)
MWI_BINARY_RUN(run_i8, row_i8)
MWI_BINARY_RUN(run_u8, row_u8)
MWI_BINARY_RUN(run_i16, row_i16)
MWI_BINARY_RUN(run_i32, row_i32)
MWI_BINARY_RUN(run_i64, row_i64)

static int32_t version(const mwi_shape_call *call)
{
    if (call->in[0].dtype == MW_INT16) return 4;
    if (mwi_broadcasts(call) && (call->in[0].rank > 4 || call->in[1].rank > 4)) return 3;
    return call->in[0].dtype == MW_INT8 ? 2 : 1;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_minimum__ref", .types = "f32,f32>f32", .run = run_f32},
    {.name = "s8_minimum__ref", .types = "i8,i8>i8", .run = run_i8},
    {.name = "u8_minimum__ref", .types = "u8,u8>u8", .run = run_u8},
    {.name = "s16_minimum__ref", .types = "i16,i16>i16", .run = run_i16},
    {.name = "s32_minimum__ref", .types = "i32,i32>i32", .run = run_i32},
    {.name = "s64_minimum__ref", .types = "i64,i64>i64", .run = run_i64},
    {.name = NULL},
};

static mw_status gradient(mw_ctx *ctx, mwi_gradient_call *call)
{
    const int32_t *const in = call->at.op->in;
    int32_t mask;

    MWI_TRY(mwi_emit2(ctx, &call->at, &mwi_op_less_equal, in[0], in[1], &mask));
    return mwi_gradient_chosen(ctx, call, mask, 0, 1);
}

const mwi_op_desc mwi_op_minimum = {
    .name = "MINIMUM",
    .tflite_code = 57,
    .options_type = 39,
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_INPLACE | MWI_OP_BINARY_BROADCAST | MWI_OP_COMMUTATIVE,
    .kernels = kernels,
    .quant = &mwi_quant_all,
    .infer = mwi_infer_broadcast,
    .gradient = gradient,
    .version = version,
};
