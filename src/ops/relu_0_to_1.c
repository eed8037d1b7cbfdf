/* ops/relu_0_to_1.c - RELU_0_TO_1: x between 0 and 1.
 * Depends: ops/unary.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/rules.h"
#include "ops/unary.h"

#include <math.h>

MWI_UNARY_RUN(run_f32, float, float, void, void, ((x) < 0.0f) ? 0.0f : ((x) > 1.0f) ? 1.0f : (x))

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    return mwi_relu_prepare(ctx, call, 0.0f, 1.0f);
}

static const mwi_kernel kernels[] = {
    {.name = "f32_relu_0_to_1__ref", .types = "f32>f32", .run = run_f32},
    {.name = "s8_relu_0_to_1__ref",
     .types = "i8>i8",
     .prepare = prepare,
     .run = mwi_unary_run_table8},
    {.name = "u8_relu_0_to_1__ref",
     .types = "u8>u8",
     .prepare = prepare,
     .run = mwi_unary_run_table8},
    {.name = "s16_relu_0_to_1__ref",
     .types = "i16>i16",
     .flags = MWI_KERNEL_NOT_LITERT,
     .prepare = prepare,
     .run = mwi_relu_run_i16},
    {.name = NULL},
};

const mwi_op_desc mwi_op_relu_0_to_1 = {
    .name = "RELU_0_TO_1",
    .tflite_code = 152,
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_INPLACE | MWI_OP_POINTWISE | MWI_OP_CLAMPS,
    .kernels = kernels,
    .quant = &mwi_quant_own,
    .out_low = 0,
    .out_high = 1,
    .infer = mwi_infer_same,
    .gradient = mwi_gradient_clamp,
    /* No version rule: LiteRT registers version 1 only, whatever the types. */
};
