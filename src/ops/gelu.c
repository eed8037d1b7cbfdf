/* ops/gelu.c - GELU: x times the normal distribution's integral up to x, or its tanh
 * approximation.
 * Depends: ops/unary.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/rules.h"
#include "ops/unary.h"

#include <math.h>

typedef struct attr {
    bool approximate;
} attr;

static const mwi_field fields[] = {
    {"approximate", offsetof(attr, approximate), MWI_FIELD_BOOL, 0, 0, 0, 1, NULL},
    MWI_FIELDS_END,
};

static float gelu(float x, const void *attributes)
{
    const attr *const a = attributes;
    /* erfc does not cancel where erf would, for large negative values. */
    if (!a->approximate) return 0.5f * x * erfcf(x * -0.70710678118654752440f);
    return 0.5f * x * (1.0f + tanhf(0.79788456080286535588f * (x + 0.044715f * x * x * x)));
}

MWI_UNARY_RUN(run_f32, float, float, attr, void, gelu(x, a))

static mw_status prepare8(mw_ctx *ctx, mwi_prepare_call *call)
{
    return mwi_unary_table8(ctx, call, gelu);
}
static mw_status prepare16(mw_ctx *ctx, mwi_prepare_call *call)
{
    return mwi_unary_table16(ctx, call, gelu);
}

static int32_t version(const mwi_shape_call *call)
{
    return call->in[0].dtype == MW_FLOAT32 ? 1 : 2;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_gelu__ref", .types = "f32>f32", .run = run_f32},
    {.name = "s8_gelu__ref", .types = "i8>i8", .prepare = prepare8, .run = mwi_unary_run_table8},
    {.name = "u8_gelu__ref", .types = "u8>u8", .prepare = prepare8, .run = mwi_unary_run_table8},
    {.name = "s16_gelu__ref",
     .types = "i16>i16",
     .prepare = prepare16,
     .run = mwi_unary_run_table16},
    {.name = NULL},
};

const mwi_op_desc mwi_op_gelu = {
    .name = "GELU",
    .tflite_code = 150,
    .options_type = 116,
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_INPLACE | MWI_OP_POINTWISE,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .quant = &mwi_quant_own,
    .infer = mwi_infer_same,
    .version = version,
};
