/* ops/quantize.c - QUANTIZE: float to integers, or integers of one scale to another.
 * Depends: ops/fixed.  Used by: the list of operators only.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/fixed.h"
#include "ops/shapes.h"

#include <math.h>

typedef struct state {
    float scale;
    mwi_multiplier m;
    int32_t in_zero, out_zero, low, high;
} state;

static mw_status make(mw_ctx *ctx, mwi_prepare_call *call, state **out)
{
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(state), &memory));
    state *const s = call->state = *out = memory;
    mwi_type_range(call->out[0].dtype, &s->low, &s->high);
    return mwi_need_quant(ctx, &call->out[0], "output", &s->scale, &s->out_zero);
}

static mw_status prepare_f32(mw_ctx *ctx, mwi_prepare_call *call)
{
    state *s;
    return make(ctx, call, &s);
}

static mw_status prepare_int(mw_ctx *ctx, mwi_prepare_call *call)
{
    float in_scale;
    state *s;

    MWI_TRY(make(ctx, call, &s));
    MWI_TRY(mwi_need_quant(ctx, &call->in[0], "input", &in_scale, &s->in_zero));
    s->m = mwi_multiplier_of((double)in_scale / (double)s->scale);
    return MW_OK;
}

/* Halves away from zero. */
#define RUN_F32(name, type)                                                                         \
    static mw_status name(mw_ctx *ctx, const mwi_run_call *call)                                    \
    {                                                                                               \
        const state *const s = call->state;                                                         \
        const float *const in = call->in[0].data;                                                   \
        type *const out = call->out[0].data;                                                        \
        const float low = (float)(s->low - s->out_zero), high = (float)(s->high - s->out_zero);     \
        (void)ctx;                                                                                  \
        for (size_t i = 0, n = call->in[0].bytes / sizeof *in; i < n; i++) {                        \
            const float q = roundf(in[i] / s->scale);                                               \
            out[i] = (type)(!(q > low) ? s->low : q >= high ? s->high : (int32_t)q + s->out_zero);  \
        }                                                                                           \
        return MW_OK;                                                                               \
    }
RUN_F32(run_f32_i8, int8_t)
RUN_F32(run_f32_u8, uint8_t)
RUN_F32(run_f32_i16, int16_t)

#define RUN_INT(name, from, to)                                                                     \
    static mw_status name(mw_ctx *ctx, const mwi_run_call *call)                                    \
    {                                                                                               \
        const state *const s = call->state;                                                         \
        const from *const in = call->in[0].data;                                                    \
        to *const out = call->out[0].data;                                                          \
        (void)ctx;                                                                                  \
        for (size_t i = 0, n = call->in[0].bytes / sizeof *in; i < n; i++)                          \
            out[i] = (to)mwi_clamp(mwi_scale(in[i] - s->in_zero, s->m) + s->out_zero, s->low, s->high); \
        return MW_OK;                                                                               \
    }
RUN_INT(run_i8_i8, int8_t, int8_t)
RUN_INT(run_i8_u8, int8_t, uint8_t)
RUN_INT(run_i8_i16, int8_t, int16_t)
RUN_INT(run_u8_i8, uint8_t, int8_t)
RUN_INT(run_u8_u8, uint8_t, uint8_t)
RUN_INT(run_i16_i8, int16_t, int8_t)
RUN_INT(run_i16_i16, int16_t, int16_t)
RUN_INT(run_i16_i32, int16_t, int32_t)
RUN_INT(run_i32_i8, int32_t, int8_t)
RUN_INT(run_i32_i16, int32_t, int16_t)

static int32_t version(const mwi_shape_call *call)
{
    if (call->in[0].dtype == MW_INT16 || call->out[0].dtype == MW_INT16) return 2;
    return 1;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_quantize_s8__ref", .types = "f32>i8", .prepare = prepare_f32, .run = run_f32_i8},
    {.name = "f32_quantize_u8__ref", .types = "f32>u8", .prepare = prepare_f32, .run = run_f32_u8},
    {.name = "f32_quantize_s16__ref", .types = "f32>i16", .prepare = prepare_f32, .run = run_f32_i16},
    {.name = "s8_quantize_s8__ref", .types = "i8>i8", .prepare = prepare_int, .run = run_i8_i8},
    {.name = "s8_quantize_u8__ref", .types = "i8>u8", .prepare = prepare_int, .run = run_i8_u8},
    {.name = "s8_quantize_s16__ref", .types = "i8>i16", .prepare = prepare_int, .run = run_i8_i16},
    {.name = "u8_quantize_s8__ref", .types = "u8>i8", .prepare = prepare_int, .run = run_u8_i8},
    {.name = "u8_quantize_u8__ref", .types = "u8>u8", .prepare = prepare_int, .run = run_u8_u8},
    {.name = "s16_quantize_s8__ref", .types = "i16>i8", .prepare = prepare_int, .run = run_i16_i8},
    {.name = "s16_quantize_s16__ref", .types = "i16>i16", .prepare = prepare_int, .run = run_i16_i16},
    {.name = "s16_quantize_s32__ref", .types = "i16>i32", .prepare = prepare_int, .run = run_i16_i32},
    {.name = "s32_quantize_s8__ref", .types = "i32>i8", .prepare = prepare_int, .run = run_i32_i8},
    {.name = "s32_quantize_s16__ref", .types = "i32>i16", .prepare = prepare_int, .run = run_i32_i16},
    {.name = NULL},
};

const mwi_op_desc mwi_op_quantize = {
    .name = "QUANTIZE",
    .tflite_code = 114,
    .options_type = 89,
    .min_in = 1, .max_in = 1, .min_out = 1, .max_out = 1,
    .traits = MWI_OP_POINTWISE,
    .kernels = kernels,
    .infer = mwi_infer_same,
    .version = version,
};
