/* ops/quantize.c - QUANTIZE: float to integers, or integers of one scale to another.
 * Depends: ops/unary.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/unary.h"

#include <math.h>

/* ---- from floats ---- */

/* Fails unless the output has one scale, or one for each value of an axis. */
static mw_status prepare_f32(mw_ctx *ctx, mwi_prepare_call *call)
{
    const mwi_view *const out = &call->out[0];
    const mw_quantization *const q = out->quant == NULL ? NULL : &out->quant->q;

    MWI_TRY(mwi_need_scales(ctx, out, "output", q == NULL ? 1 : q->n_scales));
    MWI_ASSERT(q != NULL);
    if (q->n_scales > 1 &&
        (q->axis < 0 || q->axis >= out->rank || (size_t)out->dims[q->axis] != q->n_scales))
        return mwi_fail(ctx, MW_EFORMAT, "%zu scales along axis %d do not fit the shape",
                        q->n_scales, q->axis);
    for (size_t i = 0; i < q->n_scales; i++)
        if (!(q->scales[i] > 0))
            return mwi_fail(ctx, MW_EFORMAT, "scale %zu is %g", i, (double)q->scales[i]);
    return MW_OK;
}

/* Halves go away from zero: the largest float below 1/2 is added, the rest cut. Held to the range
 * before, so that every compiler may turn the loop into vectors. NaN becomes the least. */
#define QUANTIZE(type)                                                                             \
    static void quantize_##type(const float *in, size_t n, float scale, int32_t zero, int32_t low, \
                                int32_t high, type *out)                                           \
    {                                                                                              \
        const float least = (float)(low - zero), most = (float)(high - zero);                      \
        for (size_t i = 0; i < n; i++) {                                                           \
            float v = in[i] / scale;                                                               \
            v = v > least ? v : least;                                                             \
            v = v < most ? v : most;                                                               \
            out[i] = (type)((int32_t)(v + copysignf(0.49999997f, v)) + zero);                      \
        }                                                                                          \
    }
QUANTIZE(int8_t)
QUANTIZE(uint8_t)
QUANTIZE(int16_t)

static void quantize(const float *in, size_t at, size_t n, float scale, int32_t zero,
                     const mwi_view *out)
{
    int32_t low, high;

    mwi_type_range(out->dtype, &low, &high);
    if (out->dtype == MW_INT8)
        quantize_int8_t(in + at, n, scale, zero, low, high, (int8_t *)out->data + at);
    else if (out->dtype == MW_UINT8)
        quantize_uint8_t(in + at, n, scale, zero, low, high, (uint8_t *)out->data + at);
    else
        quantize_int16_t(in + at, n, scale, zero, low, high, (int16_t *)out->data + at);
}

static void piece(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const mwi_run_call *const call = arg;
    const mw_quantization *const q = &call->out[0].quant->q;

    (void)thread;
    quantize(call->in[0].data, begin, end - begin, q->scales[0], (int32_t)q->zero_points[0],
             &call->out[0]);
}

static mw_status run_f32(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_view *const out = &call->out[0];
    const mw_quantization *const q = &out->quant->q;
    const size_t n = mwi_view_count(out);
    mwi_run_call copy = *call;
    size_t inner = 1;

    (void)ctx;
    if (q->n_scales == 1) {
        mwi_par_for(call->pool, n, 16384, piece, &copy);
        return MW_OK;
    }
    for (int32_t i = q->axis + 1; i < out->rank; i++) inner *= (size_t)out->dims[i];
    for (size_t at = 0, k = 0; at < n; at += inner, k = k + 1 == q->n_scales ? 0 : k + 1)
        quantize(call->in[0].data, at, inner, q->scales[k], (int32_t)q->zero_points[k], out);
    return MW_OK;
}

/* Two values a byte, the low half first. */
static mw_status run_f32_i4(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_view *const out = &call->out[0];
    const mw_quantization *const q = &out->quant->q;
    const float *const in = call->in[0].data;
    uint8_t *const packed = out->data;

    (void)ctx;
    for (size_t i = 0, n = mwi_view_count(out); i < n; i++) {
        int8_t v;
        quantize_int8_t(in + i, 1, q->scales[0], (int32_t)q->zero_points[0], -8, 7, &v);
        packed[i / 2] = (uint8_t)(i % 2 == 0 ? v & 0x0f : packed[i / 2] | (v & 0x0f) << 4);
    }
    return MW_OK;
}

static bool has_one_scale(const mwi_prepare_call *call)
{
    return call->out[0].quant != NULL && call->out[0].quant->q.n_scales == 1;
}

/* ---- from integers ---- */

typedef struct state {
    mwi_multiplier m;
    int32_t in_zero, out_zero, low, high;
} state;

static int32_t requantized(const void *state_memory, int32_t x)
{
    const state *const s = state_memory;
    return mwi_quantized(mwi_scale(mwi_sub32(x, s->in_zero), s->m), s->out_zero, s->low, s->high);
}

static bool is_8bit(const mwi_view *v) { return v->dtype == MW_INT8 || v->dtype == MW_UINT8; }

/* From 8 bits to 8 by a table. */
static mw_status prepare_int(mw_ctx *ctx, mwi_prepare_call *call)
{
    float in_scale, out_scale;
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(state), &memory));
    state *const s = call->state = memory;
    mwi_type_range(call->out[0].dtype, &s->low, &s->high);
    MWI_TRY(mwi_need_quant(ctx, &call->in[0], "input", &in_scale, &s->in_zero));
    MWI_TRY(mwi_need_quant(ctx, &call->out[0], "output", &out_scale, &s->out_zero));
    s->m = mwi_multiplier_of((double)in_scale / (double)out_scale);
    return is_8bit(&call->in[0]) && is_8bit(&call->out[0])
               ? mwi_unary_map8(ctx, call, requantized, s)
               : MW_OK;
}

MWI_UNARY_RUN(run_i8_i16, int8_t, int16_t, void, state, requantized(s, x))
MWI_UNARY_RUN(run_u8_i16, uint8_t, int16_t, void, state, requantized(s, x))
MWI_UNARY_RUN(run_i16_i8, int16_t, int8_t, void, state, requantized(s, x))
MWI_UNARY_RUN(run_i16_i16, int16_t, int16_t, void, state, requantized(s, x))
MWI_UNARY_RUN(run_i16_i32, int16_t, int32_t, void, state, requantized(s, x))
MWI_UNARY_RUN(run_i32_i8, int32_t, int8_t, void, state, requantized(s, x))
MWI_UNARY_RUN(run_i32_i16, int32_t, int16_t, void, state, requantized(s, x))

static int32_t version(const mwi_shape_call *call)
{
    if (call->out[0].dtype == MW_INT4) return 4;
    if (call->out[0].quant != NULL && call->out[0].quant->q.n_scales > 1) return 3;
    if (call->out[0].dtype == MW_INT16) return 2;
    return 1;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_quantize_s8__ref", .types = "f32>i8", .prepare = prepare_f32, .run = run_f32},
    {.name = "f32_quantize_u8__ref", .types = "f32>u8", .prepare = prepare_f32, .run = run_f32},
    {.name = "f32_quantize_s16__ref", .types = "f32>i16", .prepare = prepare_f32, .run = run_f32},
    {.name = "f32_quantize_s4__ref",
     .types = "f32>i4",
     .accepts = has_one_scale,
     .prepare = prepare_f32,
     .run = run_f32_i4},
    {.name = "s8_quantize_s8__ref",
     .types = "i8>i8",
     .prepare = prepare_int,
     .run = mwi_unary_run_table8},
    {.name = "s8_quantize_u8__ref",
     .types = "i8>u8",
     .prepare = prepare_int,
     .run = mwi_unary_run_table8},
    {.name = "s8_quantize_s16__ref", .types = "i8>i16", .prepare = prepare_int, .run = run_i8_i16},
    {.name = "u8_quantize_s8__ref",
     .types = "u8>i8",
     .prepare = prepare_int,
     .run = mwi_unary_run_table8},
    {.name = "u8_quantize_u8__ref",
     .types = "u8>u8",
     .prepare = prepare_int,
     .run = mwi_unary_run_table8},
    {.name = "u8_quantize_s16__ref", .types = "u8>i16", .prepare = prepare_int, .run = run_u8_i16},
    {.name = "s16_quantize_s8__ref", .types = "i16>i8", .prepare = prepare_int, .run = run_i16_i8},
    {.name = "s16_quantize_s16__ref",
     .types = "i16>i16",
     .prepare = prepare_int,
     .run = run_i16_i16},
    {.name = "s16_quantize_s32__ref",
     .types = "i16>i32",
     .prepare = prepare_int,
     .run = run_i16_i32},
    {.name = "s32_quantize_s8__ref", .types = "i32>i8", .prepare = prepare_int, .run = run_i32_i8},
    {.name = "s32_quantize_s16__ref",
     .types = "i32>i16",
     .prepare = prepare_int,
     .run = run_i32_i16},
    {.name = NULL},
};

const mwi_op_desc mwi_op_quantize = {
    .name = "QUANTIZE",
    .tflite_code = 114,
    .options_type = 89,
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_POINTWISE,
    .kernels = kernels,
    .infer = mwi_infer_same,
    .version = version,
};
