/* ops/lstm_cell_int.c - the integer LSTM cell: int8 values and weights, 16-bit gates and cell
 * state. To the bit as TFLite's kernel: matrix products are rescaled to 16 bits and added
 * saturating; logistic and tanh are gemmlowp's; the cell state's scale is a power of two.
 * Depends: ops/lstm_cell, ops/fixed16, ops/dot.  Used by: LSTM, UNIDIRECTIONAL_SEQUENCE_LSTM.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/lstm_cell.h"

#include "base/checked.h"
#include "ops/dot.h"
#include "ops/fixed16.h"

#include <math.h>
#include <string.h>

enum { N_INTERMEDIATES = 5, HIDDEN = 4, NORM_FRACTION = 1024 };

/* ---- prepare ---- */

static mw_status scale_at(mw_ctx *ctx, const mwi_prepare_call *call, int index, float *out)
{
    const mwi_view *const v = mwi_lstm_input(call->in, call->n_in, index);

    *out = 1;
    if (v == NULL) return MW_OK;
    MWI_TRY(mwi_need_scales(ctx, v, "weights", 1));
    *out = v->quant->q.scales[0];
    return MW_OK;
}

/* The scale of a gate before its activation: 2^-12, or with normalization what an intermediate
 * tensor says. */
static mw_status intermediate(mw_ctx *ctx, const mwi_prepare_call *call, size_t i, float *scale,
                              int32_t *zero)
{
    const mwi_op *const op = call->op;
    mwi_view v;

    if (op->n_intermediates != N_INTERMEDIATES || call->graph == NULL)
        return mwi_fail(ctx, MW_EUNSUPPORTED,
                        "%zu intermediate tensors, the integer kernel needs %d",
                        op->n_intermediates, N_INTERMEDIATES);
    if (op->intermediates[i] < 0)
        return mwi_fail(ctx, MW_EFORMAT, "intermediate tensor %zu is missing", i);
    mwi_view_of(call->graph->tensors[op->intermediates[i]], &v);
    return mwi_need_quant(ctx, &v, "intermediate tensor", scale, zero);
}

/* bias + zero * (sum of each row of the weights). */
static mw_status fold_zero(mw_ctx *ctx, mwi_prepare_call *call, int weights, int bias, int32_t zero,
                           size_t n_rows, size_t n_columns, const int32_t **out)
{
    const mwi_view *const w = mwi_lstm_input(call->in, call->n_in, weights);
    const mwi_view *const b = mwi_lstm_input(call->in, call->n_in, bias);
    void *memory;

    if (w == NULL) return MW_OK;
    if (w->data == NULL || (b != NULL && b->data == NULL))
        return mwi_fail(ctx, MW_EUNSUPPORTED,
                        "weights and biases of an integer LSTM must be constant");
    MWI_TRY(mwi_arena_array(ctx, call->arena, n_rows, sizeof(int32_t), &memory));
    int32_t *const sums = memory;
    const int8_t *row = w->data;
    for (size_t i = 0; i < n_rows; i++, row += n_columns) {
        uint32_t sum = 0;
        for (size_t k = 0; k < n_columns; k++) sum += (uint32_t)row[k];
        sums[i] = (int32_t)(sum * (uint32_t)zero +
                            (b == NULL ? 0u : (uint32_t)((const int32_t *)b->data)[i]));
    }
    *out = sums;
    return MW_OK;
}

typedef struct scales {
    float input, output, cell;
    int32_t input_zero;
} scales;

static mw_status prepare_gate(mw_ctx *ctx, mwi_prepare_call *call, mwi_lstm_state *s,
                              const scales *sc, size_t g)
{
    const mwi_lstm_layout *const l = s->layout;
    const bool norm = mwi_lstm_input(call->in, call->n_in, l->norm[g]) != NULL;
    mwi_lstm_int_gate *const q = &s->q.gates[g];
    float gate = ldexpf(1.0f, -12), input, recurrent, peephole, normalization;
    int32_t zero;

    if (norm) MWI_TRY(intermediate(ctx, call, g, &gate, &zero));
    MWI_TRY(scale_at(ctx, call, l->input_w[g], &input));
    MWI_TRY(scale_at(ctx, call, l->recurrent_w[g], &recurrent));
    MWI_TRY(scale_at(ctx, call, l->peephole[g], &peephole));
    MWI_TRY(scale_at(ctx, call, l->norm[g], &normalization));
    const float input_effective = input * sc->input / gate,
                recurrent_effective = recurrent * sc->output / gate;
    const float peephole_effective =
        (float)(ldexp(1.0, s->q.cell_scale_log2) * (double)peephole / (double)gate);
    q->input = mwi_multiplier_of((double)input_effective);
    q->recurrent = mwi_multiplier_of((double)recurrent_effective);
    q->peephole = mwi_multiplier_of((double)peephole_effective);
    q->norm = mwi_multiplier_of((double)normalization);
    /* Twelve more bits of shift follow at run time. */
    if (q->norm.shift > 18)
        return mwi_fail(ctx, MW_EUNSUPPORTED, "normalization scale %g is too large",
                        (double)normalization);
    q->norm.shift += 12;
    const float guard = 10000 * normalization;
    q->variance_guard = guard >= 2147483520.0f ? INT32_MAX : guard > 1 ? (int32_t)guard : 1;
    MWI_TRY(fold_zero(ctx, call, l->input_w[g], norm ? -1 : l->bias[g], -sc->input_zero,
                      s->d.n_cell, s->d.n_input, &q->input_bias));
    return fold_zero(ctx, call, l->recurrent_w[g], -1, -s->q.output_zero, s->d.n_cell,
                     s->d.n_output, &q->recurrent_bias);
}

static mw_status check_cell_scale(mw_ctx *ctx, float scale, int32_t *log2_scale)
{
    const float exact = logf(scale) * (1.0f / logf(2.0f)), rounded = roundf(exact);

    if (!(fabsf(exact - rounded) < 1e-3f) || rounded < -15 || rounded > -9)
        return mwi_fail(ctx, MW_EUNSUPPORTED,
                        "the cell state's scale is %g, allowed a power of two from 2^-15 to 2^-9",
                        (double)scale);
    *log2_scale = (int32_t)rounded;
    return MW_OK;
}

static int32_t clip_of(float clip, float scale, float high)
{
    const float v = clip / scale;
    return clip > 0 ? (int32_t)(v < high ? v : high) : 0;
}

/* Batch items that one step takes: the reference walks peepholes over all of them at once. */
static size_t items_a_step(const mwi_lstm_state *s) { return s->o.time_major ? s->d.n_batch : 1; }

static mw_status plan_scratch(mw_ctx *ctx, mwi_lstm_state *s)
{
    size_t cells;

    if (!mwi_mul(items_a_step(s), s->d.n_cell, &cells) || !mwi_mul(cells, 9, &s->scratch_bytes))
        return mwi_fail(ctx, MW_ELIMIT, "the cell is too large");
    return MW_OK; /* four gates of 16 bits, hidden values of 8 */
}

mw_status mwi_lstm_prepare_int(mw_ctx *ctx, mwi_prepare_call *call, const mwi_lstm_layout *l,
                               const mwi_lstm_options *options, mwi_lstm_state *s)
{
    float hidden_scale, projection, out_scale;
    int32_t cell_zero, out_zero;
    scales sc;

    s->layout = l;
    s->o = *options;
    MWI_TRY(mwi_lstm_check(ctx, call->in, call->n_in, l, options, &s->d));
    for (size_t g = 0; g < MWI_N_GATES; g++) {
        const mwi_view *const r = mwi_lstm_input(call->in, call->n_in, l->recurrent_w[g]);
        if (r != NULL && r->rank != 2)
            return mwi_fail(ctx, MW_EUNSUPPORTED, "diagonal recurrent weights of int8");
    }
    if (mwi_lstm_input(call->in, call->n_in, l->peephole[MWI_GATE_FORGET]) != NULL &&
        s->d.n_output > s->d.n_cell)
        return mwi_fail(ctx, MW_EUNSUPPORTED, "peepholes with more outputs than cells");
    MWI_TRY(mwi_need_quant(ctx, &call->in[l->input], "input", &sc.input, &sc.input_zero));
    MWI_TRY(mwi_need_quant(ctx, &call->in[l->output_state], "output state", &sc.output,
                           &s->q.output_zero));
    MWI_TRY(mwi_need_quant(ctx, &call->in[l->cell_state], "cell state", &sc.cell, &cell_zero));
    MWI_TRY(mwi_need_quant(ctx, &call->out[options->output], "output", &out_scale, &out_zero));
    MWI_TRY(check_cell_scale(ctx, sc.cell, &s->q.cell_scale_log2));
    s->q.cell_clip = clip_of(options->cell_clip, sc.cell, 32767);
    s->q.proj_clip = clip_of(options->proj_clip, out_scale, 127);
    MWI_TRY(intermediate(ctx, call, HIDDEN, &hidden_scale, &s->q.hidden_zero));
    for (size_t g = 0; g < MWI_N_GATES; g++)
        if (mwi_lstm_input(call->in, call->n_in, l->input_w[g]) != NULL)
            MWI_TRY(prepare_gate(ctx, call, s, &sc, g));
    MWI_TRY(scale_at(ctx, call, l->projection_w, &projection));
    const float hidden = (float)(ldexp(1.0, -15) / (double)hidden_scale * ldexp(1.0, -15));
    const float effective = projection * hidden_scale / sc.output;
    s->q.hidden = mwi_multiplier_of((double)hidden);
    s->q.projection = mwi_multiplier_of((double)effective);
    MWI_TRY(fold_zero(ctx, call, l->projection_w, l->projection_b, s->q.hidden_zero, s->d.n_output,
                      s->d.n_cell, &s->q.projection_bias));
    return plan_scratch(ctx, s);
}

/* ---- run ---- */

typedef struct run {
    const mwi_run_call *call;
    const mwi_lstm_state *s;
    int16_t *gates[MWI_N_GATES];
    int8_t *hidden;
    size_t n_items;
} run;

static const void *data_of(const run *r, int index)
{
    const mwi_view *const v = mwi_lstm_input(r->call->in, r->call->n_in, index);
    return v == NULL ? NULL : v->data;
}

static int32_t saturate(int32_t v) { return mwi_clamp(v, INT16_MIN, INT16_MAX); }

static int16_t add_saturated(int32_t a, int16_t b)
{
    const int64_t sum = (int64_t)a + b;
    return (int16_t)(sum < INT16_MIN ? INT16_MIN : sum > INT16_MAX ? INT16_MAX : sum);
}

/* Rows of (weights * values + bias), rescaled, added to a 16-bit gate. */
typedef struct product {
    const int8_t *values, *weights;
    const int32_t *bias;
    mwi_multiplier m;
    size_t n_columns;
    int16_t *out;
} product;

static void product_rows(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const product *const p = arg;

    (void)thread;
    for (size_t i = begin; i < end; i++) {
        const int32_t dot = mwi_dot_s8(p->values, p->weights + i * p->n_columns, p->n_columns);
        const int32_t sum = mwi_add32(dot, p->bias[i]);
        p->out[i] = add_saturated(mwi_scale(sum, p->m), p->out[i]);
    }
}

static void add_product(const run *r, const product *p, size_t n_rows, size_t values_width)
{
    product one = *p;

    for (size_t b = 0; b < r->n_items; b++, one.values += values_width, one.out += n_rows)
        mwi_par_for(r->call->pool, n_rows, 1 + 65536 / (p->n_columns + 1), product_rows, &one);
}

static void normalize(const mwi_lstm_int_gate *q, const int16_t *weights, const int32_t *bias,
                      int16_t *v, size_t n)
{
    enum { TWO_20 = 1 << 20 };
    int64_t sum = 0, squares = 0;

    for (size_t i = 0; i < n; i++) {
        sum += v[i];
        squares += (int32_t)v[i] * v[i];
    }
    const int32_t mean = (int32_t)(sum * NORM_FRACTION / (int64_t)n);
    const int64_t variance = squares * (int64_t)((uint32_t)TWO_20 / n) - (int64_t)mean * mean;
    int32_t reduced = (int32_t)(variance / TWO_20);
    if (reduced < 1) reduced = q->variance_guard;
    const mwi_multiplier inverse = mwi_inverse_sqrt(reduced);
    for (size_t i = 0; i < n; i++) {
        const int32_t scaled = mwi_scale(NORM_FRACTION * v[i] - mean, inverse);
        const int64_t weighted =
            (int32_t)((uint32_t)scaled * (uint32_t)weights[i] + (uint32_t)bias[i]);
        const int32_t rounded =
            (int32_t)((weighted > 0 ? weighted + 512 : weighted - 512) / NORM_FRACTION);
        v[i] = (int16_t)saturate(mwi_scale(rounded, q->norm));
    }
}

static void run_gate(const run *r, size_t g, const int8_t *x, const int8_t *h, const int16_t *cell)
{
    const mwi_lstm_state *const s = r->s;
    const mwi_lstm_layout *const l = s->layout;
    const mwi_lstm_int_gate *const q = &s->q.gates[g];
    const int16_t *const peephole = data_of(r, l->peephole[g]), *const norm =
                                                                    data_of(r, l->norm[g]);
    const size_t n = s->d.n_cell;
    int16_t *const gate = r->gates[g];

    memset(gate, 0, r->n_items * n * sizeof *gate);
    add_product(
        r, &(product){x, data_of(r, l->input_w[g]), q->input_bias, q->input, s->d.n_input, gate}, n,
        s->d.n_input);
    add_product(r,
                &(product){h, data_of(r, l->recurrent_w[g]), q->recurrent_bias, q->recurrent,
                           s->d.n_output, gate},
                n, s->d.n_output);
    /* The reference counts outputs here, where cells are meant. */
    for (size_t i = 0; peephole != NULL && i < r->n_items * s->d.n_output; i++)
        gate[i] =
            add_saturated(mwi_scale(peephole[i % s->d.n_output] * cell[i], q->peephole), gate[i]);
    for (size_t b = 0; norm != NULL && b < r->n_items; b++)
        normalize(q, norm, data_of(r, l->bias[g]), gate + b * n, n);
    for (size_t i = 0; i < r->n_items * n; i++)
        gate[i] = g == MWI_GATE_CELL ? mwi_tanh16(gate[i], 3) : mwi_logistic16(gate[i], 3);
}

static void update_cell(const run *r, int16_t *cell)
{
    const mwi_lstm_int *const q = &r->s->q;
    const bool coupled = data_of(r, r->s->layout->input_w[MWI_GATE_INPUT]) == NULL;
    const int16_t *const forget = r->gates[MWI_GATE_FORGET], *const update =
                                                                 r->gates[MWI_GATE_CELL];

    for (size_t i = 0; i < r->n_items * r->s->d.n_cell; i++) {
        const int32_t kept = (int16_t)mwi_round_shift(forget[i] * cell[i], 15);
        const int32_t input = coupled ? 32767 - forget[i] : r->gates[MWI_GATE_INPUT][i];
        const int32_t added = (int16_t)mwi_round_shift(input * update[i], 30 + q->cell_scale_log2);
        const int32_t sum = saturate(kept + added);
        cell[i] = (int16_t)(q->cell_clip > 0 ? mwi_clamp(sum, -q->cell_clip, q->cell_clip) : sum);
    }
}

static void set_output(const run *r, const int16_t *cell, int8_t *state)
{
    const mwi_lstm_state *const s = r->s;
    const mwi_lstm_int *const q = &s->q;
    const int8_t *const w = data_of(r, s->layout->projection_w);
    const size_t n_cell = s->d.n_cell, n_output = s->d.n_output;
    int8_t *const hidden = w == NULL ? state : r->hidden;
    const int32_t zero = w == NULL ? q->hidden_zero : -q->hidden_zero; /* as the reference has it */

    for (size_t i = 0; i < r->n_items * n_cell; i++) {
        const int32_t v =
            mwi_tanh16(cell[i], 15 + q->cell_scale_log2) * r->gates[MWI_GATE_OUTPUT][i];
        hidden[i] = (int8_t)mwi_clamp(mwi_add32(mwi_scale(v, q->hidden), zero), -128, 127);
    }
    for (size_t i = 0; w != NULL && i < r->n_items * n_output; i++) {
        const size_t row = i % n_output;
        const int32_t dot = mwi_dot_s8(hidden + i / n_output * n_cell, w + row * n_cell, n_cell);
        const int32_t sum = mwi_add32(dot, q->projection_bias[row]);
        const int32_t v =
            mwi_clamp(mwi_add32(mwi_scale(sum, q->projection), q->output_zero), -128, 127);
        state[i] = (int8_t)(q->proj_clip > 0 ? mwi_clamp(v, -q->proj_clip, q->proj_clip) : v);
    }
}

void mwi_lstm_run_int(const mwi_run_call *call, const mwi_lstm_state *s, void *scratch)
{
    const mwi_lstm_dims *const d = &s->d;
    const size_t per_step = items_a_step(s);
    run r = {.call = call, .s = s, .n_items = per_step};
    int16_t *const gates = scratch;

    for (size_t g = 0; g < MWI_N_GATES; g++) r.gates[g] = gates + g * per_step * d->n_cell;
    r.hidden = (int8_t *)(gates + MWI_N_GATES * per_step * d->n_cell);
    for (size_t i = 0; i < d->n_time * d->n_batch; i += per_step) {
        /* Time major: i / n_batch is the step. Else the batch item is the outer loop. */
        const size_t b = s->o.time_major ? 0 : i / d->n_time;
        const int8_t *const x = (const int8_t *)data_of(&r, s->layout->input) + i * d->n_input;
        int8_t *const state = (int8_t *)call->in[s->layout->output_state].data + b * d->n_output;
        int16_t *const cell = (int16_t *)call->in[s->layout->cell_state].data + b * d->n_cell;
        if (data_of(&r, s->layout->input_w[MWI_GATE_INPUT]) != NULL)
            run_gate(&r, MWI_GATE_INPUT, x, state, cell);
        run_gate(&r, MWI_GATE_FORGET, x, state, cell);
        run_gate(&r, MWI_GATE_CELL, x, state, cell);
        update_cell(&r, cell);
        run_gate(&r, MWI_GATE_OUTPUT, x, state, cell);
        set_output(&r, cell, state);
        memcpy((int8_t *)call->out[s->o.output].data + i * d->n_output, state,
               per_step * d->n_output);
    }
}
