/* ops/l2_normalization.c - L2_NORMALIZATION: rows of the last dimension divided by their Euclidean length.
 * Depends: ops/fixed, ops/shapes, ops/rules.  Used by: the list of operators only.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/fixed.h"
#include "ops/rules.h"
#include "ops/shapes.h"

#include <math.h>

typedef struct attr {
    int32_t activation;
} attr;

static const mwi_field fields[] = {
    {"fused_activation_function", offsetof(attr, activation), MWI_FIELD_ENUM, 0, 0, 0, 5, mwi_activation_names},
    MWI_FIELDS_END,
};

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const int32_t activation = ((const attr *)call->attr)->activation;

    MWI_TRY(mwi_need_input(ctx, call, 0, 1, MW_MAX_RANK));
    if (activation != MWI_ACT_NONE)
        return mwi_fail(ctx, MW_EUNSUPPORTED, "fused activation %s", mwi_activation_names[activation]);
    return mwi_infer_same(ctx, call);
}

/* The output is in steps of 1/128; state: the input's zero point. */
static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    const int32_t wanted = call->out[0].dtype == MW_UINT8 ? 128 : 0;
    float in_scale, out_scale;
    int32_t out_zero;
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(int32_t), &memory));
    call->state = memory;
    MWI_TRY(mwi_need_quant(ctx, &call->in[0], "input", &in_scale, memory));
    MWI_TRY(mwi_need_quant(ctx, &call->out[0], "output", &out_scale, &out_zero));
    if (out_scale == 1.0f / 128 && out_zero == wanted) return MW_OK;
    return mwi_fail(ctx, MW_EFORMAT, "the output has scale %g and zero point %d, allowed 1/128 and %d", (double)out_scale,
                    out_zero, wanted);
}

static mw_status run_f32(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_view *const x = &call->in[0];
    const size_t n = (size_t)x->dims[x->rank - 1], count = mwi_view_count(x);
    const float *in = x->data;
    float *out = call->out[0].data;

    (void)ctx;
    for (size_t at = 0; at < count; at += n, in += n, out += n) {
        float sum = 0;
        for (size_t i = 0; i < n; i++) sum += in[i] * in[i];
        const float length = fmaxf(sqrtf(sum), 1e-6f);
        for (size_t i = 0; i < n; i++) out[i] = in[i] / length;
    }
    return MW_OK;
}

#define RUN(name, type, result)                                                                     \
    static mw_status name(mw_ctx *ctx, const mwi_run_call *call)                                    \
    {                                                                                               \
        const mwi_view *const x = &call->in[0];                                                     \
        const size_t n = (size_t)x->dims[x->rank - 1], count = mwi_view_count(x);                   \
        const int32_t zero = *(const int32_t *)call->state;                                         \
        const type *in = x->data;                                                                   \
        type *out = call->out[0].data;                                                              \
        (void)ctx;                                                                                  \
        for (size_t at = 0; at < count; at += n, in += n, out += n) {                               \
            int32_t sum = 0;                                                                        \
            for (size_t i = 0; i < n; i++) sum += (in[i] - zero) * (in[i] - zero);                  \
            const mwi_multiplier m = mwi_inverse_sqrt(sum);                                         \
            for (size_t i = 0; i < n; i++) {                                                        \
                const int32_t v = in[i] - zero;                                                     \
                out[i] = (type)(result);                                                            \
            }                                                                                       \
        }                                                                                           \
        return MW_OK;                                                                               \
    }
RUN(run_i8, int8_t, mwi_clamp(mwi_scale(v, ((mwi_multiplier){m.multiplier, m.shift + 7})), -128, 127))
RUN(run_u8, uint8_t, mwi_clamp(128 + mwi_scale(128 * v, m), 0, 255))

static const mwi_kernel kernels[] = {
    {.name = "f32_l2_normalization__ref", .types = "f32>f32", .run = run_f32},
    {.name = "s8_l2_normalization__ref", .types = "i8>i8", .prepare = prepare, .run = run_i8},
    {.name = "u8_l2_normalization__ref", .types = "u8>u8", .prepare = prepare, .run = run_u8},
    {.name = NULL},
};

static const mwi_quant_rule quant = {.quantizable = true, .weight = -1, .axis = -1, .bias = -1,
                                     .flags = MWI_QUANT_FIXED_OUTPUT, .fixed_int8 = {1.0f / 128, 0},
                                     .data_inputs = {0, -1}};

const mwi_op_desc mwi_op_l2_normalization = {
    .name = "L2_NORMALIZATION",
    .tflite_code = 11,
    .options_type = 12,
    .min_in = 1, .max_in = 1, .min_out = 1, .max_out = 1,
    .traits = MWI_OP_INPLACE,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .quant = &quant,
    .infer = infer,
    .version = mwi_version_i8,
};
