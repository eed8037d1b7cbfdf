/* ops/dequantize.c - DEQUANTIZE: integers or float16 to float.
 * Depends: ops/fixed, base/half.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/fixed.h"
#include "ops/shapes.h"

#include "base/half.h"

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    const mwi_view *const x = &call->in[0];
    const mw_quantization *const q = x->quant == NULL ? NULL : &x->quant->q;

    MWI_TRY(mwi_need_scales(ctx, x, "input", q == NULL ? 1 : q->n_scales));
    if (q != NULL && q->n_scales > 1 &&
        (q->axis < 0 || q->axis >= x->rank || (size_t)x->dims[q->axis] != q->n_scales))
        return mwi_fail(ctx, MW_EFORMAT, "%zu scales along axis %d do not fit the shape",
                        q->n_scales, q->axis);
    return MW_OK;
}

/* Elements behind one value of the axis of the scales; the whole tensor for one scale. */
static size_t inner_of(const mwi_view *x)
{
    size_t inner = 1;

    if (x->quant->q.n_scales == 1) return mwi_view_count(x) == 0 ? 1 : mwi_view_count(x);
    for (int32_t i = x->quant->q.axis + 1; i < x->rank; i++) inner *= (size_t)x->dims[i];
    return inner == 0 ? 1 : inner;
}

#define RUN(name, get)                                                                             \
    static mw_status name(mw_ctx *ctx, const mwi_run_call *call)                                   \
    {                                                                                              \
        const mwi_view *const x = &call->in[0];                                                    \
        const mw_quantization *const q = &x->quant->q;                                             \
        const size_t n = mwi_view_count(x), inner = inner_of(x);                                   \
        float *const out = call->out[0].data;                                                      \
        (void)ctx;                                                                                 \
        for (size_t begin = 0, k = 0; begin < n; begin += inner, k++) {                            \
            const float scale = q->scales[k % q->n_scales];                                        \
            const int32_t zero = (int32_t)q->zero_points[k % q->n_scales];                         \
            for (size_t i = begin; i < begin + inner; i++) out[i] = (float)((get)-zero) * scale;   \
        }                                                                                          \
        return MW_OK;                                                                              \
    }
RUN(run_i8, ((const int8_t *)x->data)[i])
RUN(run_u8, ((const uint8_t *)x->data)[i])
RUN(run_i16, ((const int16_t *)x->data)[i])
RUN(run_i4, (int8_t)(((const uint8_t *)x->data)[i / 2] << (i % 2 == 0 ? 4 : 0)) >> 4)
RUN(run_i2, (int8_t)(uint8_t)(((const uint8_t *)x->data)[i / 4] << (6 - 2 * (i % 4))) >> 6)

static mw_status run_f16(mw_ctx *ctx, const mwi_run_call *call)
{
    const uint16_t *const in = call->in[0].data;
    float *const out = call->out[0].data;

    (void)ctx;
    for (size_t i = 0; i < call->in[0].bytes / sizeof *in; i++) out[i] = mwi_half_to_float(in[i]);
    return MW_OK;
}

static int32_t version(const mwi_shape_call *call)
{
    const mwi_view *const x = &call->in[0];

    if (x->dtype == MW_INT4 || x->dtype == MW_INT2) return 6;
    if (x->quant != NULL && x->quant->q.n_scales > 1) return 5;
    if (x->dtype == MW_INT16 || x->dtype == MW_FLOAT16) return 3;
    return x->dtype == MW_INT8 ? 2 : 1;
}

static const mwi_kernel kernels[] = {
    {.name = "s8_dequantize__ref", .types = "i8>f32", .prepare = prepare, .run = run_i8},
    {.name = "u8_dequantize__ref", .types = "u8>f32", .prepare = prepare, .run = run_u8},
    {.name = "s16_dequantize__ref", .types = "i16>f32", .prepare = prepare, .run = run_i16},
    {.name = "f16_dequantize__ref", .types = "f16>f32", .run = run_f16},
    {.name = "s4_dequantize__ref", .types = "i4>f32", .prepare = prepare, .run = run_i4},
    {.name = "s2_dequantize__ref", .types = "i2>f32", .prepare = prepare, .run = run_i2},
    {.name = NULL},
};

const mwi_op_desc mwi_op_dequantize = {
    .name = "DEQUANTIZE",
    .tflite_code = 6,
    .options_type = 38,
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_POINTWISE,
    .kernels = kernels,
    .infer = mwi_infer_same,
    .version = version,
};
