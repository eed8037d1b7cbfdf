/* ops/softmax.c - SOFTMAX over the last axis, exp(beta * x) / sum.
 * 8 bits in gemmlowp's fixed point, 16 bits by tables, as TFLite's reference kernels.
 * Depends: ops/fixed, ops/unary (tables).  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/unary.h"

#include <float.h>
#include <math.h>

typedef struct attr {
    float beta;
} attr;

static const mwi_field fields[] = {
    {"beta", offsetof(attr, beta), MWI_FIELD_F32, 0, 0.0, -(double)FLT_MAX, (double)FLT_MAX, NULL},
    MWI_FIELDS_END,
};

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    MWI_TRY(mwi_need_input(ctx, call, 0, 1, MW_MAX_RANK));
    return mwi_infer_same(ctx, call);
}

static size_t depth_of(const mwi_view *x) { return (size_t)x->dims[x->rank - 1]; }

static mw_status run_f32(mw_ctx *ctx, const mwi_run_call *call)
{
    const size_t depth = depth_of(&call->in[0]), n = call->in[0].bytes / sizeof(float);
    const float beta = ((const attr *)call->attr)->beta;
    const float *in = call->in[0].data;
    float *out = call->out[0].data;

    (void)ctx;
    for (size_t i = 0; i < n; i += depth, in += depth, out += depth) {
        float max = -FLT_MAX, sum = 0;
        for (size_t c = 0; c < depth; c++) max = in[c] > max ? in[c] : max;
        for (size_t c = 0; c < depth; c++) {
            out[c] = expf((in[c] - max) * beta);
            sum += out[c];
        }
        for (size_t c = 0; c < depth; c++) out[c] /= sum;
    }
    return MW_OK;
}

/* ---- 8 bits ---- */

enum { DIFF_BITS = 5, SUM_BITS = 12 };

typedef struct state8 {
    int32_t diff_min;
    int32_t exps[256]; /* exp of a difference of -i, Q0 */
} state8;

static mw_status prepare8(mw_ctx *ctx, mwi_prepare_call *call)
{
    const float beta = ((const attr *)call->attr)->beta;
    float scale, out_scale;
    int32_t zero, out_zero;
    void *memory;

    MWI_TRY(mwi_need_quant(ctx, &call->in[0], "input", &scale, &zero));
    MWI_TRY(mwi_need_quant(ctx, &call->out[0], "output", &out_scale, &out_zero));
    const double real =
        fmin((double)beta * (double)scale * (double)(1 << (31 - DIFF_BITS)), 2147483647.0);
    if (!(real > 1))
        return mwi_fail(ctx, MW_EUNSUPPORTED, "beta %g times scale %g is too small", (double)beta,
                        (double)scale);
    const mwi_multiplier m = mwi_multiplier_of(real);
    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(state8), &memory));
    state8 *const s = call->state = memory;
    const double radius = 1.0 * ((1 << DIFF_BITS) - 1) * (double)((int64_t)1 << (31 - DIFF_BITS)) /
                          (double)((int64_t)1 << m.shift);
    s->diff_min = radius > 256 ? -256 : -(int32_t)floor(radius);
    for (int32_t d = 0; d > -256 && d >= s->diff_min; d--) {
        /* The reference's shift of a 32-bit value, before the high product. */
        const int32_t scaled = mwi_high_mul((int32_t)((uint32_t)d << m.shift), m.multiplier);
        s->exps[-d] = mwi_exp_negative(scaled, DIFF_BITS);
    }
    return MW_OK;
}

/* 1 / x for x >= 1 in Q(SUM_BITS), as a Q0 number shifted by *bits. */
static int32_t reciprocal(int32_t x, int32_t *bits)
{
    const int32_t headroom = x == 0 ? 31 : __builtin_clz((uint32_t)x);
    *bits = SUM_BITS - headroom;
    const int32_t shifted = (int32_t)(((uint32_t)x << headroom) - ((uint32_t)1 << 31));
    return mwi_one_over_one_plus(shifted);
}

/* in and out are read through their signedness: offset makes both 0 to 255. */
static void row8(const state8 *s, const uint8_t *in, uint8_t *out, size_t depth, uint8_t flip_in,
                 uint8_t flip_out, bool wide, int16_t *out16)
{
    int32_t max = 0, bits;
    uint32_t sum = 0; /* wraps beyond 4096 values, as the reference does */

    for (size_t c = 0; c < depth; c++) max = (in[c] ^ flip_in) > max ? in[c] ^ flip_in : max;
    for (size_t c = 0; c < depth; c++) {
        const int32_t d = (in[c] ^ flip_in) - max;
        if (d >= s->diff_min) sum += (uint32_t)mwi_round_shift(s->exps[-d], SUM_BITS);
    }
    const int32_t scale = reciprocal((int32_t)sum, &bits);
    const int32_t shift = mwi_clamp(bits + 31 - (wide ? 16 : 8), 0, 31);
    for (size_t c = 0; c < depth; c++) {
        const int32_t d = (in[c] ^ flip_in) - max;
        const int32_t v =
            d >= s->diff_min ? mwi_round_shift(mwi_high_mul(scale, s->exps[-d]), shift) : 0;
        if (wide)
            out16[c] = (int16_t)mwi_clamp(v - 32768, -32768, 32767);
        else
            out[c] = (uint8_t)(mwi_clamp(v, 0, 255) ^ flip_out);
    }
}

static mw_status run8(mw_ctx *ctx, const mwi_run_call *call)
{
    const size_t depth = depth_of(&call->in[0]), n = call->in[0].bytes;
    const uint8_t flip_in = call->in[0].dtype == MW_INT8 ? 0x80 : 0,
                  flip_out = call->out[0].dtype == MW_INT8 ? 0x80 : 0;
    const bool wide = call->out[0].dtype == MW_INT16;

    (void)ctx;
    for (size_t i = 0; i < n && depth > 0; i += depth)
        row8(call->state, (const uint8_t *)call->in[0].data + i,
             wide ? NULL : (uint8_t *)call->out[0].data + i, depth, flip_in, flip_out, wide,
             wide ? (int16_t *)call->out[0].data + i : NULL);
    return MW_OK;
}

/* ---- 16 bits ---- */

typedef struct state16 {
    mwi_multiplier m;
    int16_t exp_table[513], reciprocal_table[513];
} state16;

static double one_over_one_plus(double x) { return 1.0 / (1.0 + x); }

static mw_status prepare16(mw_ctx *ctx, mwi_prepare_call *call)
{
    const float beta = ((const attr *)call->attr)->beta;
    float scale, out_scale;
    int32_t zero, out_zero;
    void *memory;

    MWI_TRY(mwi_need_quant(ctx, &call->in[0], "input", &scale, &zero));
    MWI_TRY(mwi_need_quant(ctx, &call->out[0], "output", &out_scale, &out_zero));
    if (zero != 0 || out_zero != 0)
        return mwi_fail(ctx, MW_EFORMAT, "int16 values need zero point 0");
    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(state16), &memory));
    state16 *const s = call->state = memory;
    mwi_table16_fill(10.0 / 65535.0, 32767, 2.0 / 65535.0, 0, exp, s->exp_table);
    mwi_table16_fill(1.0 / 65535.0, -32768, 2.0 / 65535.0, 0, one_over_one_plus,
                     s->reciprocal_table);
    s->m = mwi_multiplier_of((double)(scale * beta) / (10.0 / 65535.0));
    return MW_OK;
}

static void row16(const state16 *s, const int16_t *in, int16_t *out, size_t depth)
{
    int32_t max = -32768;
    uint32_t sum = 0; /* wraps beyond 2^17 values */

    for (size_t c = 0; c < depth; c++) max = in[c] > max ? in[c] : max;
    for (size_t c = 0; c < depth; c++) {
        const int32_t d = mwi_quantized(mwi_scale(in[c] - max, s->m), 32767, -32768, 32767);
        out[c] = mwi_table16_at((int16_t)d, s->exp_table);
        sum += (uint32_t)out[c];
    }
    const int32_t headroom = sum == 0 ? 32 : __builtin_clz(sum);
    const int32_t shifted = (int32_t)((((uint64_t)sum << headroom >> 1) + (1 << 13)) >> 14);
    const int32_t sym = mwi_clamp(shifted - ((1 << 15) + (1 << 16)), -32768, 32767);
    const int64_t scale = mwi_table16_at((int16_t)sym, s->reciprocal_table);
    const int32_t right = 31 - headroom;
    for (size_t c = 0; c < depth; c++) {
        const int64_t half = right > 0 ? (int64_t)1 << (right - 1) : 0;
        out[c] = (int16_t)mwi_clamp((int32_t)((out[c] * scale + half) >> (right > 0 ? right : 0)),
                                    0, 32767);
    }
}

static mw_status run16(mw_ctx *ctx, const mwi_run_call *call)
{
    const size_t depth = depth_of(&call->in[0]), n = call->in[0].bytes / sizeof(int16_t);

    (void)ctx;
    for (size_t i = 0; i < n && depth > 0; i += depth)
        row16(call->state, (const int16_t *)call->in[0].data + i, (int16_t *)call->out[0].data + i,
              depth);
    return MW_OK;
}

static int32_t version(const mwi_shape_call *call)
{
    return call->in[0].dtype == MW_INT16 ? 3 : call->in[0].dtype == MW_INT8 ? 2 : 1;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_softmax__ref", .types = "f32>f32", .run = run_f32},
    {.name = "s8_softmax__ref", .types = "i8>i8", .prepare = prepare8, .run = run8},
    {.name = "s8_softmax_s16__ref", .types = "i8>i16", .prepare = prepare8, .run = run8},
    {.name = "u8_softmax__ref", .types = "u8>u8", .prepare = prepare8, .run = run8},
    {.name = "u8_softmax_s16__ref", .types = "u8>i16", .prepare = prepare8, .run = run8},
    {.name = "s16_softmax__ref", .types = "i16>i16", .prepare = prepare16, .run = run16},
    {.name = NULL},
};

static const mwi_quant_rule quant = {.quantizable = true,
                                     .weight = -1,
                                     .axis = -1,
                                     .bias = -1,
                                     .flags = MWI_QUANT_FIXED_OUTPUT,
                                     .fixed_int8 = {1.0f / 256, -128},
                                     .fixed_int16 = {1.0f / 32768, 0},
                                     .data_inputs = {0, -1}};

static mw_status gradient(mw_ctx *ctx, mwi_gradient_call *call)
{
    return mwi_emit(ctx, &call->at, &mwi_op_softmax_grad,
                    MWI_IN(call->at.op->out[0], call->d_out[0]), mwi_same_settings, &call->d_in[0]);
}

const mwi_op_desc mwi_op_softmax = {
    .name = "SOFTMAX",
    .tflite_code = 25,
    .options_type = 9,
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_INPLACE | MWI_OP_PER_SAMPLE,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .quant = &quant,
    .out_low = 0,
    .out_high = 1,
    .infer = infer,
    .gradient = gradient,
    .version = version,
};
