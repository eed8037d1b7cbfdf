/* ops/neg.c - NEG: -x.
 * Depends: ops/unary.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/rules.h"
#include "ops/unary.h"

MWI_UNARY_RUN(run_f32, float, float, void, void, -x)
MWI_UNARY_RUN(run_i8, int8_t, int8_t, void, void, -x)
MWI_UNARY_RUN(run_i16, int16_t, int16_t, void, void, -x)
MWI_UNARY_RUN(run_i32, int32_t, int32_t, void, void, 0u - (uint32_t)x)
MWI_UNARY_RUN(run_i64, int64_t, int64_t, void, void, 0u - (uint64_t)x)

static const mwi_kernel kernels[] = {
    {.name = "f32_neg__ref", .types = "f32>f32", .run = run_f32},
    {.name = "s8_neg__ref", .types = "i8>i8", .run = run_i8},
    {.name = "s16_neg__ref", .types = "i16>i16", .run = run_i16},
    {.name = "s32_neg__ref", .types = "i32>i32", .run = run_i32},
    {.name = "s64_neg__ref", .types = "i64>i64", .run = run_i64},
    {.name = NULL},
};

static mw_status gradient(mw_ctx *ctx, mwi_gradient_call *call)
{
    return mwi_emit1(ctx, &call->at, &mwi_op_neg, call->d_out[0], &call->d_in[0]);
}

const mwi_op_desc mwi_op_neg = {
    .name = "NEG",
    .tflite_code = 59,
    .options_type = 42,
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_INPLACE | MWI_OP_POINTWISE | MWI_OP_SCALES_BY_CHANNEL,
    .kernels = kernels,
    .infer = mwi_infer_same,
    .gradient = gradient,
};
