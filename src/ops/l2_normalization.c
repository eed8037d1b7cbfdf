/* ops/l2_normalization.c - L2_NORMALIZATION: x / max(|x|, 1e-6) over the last axis.
 * Depends: ops/fixed.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/fixed.h"
#include "ops/rules.h"
#include "ops/shapes.h"

#include <math.h>

typedef struct attr {
    int32_t activation;
} attr;

static const mwi_field fields[] = {
    {"fused_activation_function", offsetof(attr, activation), MWI_FIELD_ENUM, 0, 0, 0, 5,
     mwi_activation_names},
    MWI_FIELDS_END,
};

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const int32_t activation = ((const attr *)call->attr)->activation;

    MWI_TRY(mwi_need_input(ctx, call, 0, 1, MW_MAX_RANK));
    if (activation != MWI_ACT_NONE)
        return mwi_fail(ctx, MW_EUNSUPPORTED, "fused activation %s",
                        mwi_activation_names[activation]);
    return mwi_infer_same(ctx, call);
}

static size_t depth_of(const mwi_view *x) { return (size_t)x->dims[x->rank - 1]; }

static mw_status run_f32(mw_ctx *ctx, const mwi_run_call *call)
{
    const size_t depth = depth_of(&call->in[0]), n = call->in[0].bytes / sizeof(float);
    const float *in = call->in[0].data;
    float *out = call->out[0].data;

    (void)ctx;
    for (size_t i = 0; i < n; i += depth, in += depth, out += depth) {
        float sum = 0;
        for (size_t c = 0; c < depth; c++) sum += in[c] * in[c];
        const float root = sqrtf(sum), norm = root < 1e-6f ? 1e-6f : root;
        for (size_t c = 0; c < depth; c++) out[c] = in[c] / norm;
    }
    return MW_OK;
}

static mw_status prepare8(mw_ctx *ctx, mwi_prepare_call *call)
{
    const int32_t wanted = call->out[0].dtype == MW_UINT8 ? 128 : 0;
    float scale, out_scale;
    int32_t zero, out_zero;

    MWI_TRY(mwi_need_quant(ctx, &call->in[0], "input", &scale, &zero));
    MWI_TRY(mwi_need_quant(ctx, &call->out[0], "output", &out_scale, &out_zero));
    if (out_scale == 1.0f / 128 && out_zero == wanted) return MW_OK;
    return mwi_fail(ctx, MW_EFORMAT,
                    "the output has scale %g and zero point %d, allowed 1/128 and %d",
                    (double)out_scale, out_zero, wanted);
}

/* The reference scales 128 * x for uint8, and x by 2^7 more for int8; both round once at the end.
 */
static void row8(const uint8_t *in, uint8_t *out, size_t depth, int32_t zero, bool is_signed)
{
    uint32_t sum = 0;

    for (size_t c = 0; c < depth; c++) {
        const int32_t d = (is_signed ? (int8_t)in[c] : in[c]) - zero;
        sum += (uint32_t)(d * d);
    }
    mwi_multiplier m = mwi_inverse_sqrt((int32_t)sum);
    if (is_signed) m.shift += 7;
    for (size_t c = 0; c < depth; c++) {
        const int32_t d = (is_signed ? (int8_t)in[c] : in[c]) - zero;
        const int32_t v = is_signed ? mwi_clamp(mwi_scale(d, m), -128, 127)
                                    : mwi_clamp(mwi_add32(128, mwi_scale(128 * d, m)), 0, 255);
        out[c] = (uint8_t)v;
    }
}

static mw_status run8(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_view *const x = &call->in[0];
    const size_t depth = depth_of(x);
    const int32_t zero = (int32_t)x->quant->q.zero_points[0];

    (void)ctx;
    for (size_t i = 0; i < x->bytes; i += depth)
        row8((const uint8_t *)x->data + i, (uint8_t *)call->out[0].data + i, depth, zero,
             x->dtype == MW_INT8);
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_l2_normalization__ref", .types = "f32>f32", .run = run_f32},
    {.name = "s8_l2_normalization__ref", .types = "i8>i8", .prepare = prepare8, .run = run8},
    {.name = "u8_l2_normalization__ref", .types = "u8>u8", .prepare = prepare8, .run = run8},
    {.name = NULL},
};

static const mwi_quant_rule quant = {.quantizable = true,
                                     .weight = -1,
                                     .axis = -1,
                                     .bias = -1,
                                     .flags = MWI_QUANT_FIXED_OUTPUT,
                                     .fixed_int8 = {1.0f / 128, 0},
                                     .data_inputs = {0, -1}};

static mw_status gradient(mw_ctx *ctx, mwi_gradient_call *call)
{
    return mwi_emit2(ctx, &call->at, &mwi_op_l2_normalization_grad, call->at.op->in[0],
                     call->d_out[0], &call->d_in[0]);
}

const mwi_op_desc mwi_op_l2_normalization = {
    .name = "L2_NORMALIZATION",
    .tflite_code = 11,
    .options_type = 12,
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_INPLACE,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .quant = &quant,
    .infer = infer,
    .gradient = gradient,
    .version = mwi_version_i8,
};
