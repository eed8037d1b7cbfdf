/* ops/relu.c - RELU: max(0, x). A small row: start here to add an operator.
 * Depends: ops/unary.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/rules.h"
#include "ops/unary.h"

#include <math.h>

MWI_UNARY_RUN(run_f32, float, float, void, void, x < 0.0f ? 0.0f : x)

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    return mwi_relu_prepare(ctx, call, 0.0f, INFINITY);
}

static int32_t version(const mwi_shape_call *call)
{
    return call->in[0].dtype == MW_INT16 ? 3 : call->in[0].dtype == MW_FLOAT32 ? 1 : 2;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_relu__ref", .types = "f32>f32", .run = run_f32},
    {.name = "s8_relu__ref", .types = "i8>i8", .prepare = prepare, .run = mwi_unary_run_table8},
    {.name = "u8_relu__ref", .types = "u8>u8", .prepare = prepare, .run = mwi_unary_run_table8},
    {.name = "s16_relu__ref",
     .types = "i16>i16",
     .flags = 0,
     .prepare = prepare,
     .run = mwi_relu_run_i16},
    {.name = NULL},
};

const mwi_op_desc mwi_op_relu = {
    .name = "RELU",
    .tflite_code = 19,
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_INPLACE | MWI_OP_POINTWISE | MWI_OP_CLAMPS | MWI_OP_SCALES_BY_CHANNEL,
    .kernels = kernels,
    .quant = &mwi_quant_own,
    .out_low = 0,
    .out_high = HUGE_VAL,
    .infer = mwi_infer_same,
    .gradient = mwi_gradient_clamp,
    .version = version,
};
