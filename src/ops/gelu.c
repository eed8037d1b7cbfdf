/* ops/gelu.c - GELU: x times the normal distribution's integral up to x, or its tanh
 * approximation.
 * Depends: ops/unary.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
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

/* Of x * Phi(x), Phi the normal distribution's, or its approximation by tanh. */
static double slope_at(double x, double y, double parameter)
{
    (void)y;
    if (parameter == 0)
        return 0.5 * (1 + erf(x * M_SQRT1_2)) + x * exp(-x * x / 2) * 0.5 * M_2_SQRTPI * M_SQRT1_2;
    const double a = M_2_SQRTPI * M_SQRT1_2, b = 0.044715;
    const double t = tanh(a * (x + b * x * x * x));
    return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * a * (1 + 3 * b * x * x);
}

static const mwi_slope slope = {.at = slope_at, .parameter = "approximate", .reads_x = true};

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
    .gradient = mwi_gradient_pointwise,
    .slope = &slope,
    .version = version,
};
