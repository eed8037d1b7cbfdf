/* ops/leaky_relu.c - LEAKY_RELU: alpha * x below zero.
 * Depends: ops/unary.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/rules.h"
#include "ops/unary.h"

typedef struct attr {
    float alpha;
} attr;

static const mwi_field fields[] = {
    {"alpha", offsetof(attr, alpha), MWI_FIELD_F32, 0, 0, 1, 0, NULL},
    MWI_FIELDS_END,
};

typedef struct state {
    mwi_multiplier identity, alpha; /* of |alpha| */
    bool negative;
    int32_t in_zero, out_zero, low, high;
} state;

static int32_t quantized(const void *memory, int32_t value)
{
    const state *const s = memory;
    const int32_t x = value - s->in_zero;
    const int32_t y = mwi_scale(x, x >= 0 ? s->identity : s->alpha);
    return mwi_clamp((x < 0 && s->negative ? -y : y) + s->out_zero, s->low, s->high);
}

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    const attr *const a = call->attr;
    float in_scale, out_scale;
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(state), &memory));
    state *const s = call->state = memory;
    MWI_TRY(mwi_need_quant(ctx, &call->in[0], "input", &in_scale, &s->in_zero));
    MWI_TRY(mwi_need_quant(ctx, &call->out[0], "output", &out_scale, &s->out_zero));
    if (call->in[0].dtype == MW_INT16) {
        MWI_TRY(mwi_need_zero(ctx, &call->in[0], "input"));
        MWI_TRY(mwi_need_zero(ctx, &call->out[0], "output"));
    }
    mwi_type_range(call->out[0].dtype, &s->low, &s->high);
    s->alpha = mwi_multiplier_of((double)(in_scale * a->alpha / out_scale));
    s->negative = s->alpha.multiplier < 0; /* the sign is put back after rounding, as there */
    if (s->negative) s->alpha.multiplier = -s->alpha.multiplier;
    s->identity = mwi_multiplier_of((double)(in_scale / out_scale));
    return call->in[0].dtype == MW_INT16 ? MW_OK : mwi_unary_map8(ctx, call, quantized, s);
}

MWI_UNARY_RUN(run_f32, float, float, attr, void, x > 0 ? x : x * a->alpha)
MWI_UNARY_RUN(run_i16, int16_t, int16_t, void, state, quantized(s, x))

static int32_t version(const mwi_shape_call *call) { return call->in[0].dtype == MW_INT16 ? 2 : 1; }

static const mwi_kernel kernels[] = {
    {.name = "f32_leaky_relu__ref", .types = "f32>f32", .run = run_f32},
    {.name = "s8_leaky_relu__ref",
     .types = "i8>i8",
     .prepare = prepare,
     .run = mwi_unary_run_table8},
    {.name = "u8_leaky_relu__ref",
     .types = "u8>u8",
     .prepare = prepare,
     .run = mwi_unary_run_table8},
    {.name = "s16_leaky_relu__ref", .types = "i16>i16", .prepare = prepare, .run = run_i16},
    {.name = NULL},
};

static double slope_at(double x, double y, double parameter)
{
    (void)y;
    return x > 0 ? 1 : parameter;
}

static const mwi_slope slope = {.at = slope_at, .parameter = "alpha", .reads_x = true};

const mwi_op_desc mwi_op_leaky_relu = {
    .name = "LEAKY_RELU",
    .tflite_code = 98,
    .options_type = 75,
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_INPLACE | MWI_OP_POINTWISE | MWI_OP_SCALES_BY_CHANNEL,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .quant = &mwi_quant_own,
    .infer = mwi_infer_same,
    .gradient = mwi_gradient_pointwise,
    .slope = &slope,
    .version = version,
};
