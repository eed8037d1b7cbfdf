/* ops/unary.c - see unary.h.
 * Depends: ops/fixed.  Used by: elementwise operators.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/unary.h"

#include <math.h>
#include <string.h>

/* ---- walking ---- */

typedef struct task {
    const mwi_run_call *call;
    mwi_unary_row row;
    size_t bytes_in, bytes_out;
} task;

static void piece(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const task *const t = arg;

    (void)thread;
    t->row(t->call, (const char *)t->call->in[0].data + begin * t->bytes_in,
           (char *)t->call->out[0].data + begin * t->bytes_out, end - begin);
}

mw_status mwi_unary_run(const mwi_run_call *call, mwi_unary_row row)
{
    task t = {.call = call,
              .row = row,
              .bytes_in = mw_dtype_bits(call->in[0].dtype) / 8,
              .bytes_out = mw_dtype_bits(call->out[0].dtype) / 8};

    mwi_par_for(call->pool, mwi_view_count(&call->out[0]), 8192, piece, &t);
    return MW_OK;
}

/* ---- tables ---- */

mw_status mwi_unary_table8(mw_ctx *ctx, mwi_prepare_call *call, mwi_unary_fn fn)
{
    float in_scale, out_scale;
    int32_t in_zero, out_zero, low, high;

    MWI_TRY(mwi_need_quant(ctx, &call->in[0], "input", &in_scale, &in_zero));
    MWI_TRY(mwi_need_quant(ctx, &call->out[0], "output", &out_scale, &out_zero));
    mwi_type_range(call->in[0].dtype, &low, &high);
    MWI_TRY(mwi_arena_alloc(ctx, call->arena, 256, &call->state));
    uint8_t *const table = call->state;
    const float inverse = 1 / out_scale;
    for (int32_t v = low; v <= high; v++) {
        const float q =
            roundf(fn(in_scale * (float)(v - in_zero), call->attr) * inverse) + (float)out_zero;
        table[(uint8_t)v] = (uint8_t)(!(q > (float)low) ? low
                                      : q > (float)high ? high
                                                        : (int32_t)q);
    }
    return MW_OK;
}

mw_status mwi_unary_map8(mw_ctx *ctx, mwi_prepare_call *call,
                         int32_t (*fn)(const void *state, int32_t x), const void *state)
{
    int32_t low, high;
    void *memory;

    mwi_type_range(call->in[0].dtype, &low, &high);
    MWI_TRY(mwi_arena_alloc(ctx, call->arena, 256, &memory));
    for (int32_t v = low; v <= high; v++) ((uint8_t *)memory)[(uint8_t)v] = (uint8_t)fn(state, v);
    call->state = memory;
    return MW_OK;
}

static void row_table8(const mwi_run_call *call, const void *pi, void *po, size_t n)
{
    const uint8_t *const table = call->state, *const in = pi;
    uint8_t *const out = po;

    for (size_t i = 0; i < n; i++) out[i] = table[in[i]];
}

mw_status mwi_unary_run_table8(mw_ctx *ctx, const mwi_run_call *call)
{
    (void)ctx;
    return mwi_unary_run(call, row_table8);
}

static int16_t to_i16(float v)
{
    return (int16_t)(!(v > -32768.0f) ? -32768 : v > 32767.0f ? 32767 : (int32_t)v);
}

mw_status mwi_unary_table16(mw_ctx *ctx, mwi_prepare_call *call, mwi_unary_fn fn)
{
    enum { STEPS = 512 };
    float in_scale, out_scale;
    int32_t in_zero, out_zero;

    MWI_TRY(mwi_need_quant(ctx, &call->in[0], "input", &in_scale, &in_zero));
    MWI_TRY(mwi_need_quant(ctx, &call->out[0], "output", &out_scale, &out_zero));
    MWI_TRY(mwi_arena_alloc(ctx, call->arena, (STEPS + 1) * sizeof(int16_t), &call->state));
    int16_t *const table = call->state;
    const float low = in_scale * (float)(-32768 - in_zero),
                high = in_scale * (float)(32767 - in_zero);
    const float out_low = out_scale * (float)(-32768 - out_zero),
                out_high = out_scale * (float)(32767 - out_zero);
    const float step = (high - low) / STEPS, half = step / 2,
                inverse = 65536.0f / (out_high - out_low);
    for (int i = 0; i < STEPS; i++) {
        const float here = fn(low + (float)i * step, call->attr);
        const float middle = fn(low + (float)i * step + half, call->attr);
        const float next = fn(low + (float)(i + 1) * step, call->attr);
        const float sample = roundf(here * inverse);
        const float between = roundf((next * inverse + roundf(here * inverse)) / 2);
        const float bias = roundf((between - roundf(middle * inverse)) / 2);
        table[i] = to_i16(isfinite(bias) ? sample - bias : sample); /* fn may overflow */
    }
    table[STEPS] = to_i16(roundf(fn(high, call->attr) * inverse));
    return MW_OK;
}

void mwi_table16_fill(double in_scale, int32_t in_zero, double out_scale, int32_t out_zero,
                      double (*fn)(double), int16_t table[513])
{
    enum { STEPS = 512 };
    const double low = in_scale * (-32768 - in_zero), high = in_scale * (32767 - in_zero);
    const double out_low = out_scale * (-32768 - out_zero),
                 out_high = out_scale * (32767 - out_zero);
    const double step = (high - low) / STEPS, inverse = 65536.0 / (out_high - out_low);

    for (int i = 0; i < STEPS; i++) {
        const double here = fn(low + i * step), middle = fn(low + i * step + step / 2),
                     next = fn(low + (i + 1) * step);
        const double sample = round(here * inverse),
                     between = round((next * inverse + round(here * inverse)) / 2);
        const double v = sample - round((between - round(middle * inverse)) / 2);
        table[i] = (int16_t)(v < -32768 ? -32768 : v > 32767 ? 32767 : v);
    }
    const double v = round(fn(high) * inverse);
    table[STEPS] = (int16_t)(v < -32768 ? -32768 : v > 32767 ? 32767 : v);
}

/* 512 steps of 128: the upper 9 bits pick, the lower 7 interpolate. */
int16_t mwi_table16_at(int16_t value, const int16_t table[513])
{
    const int32_t index = 256 + (value >> 7), offset = value & 0x7f;
    const int32_t base = table[index],
                  slope = (int16_t)(table[index + 1] - table[index]); /* wraps as there */
    return (int16_t)(base + ((slope * offset + 64) >> 7));
}

static void row_table16(const mwi_run_call *call, const void *pi, void *po, size_t n)
{
    const int16_t *const in = pi;
    int16_t *const out = po;

    for (size_t i = 0; i < n; i++) out[i] = mwi_table16_at(in[i], call->state);
}

mw_status mwi_unary_run_table16(mw_ctx *ctx, const mwi_run_call *call)
{
    (void)ctx;
    return mwi_unary_run(call, row_table16);
}

/* ---- the RELU family ---- */

typedef struct relu {
    mwi_multiplier m;
    int32_t in_zero, out_zero, low, high;
} relu;

static int32_t relu_of(const void *state, int32_t x)
{
    const relu *const s = state;
    return mwi_quantized(mwi_scale(mwi_sub32(x, s->in_zero), s->m), s->out_zero, s->low, s->high);
}

mw_status mwi_relu_prepare(mw_ctx *ctx, mwi_prepare_call *call, float low, float high)
{
    float in_scale, out_scale;
    int32_t type_low, type_high;
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(relu), &memory));
    relu *const s = call->state = memory;
    MWI_TRY(mwi_need_quant(ctx, &call->in[0], "input", &in_scale, &s->in_zero));
    MWI_TRY(mwi_need_quant(ctx, &call->out[0], "output", &out_scale, &s->out_zero));
    mwi_type_range(call->out[0].dtype, &type_low, &type_high);
    s->m = mwi_multiplier_of((double)(in_scale / out_scale)); /* a float, as LiteRT has it */
    s->low = isinf(low) ? type_low
                        : (int32_t)fminf(fmaxf(roundf(low / out_scale), -1e6f), 1e6f) + s->out_zero;
    s->high = isinf(high)
                  ? type_high
                  : (int32_t)fminf(fmaxf(roundf(high / out_scale), -1e6f), 1e6f) + s->out_zero;
    if (s->low < type_low) s->low = type_low;
    if (s->high > type_high) s->high = type_high;
    return call->in[0].dtype == MW_INT16 ? MW_OK : mwi_unary_map8(ctx, call, relu_of, s);
}

static void relu_row16(const mwi_run_call *call, const void *pi, void *po, size_t n)
{
    const relu s = *(const relu *)call->state;
    const int16_t *const in = pi;
    int16_t *const out = po;

    for (size_t i = 0; i < n; i++) out[i] = (int16_t)relu_of(&s, in[i]);
}

mw_status mwi_relu_run_i16(mw_ctx *ctx, const mwi_run_call *call)
{
    (void)ctx;
    return mwi_unary_run(call, relu_row16);
}
