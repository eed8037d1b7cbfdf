/* ops/lstm_basic.c - see lstm_basic.h. Gates in the order input, modulation, forget, output.
 * Depends: ops/fixed, ops/fixed16, ops/dot.  Used by: ops/lstm.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/lstm_basic.h"

#include "ops/dot.h"
#include "ops/fixed.h"
#include "ops/fixed16.h"

#include <math.h>
#include <string.h>

enum { X, PREVIOUS, WEIGHTS, BIAS, STATE };
enum { OUTPUT, STATE_OUT, CONCATENATED, GATES };
enum { STATE_BITS = 4 }; /* integer bits of the 16-bit state, the only ones that TFLite supports */

mw_status mwi_lstm_basic_infer(mw_ctx *ctx, mwi_shape_call *call)
{
    for (size_t i = 0; i < 5; i++)
        MWI_TRY(mwi_need_input(ctx, call, i, i == BIAS ? 1 : 2, i == BIAS ? 1 : 2));
    const int32_t *const x = call->in[X].dims, *const p = call->in[PREVIOUS].dims,
                         *const w = call->in[WEIGHTS].dims;
    const int32_t *const s = call->in[STATE].dims;
    const int64_t depth = (int64_t)x[1] + p[1], units = p[1];
    if (p[0] != x[0] || w[0] != 4 * units || w[1] != depth || call->in[BIAS].dims[0] != 4 * units ||
        s[0] != x[0] || s[1] != units)
        return mwi_fail(
            ctx, MW_EFORMAT,
            "input [%d,%d], previous output [%d,%d], weights [%d,%d], state [%d,%d] do not "
            "fit",
            x[0], x[1], p[0], p[1], w[0], w[1], s[0], s[1]);
    mwi_view_set_dims(&call->out[OUTPUT], 2, p);
    mwi_view_set_dims(&call->out[STATE_OUT], 2, s);
    mwi_view_set_dims(&call->out[CONCATENATED], 2, (const int32_t[]){x[0], w[1]});
    mwi_view_set_dims(&call->out[GATES], 2, (const int32_t[]){x[0], w[0]});
    return MW_OK;
}

/* Rows of x beside rows of the previous output. */
static void concatenate(const mwi_run_call *call, size_t element)
{
    const size_t n = (size_t)call->in[X].dims[0], a = (size_t)call->in[X].dims[1] * element;
    const size_t b = (size_t)call->in[PREVIOUS].dims[1] * element;
    char *out = call->out[CONCATENATED].data;

    for (size_t i = 0; i < n; i++, out += a + b) {
        if (a > 0) memcpy(out, (const char *)call->in[X].data + i * a, a);
        if (b > 0) memcpy(out + a, (const char *)call->in[PREVIOUS].data + i * b, b);
    }
}

/* State tensors keep the new values for the next run. */
static void keep(const mwi_run_call *call, size_t in, size_t out)
{
    if (call->in[in].tensor->is_variable && call->out[out].bytes > 0)
        memcpy(call->in[in].data, call->out[out].data, call->out[out].bytes);
}

static float logistic(float x) { return 1.0f / (1.0f + expf(-x)); }

mw_status mwi_lstm_basic_run_f32(mw_ctx *ctx, const mwi_run_call *call)
{
    const size_t n = (size_t)call->in[X].dims[0], units = (size_t)call->in[STATE].dims[1];
    const size_t depth = (size_t)call->in[WEIGHTS].dims[1];
    const float *const weights = call->in[WEIGHTS].data, *const bias = call->in[BIAS].data;

    (void)ctx;
    concatenate(call, sizeof(float));
    for (size_t b = 0; b < n; b++) {
        const float *const row = (const float *)call->out[CONCATENATED].data + b * depth;
        const float *const state = (const float *)call->in[STATE].data + b * units;
        float *const gates = (float *)call->out[GATES].data + b * 4 * units;
        float *const next = (float *)call->out[STATE_OUT].data + b * units;
        float *const out = (float *)call->out[OUTPUT].data + b * units;
        for (size_t i = 0; i < 4 * units; i++)
            gates[i] = mwi_dot_f32(row, weights + i * depth, depth) + bias[i];
        for (size_t c = 0; c < units; c++) {
            next[c] = logistic(gates[c]) * tanhf(gates[units + c]) +
                      logistic(gates[2 * units + c]) * state[c];
            out[c] = logistic(gates[3 * units + c]) * tanhf(next[c]);
        }
    }
    keep(call, PREVIOUS, OUTPUT);
    keep(call, STATE, STATE_OUT);
    return MW_OK;
}

/* ---- uint8 values on [-1, 127/128], 16-bit gates and state ---- */

typedef struct state {
    mwi_multiplier m;
    int32_t weight_zero;
} state;

mw_status mwi_lstm_basic_prepare_u8(mw_ctx *ctx, mwi_prepare_call *call)
{
    float scale, weight_scale, bias_scale;
    int32_t zero, weight_zero;
    void *memory;

    MWI_TRY(mwi_need_quant(ctx, &call->out[STATE_OUT], "state", &scale, &zero));
    const float exact = logf(scale) * (1.0f / logf(2.0f));
    if (!(fabsf(exact - roundf(exact)) < 1e-3f) || (int32_t)roundf(exact) != STATE_BITS - 15)
        return mwi_fail(ctx, MW_EUNSUPPORTED, "the state's scale is %g, allowed 2^-11",
                        (double)scale);
    MWI_TRY(mwi_need_quant(ctx, &call->in[BIAS], "bias", &bias_scale, &zero));
    MWI_TRY(mwi_need_quant(ctx, &call->in[WEIGHTS], "weights", &weight_scale, &weight_zero));
    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(state), &memory));
    state *const s = call->state = memory;
    s->weight_zero = weight_zero;
    s->m = mwi_multiplier_of((double)(4096 * bias_scale));
    return MW_OK;
}

static int16_t gate_sum(const state *s, const uint8_t *x, const uint8_t *w, size_t n, int32_t bias)
{
    uint32_t sum = (uint32_t)bias;

    for (size_t i = 0; i < n; i++) sum += (uint32_t)((x[i] - 128) * (w[i] - s->weight_zero));
    return (int16_t)mwi_clamp(mwi_scale((int32_t)sum, s->m), INT16_MIN, INT16_MAX);
}

static int16_t high_mul16(int16_t a, int16_t b)
{
    const int32_t ab = (int32_t)a * b;

    if (a == INT16_MIN && b == INT16_MIN) return INT16_MAX;
    return (int16_t)((ab + (ab >= 0 ? 1 << 14 : 1 - (1 << 14))) / (1 << 15));
}

static void unit_u8(const int16_t *gates, size_t units, int16_t before, int16_t *next, uint8_t *out)
{
    const int16_t input = mwi_logistic16(gates[0], 3), update = mwi_tanh16(gates[units], 3);
    const int16_t forget = mwi_logistic16(gates[2 * units], 3),
                  open = mwi_logistic16(gates[3 * units], 3);
    const int32_t added = mwi_round_shift(high_mul16(input, update), STATE_BITS);
    const int32_t sum = mwi_clamp(added + high_mul16(forget, before), INT16_MIN, INT16_MAX);
    /* tanh of the state, clamped to 3 integer bits */
    const int16_t narrow = (int16_t)mwi_clamp(sum * 2, INT16_MIN, INT16_MAX);
    const int32_t activation = mwi_round_shift(high_mul16(open, mwi_tanh16(narrow, 3)), 8);

    *next = (int16_t)sum;
    *out = (uint8_t)(128 + mwi_clamp(activation, -128, 127));
}

mw_status mwi_lstm_basic_run_u8(mw_ctx *ctx, const mwi_run_call *call)
{
    const size_t n = (size_t)call->in[X].dims[0], units = (size_t)call->in[STATE].dims[1];
    const size_t depth = (size_t)call->in[WEIGHTS].dims[1];

    (void)ctx;
    concatenate(call, 1);
    for (size_t b = 0; b < n; b++) {
        const uint8_t *const row = (const uint8_t *)call->out[CONCATENATED].data + b * depth;
        int16_t *const gates = (int16_t *)call->out[GATES].data + b * 4 * units;
        for (size_t i = 0; i < 4 * units; i++)
            gates[i] =
                gate_sum(call->state, row, (const uint8_t *)call->in[WEIGHTS].data + i * depth,
                         depth, ((const int32_t *)call->in[BIAS].data)[i]);
        for (size_t c = b * units; c < (b + 1) * units; c++)
            unit_u8(gates + (c - b * units), units, ((const int16_t *)call->in[STATE].data)[c],
                    (int16_t *)call->out[STATE_OUT].data + c,
                    (uint8_t *)call->out[OUTPUT].data + c);
    }
    keep(call, PREVIOUS, OUTPUT);
    keep(call, STATE, STATE_OUT);
    return MW_OK;
}
