/* ops/lstm_cell.c - see lstm_cell.h: operands of one direction, and its float and hybrid steps.
 * Hybrid: float values are quantized to 8 bits a row at a time; weights are int8 with one scale;
 * sums and their order are those of TFLite's reference kernels.
 * Depends: ops/fixed, ops/cell_rows.  Used by: LSTM, UNIDIRECTIONAL_ and
 * BIDIRECTIONAL_SEQUENCE_LSTM.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/lstm_cell.h"

#include "base/checked.h"

#include <math.h>
#include <string.h>

const mwi_lstm_layout mwi_lstm_full = {
    .input = 0,
    .input_w = {1, 2, 3, 4},
    .recurrent_w = {5, 6, 7, 8},
    .peephole = {9, 10, -1, 11},
    .bias = {12, 13, 14, 15},
    .projection_w = 16,
    .projection_b = 17,
    .output_state = 18,
    .cell_state = 19,
    .norm = {20, 21, 22, 23},
    .aux = -1,
    .aux_w = {-1, -1, -1, -1},
};

static const char *const gate_names[MWI_N_GATES] = {"input", "forget", "cell", "output"};

const mwi_view *mwi_lstm_input(const mwi_view *in, size_t n_in, int index)
{
    return index < 0 || (size_t)index >= n_in || in[index].tensor == NULL ? NULL : &in[index];
}

/* ---- shapes ---- */

typedef struct operands {
    mw_ctx *ctx;
    const mwi_view *in;
    size_t n_in;
} operands;

/* A vector of n or a matrix of n by m (m > 0). May be left out when `optional`. */
static mw_status need(const operands *o, int index, bool optional, const char *what, size_t gate,
                      size_t n, size_t m)
{
    const mwi_view *const v = mwi_lstm_input(o->in, o->n_in, index);

    if (v == NULL && optional) return MW_OK;
    if (v == NULL)
        return mwi_fail(o->ctx, MW_EFORMAT, "%s of the %s gate is missing (input %d)", what,
                        gate_names[gate], index);
    if (v->rank != (m > 0 ? 2 : 1) || (size_t)v->dims[0] != n || (m > 0 && (size_t)v->dims[1] != m))
        return mwi_fail(o->ctx, MW_EFORMAT,
                        "%s of the %s gate (input %d) has rank %d, first dimension %d; it must be "
                        "[%zu%s%zu]",
                        what, gate_names[gate], index, v->rank, v->rank > 0 ? v->dims[0] : 0, n,
                        m > 0 ? "," : "] or [", m > 0 ? m : n);
    return MW_OK;
}

static mw_status need_state(const operands *o, int index, const char *what, size_t count)
{
    const mwi_view *const v = mwi_lstm_input(o->in, o->n_in, index);
    size_t n = 0;

    if (v == NULL || !v->tensor->is_variable)
        return mwi_fail(o->ctx, MW_EFORMAT, "the %s (input %d) is not a variable tensor", what,
                        index);
    if (!mwi_dims_count(v->rank, v->dims, &n) || n != count)
        return mwi_fail(o->ctx, MW_EFORMAT, "the %s has %zu values, it needs %zu", what, n, count);
    return MW_OK;
}

static mw_status need_gates(const operands *o, const mwi_lstm_layout *l, const mwi_lstm_dims *d,
                            bool coupled)
{
    const bool peepholes = mwi_lstm_input(o->in, o->n_in, l->peephole[MWI_GATE_FORGET]) != NULL;
    const bool norm = mwi_lstm_input(o->in, o->n_in, l->norm[MWI_GATE_FORGET]) != NULL;

    for (size_t g = 0; g < MWI_N_GATES; g++) {
        const bool off = g == MWI_GATE_INPUT && coupled;
        const int recurrent = l->recurrent_w[g];
        const mwi_view *const r = mwi_lstm_input(o->in, o->n_in, recurrent);
        if (off) {
            const int absent[] = {recurrent, l->peephole[g], l->bias[g], l->norm[g], l->aux_w[g]};
            for (size_t i = 0; i < MWI_COUNT(absent); i++)
                if (mwi_lstm_input(o->in, o->n_in, absent[i]) != NULL)
                    return mwi_fail(
                        o->ctx, MW_EFORMAT,
                        "input %d is there, but input %d, the weights of the input gate, "
                        "is not",
                        absent[i], l->input_w[g]);
            continue;
        }
        MWI_TRY(need(o, l->input_w[g], false, "weights", g, d->n_cell, d->n_input));
        const bool diagonal = r != NULL && r->rank == 1;
        MWI_TRY(need(o, recurrent, false, "recurrent weights", g, d->n_cell,
                     diagonal ? 0 : d->n_output));
        MWI_TRY(need(o, l->bias[g], false, "bias", g, d->n_cell, 0));
        if (l->aux >= 0)
            MWI_TRY(need(o, l->aux_w[g], false, "auxiliary weights", g, d->n_cell, d->n_aux));
        if (g != MWI_GATE_CELL)
            MWI_TRY(need(o, l->peephole[g], !peepholes, "peephole weights", g, d->n_cell, 0));
        if (!peepholes && mwi_lstm_input(o->in, o->n_in, l->peephole[g]) != NULL)
            return mwi_fail(o->ctx, MW_EFORMAT,
                            "peephole weights of the %s gate without those of the forget gate",
                            gate_names[g]);
        MWI_TRY(need(o, l->norm[g], !norm, "normalization", g, d->n_cell, 0));
        if (!norm && mwi_lstm_input(o->in, o->n_in, l->norm[g]) != NULL)
            return mwi_fail(o->ctx, MW_EFORMAT,
                            "normalization of the %s gate without that of the forget gate",
                            gate_names[g]);
    }
    return MW_OK;
}

static mw_status need_sequence(const operands *o, const mwi_lstm_layout *l, bool time_major,
                               mwi_lstm_dims *d)
{
    const mwi_view *const x = mwi_lstm_input(o->in, o->n_in, l->input);

    if (x == NULL) return mwi_fail(o->ctx, MW_EFORMAT, "input %d is missing", l->input);
    if (x->rank != 2 && x->rank != 3)
        return mwi_fail(o->ctx, MW_EFORMAT, "input %d has rank %d, allowed 2 or 3", l->input,
                        x->rank);
    d->n_time = x->rank == 2 ? 1 : (size_t)x->dims[time_major ? 0 : 1];
    d->n_batch = (size_t)x->dims[x->rank == 3 && time_major ? 1 : 0];
    d->n_input = (size_t)x->dims[x->rank - 1];
    d->n_aux = 0;
    if (l->aux < 0) return MW_OK;
    const mwi_view *const aux = mwi_lstm_input(o->in, o->n_in, l->aux);
    if (aux == NULL || aux->rank != x->rank || aux->dims[0] != x->dims[0] ||
        aux->dims[x->rank - 2] != x->dims[x->rank - 2])
        return mwi_fail(o->ctx, MW_EFORMAT, "the auxiliary input (%d) does not fit the input",
                        l->aux);
    d->n_aux = (size_t)aux->dims[x->rank - 1];
    return MW_OK;
}

mw_status mwi_lstm_check(mw_ctx *ctx, const mwi_view *in, size_t n_in, const mwi_lstm_layout *l,
                         const mwi_lstm_options *options, mwi_lstm_dims *d)
{
    const operands o = {ctx, in, n_in};
    const bool coupled = mwi_lstm_input(in, n_in, l->input_w[MWI_GATE_INPUT]) == NULL;
    const mwi_view *const w = mwi_lstm_input(in, n_in, l->input_w[MWI_GATE_OUTPUT]);
    const mwi_view *const r = mwi_lstm_input(in, n_in, l->recurrent_w[MWI_GATE_OUTPUT]);
    const mwi_view *const p = mwi_lstm_input(in, n_in, l->projection_w);
    size_t outputs, cells;

    MWI_TRY(need_sequence(&o, l, options->time_major, d));
    if (w == NULL || w->rank != 2 || r == NULL || r->rank < 1 || r->rank > 2)
        return mwi_fail(ctx, MW_EFORMAT, "weights of the output gate are missing, or not matrices");
    d->n_cell = (size_t)w->dims[0];
    d->n_output = (size_t)r->dims[r->rank - 1];
    if (d->n_cell < 1 || d->n_output < 1 || d->n_input < 1)
        return mwi_fail(ctx, MW_EFORMAT,
                        "%zu cells, %zu outputs, %zu inputs: each must be at least 1", d->n_cell,
                        d->n_output, d->n_input);
    if (p == NULL && d->n_output != d->n_cell)
        return mwi_fail(ctx, MW_EFORMAT, "%zu outputs of %zu cells need a projection", d->n_output,
                        d->n_cell);
    if (p != NULL &&
        (p->rank != 2 || (size_t)p->dims[0] != d->n_output || (size_t)p->dims[1] != d->n_cell))
        return mwi_fail(ctx, MW_EFORMAT, "the projection is not [%zu,%zu]", d->n_output, d->n_cell);
    const mwi_view *const pb = mwi_lstm_input(in, n_in, l->projection_b);
    if (pb != NULL && (p == NULL || pb->rank != 1 || (size_t)pb->dims[0] != d->n_output))
        return mwi_fail(ctx, MW_EFORMAT, "the projection's bias does not fit");
    MWI_TRY(need_gates(&o, l, d, coupled));
    if (!mwi_mul(d->n_batch, d->n_output, &outputs) || !mwi_mul(d->n_batch, d->n_cell, &cells))
        return mwi_fail(ctx, MW_ELIMIT, "the state is too large");
    MWI_TRY(need_state(&o, l->output_state, "output state", outputs));
    return need_state(&o, l->cell_state, "cell state", cells);
}

static uint64_t count_at(const mwi_view *in, size_t n_in, int index)
{
    const mwi_view *const v = mwi_lstm_input(in, n_in, index);
    return v == NULL ? 0 : mwi_view_count(v);
}

uint64_t mwi_lstm_macs_a_step(const mwi_view *in, size_t n_in, const mwi_lstm_layout *l)
{
    uint64_t n = count_at(in, n_in, l->projection_w);

    for (size_t g = 0; g < MWI_N_GATES; g++)
        n += count_at(in, n_in, l->input_w[g]) + count_at(in, n_in, l->recurrent_w[g]) +
             count_at(in, n_in, l->peephole[g]) + count_at(in, n_in, l->aux_w[g]);
    return n;
}

bool mwi_lstm_is_diagonal(const mwi_prepare_call *call)
{
    for (size_t g = 0; g < MWI_N_GATES; g++) {
        const mwi_view *const r =
            mwi_lstm_input(call->in, call->n_in, mwi_lstm_full.recurrent_w[g]);
        if (r != NULL && r->rank != 1) return false;
    }
    return true;
}

/* ---- prepare ---- */

static mw_status scale_of(mw_ctx *ctx, const mwi_prepare_call *call, int index, float *out)
{
    const mwi_view *const v = mwi_lstm_input(call->in, call->n_in, index);

    *out = 1;
    if (v == NULL || v->dtype == MW_FLOAT32) return MW_OK;
    MWI_TRY(mwi_need_scales(ctx, v, "weights", 1));
    *out = v->quant->q.scales[0];
    return MW_OK;
}

mw_status mwi_lstm_prepare_float(mw_ctx *ctx, mwi_prepare_call *call, const mwi_lstm_layout *l,
                                 const mwi_lstm_options *options, mwi_lstm_state *s)
{
    const mwi_view *const out = &call->out[options->output];
    size_t floats, shorts, bytes;

    s->layout = l;
    s->o = *options;
    s->hybrid = call->in[l->input_w[MWI_GATE_FORGET]].dtype != MW_FLOAT32;
    s->output_width = (size_t)out->dims[out->rank - 1];
    MWI_TRY(mwi_lstm_check(ctx, call->in, call->n_in, l, options, &s->d));
    for (size_t g = 0; g < MWI_N_GATES; g++) {
        MWI_TRY(scale_of(ctx, call, l->input_w[g], &s->input_scale[g]));
        MWI_TRY(scale_of(ctx, call, l->aux_w[g], &s->aux_scale[g]));
        MWI_TRY(scale_of(ctx, call, l->recurrent_w[g], &s->recurrent_scale[g]));
        MWI_TRY(scale_of(ctx, call, l->peephole[g], &s->peephole_scale[g]));
    }
    MWI_TRY(scale_of(ctx, call, l->projection_w, &s->projection_scale));
    for (size_t g = 0; g < MWI_N_GATES; g++) {
        const mwi_view *const r = mwi_lstm_input(call->in, call->n_in, l->recurrent_w[g]);
        if (r != NULL && (r->rank == 1) != (r->dtype == MW_FLOAT32) && s->hybrid)
            return mwi_fail(ctx, MW_EUNSUPPORTED, "recurrent weights of type %s and rank %d",
                            mwi_dtype_short(r->dtype), r->rank);
    }
    /* Four gates; rows of 8 bits, and widened to 16, of input, auxiliary input, state and hidden
     * values. */
    if (!mwi_mul(s->d.n_cell, 4 * sizeof(float), &floats) ||
        !mwi_add(s->d.n_input, s->d.n_aux, &shorts) || !mwi_add(shorts, s->d.n_output, &shorts) ||
        !mwi_add(shorts, s->d.n_cell, &shorts) || !mwi_mul(shorts, 3, &bytes) ||
        !mwi_add(bytes, floats, &bytes) || !mwi_add(bytes, 64, &s->scratch_bytes))
        return mwi_fail(ctx, MW_ELIMIT, "the cell is too large");
    return MW_OK;
}

/* ---- float and hybrid ---- */

typedef struct run {
    const mwi_run_call *call;
    const mwi_lstm_state *s;
    float *gates[MWI_N_GATES];
    mwi_cell_row x, aux, h, hidden;
    const float *cell;
} run;

static const void *data_of(const run *r, int index)
{
    const mwi_view *const v = mwi_lstm_input(r->call->in, r->call->n_in, index);
    return v == NULL ? NULL : v->data;
}

static void set_row(const run *r, mwi_cell_row *v, const float *values)
{
    mwi_cell_row_set(v, values, r->s->hybrid, r->s->o.asymmetric);
}

static void add_product(const run *r, const mwi_cell_row *v, int index, float weight_scale,
                        size_t n_rows, float *out)
{
    mwi_cell_add_product(r->call->pool, v, mwi_lstm_input(r->call->in, r->call->n_in, index),
                         weight_scale, n_rows, out);
}

static void normalize(float *v, const float *weights, const float *bias, size_t n)
{
    float sum = 0, squares = 0;

    for (size_t i = 0; i < n; i++) sum += v[i];
    const float mean = sum / (float)n;
    for (size_t i = 0; i < n; i++) squares += (v[i] - mean) * (v[i] - mean);
    const float inverse = 1.0f / sqrtf(squares / (float)n + 1e-8f);
    for (size_t i = 0; i < n; i++) v[i] = (v[i] - mean) * inverse * weights[i] + bias[i];
}

static void run_gate(const run *r, size_t g)
{
    const mwi_lstm_state *const s = r->s;
    const mwi_lstm_layout *const l = s->layout;
    const size_t n = s->d.n_cell;
    const float *const bias = data_of(r, l->bias[g]), *const norm = data_of(r, l->norm[g]);
    const void *const peephole = data_of(r, l->peephole[g]);
    float *const gate = r->gates[g];

    if (norm != NULL)
        memset(gate, 0, n * sizeof *gate);
    else
        memcpy(gate, bias, n * sizeof *gate);
    add_product(r, &r->x, l->input_w[g], s->input_scale[g], n, gate);
    if (l->aux >= 0) add_product(r, &r->aux, l->aux_w[g], s->aux_scale[g], n, gate);
    add_product(r, &r->h, l->recurrent_w[g], s->recurrent_scale[g], n, gate);
    if (peephole != NULL && s->hybrid)
        for (size_t i = 0; i < n; i++)
            gate[i] += s->peephole_scale[g] * (float)((const int8_t *)peephole)[i] * r->cell[i];
    if (peephole != NULL && !s->hybrid)
        for (size_t i = 0; i < n; i++) gate[i] += ((const float *)peephole)[i] * r->cell[i];
    if (norm != NULL) normalize(gate, norm, bias, n);
    if (g == MWI_GATE_CELL)
        mwi_activate_f32(s->o.activation, gate, n);
    else
        mwi_logistic_f32(gate, n);
}

static float clip(float v, float low, float high) { return v < low ? low : v > high ? high : v; }

static void update_cell(const run *r, float *cell)
{
    const mwi_lstm_state *const s = r->s;
    const bool coupled = data_of(r, s->layout->input_w[MWI_GATE_INPUT]) == NULL;
    const float *const forget = r->gates[MWI_GATE_FORGET], *const update = r->gates[MWI_GATE_CELL];
    const float *const input = r->gates[MWI_GATE_INPUT];
    const float bound = s->o.cell_clip;

    for (size_t i = 0; i < s->d.n_cell; i++) {
        cell[i] = forget[i] * cell[i] + update[i] * (coupled ? 1.0f - forget[i] : input[i]);
        if (bound > 0) cell[i] = clip(cell[i], -bound, bound);
    }
}

static void set_output(run *r, const float *cell, float *state)
{
    const mwi_lstm_state *const s = r->s;
    const float *const open = r->gates[MWI_GATE_OUTPUT], *const bias =
                                                             data_of(r, s->layout->projection_b);
    float *const hidden = r->gates[MWI_GATE_CELL]; /* free by now */
    const size_t n = s->d.n_output;
    const float bound = s->o.proj_clip;

    memcpy(hidden, cell, s->d.n_cell * sizeof *hidden);
    mwi_activate_f32(s->o.activation, hidden, s->d.n_cell);
    for (size_t i = 0; i < s->d.n_cell; i++) hidden[i] *= open[i];
    if (data_of(r, s->layout->projection_w) == NULL) {
        memcpy(state, hidden, n * sizeof *state);
        return;
    }
    if (bias != NULL)
        memcpy(state, bias, n * sizeof *state);
    else
        memset(state, 0, n * sizeof *state);
    set_row(r, &r->hidden, hidden);
    add_product(r, &r->hidden, s->layout->projection_w, s->projection_scale, n, state);
    for (size_t i = 0; bound > 0 && i < n; i++) state[i] = clip(state[i], -bound, bound);
}

static void step(run *r, size_t b, size_t t)
{
    const mwi_lstm_state *const s = r->s;
    const mwi_lstm_dims *const d = &s->d;
    const size_t at = s->o.time_major ? t * d->n_batch + b : b * d->n_time + t;
    const bool coupled = data_of(r, s->layout->input_w[MWI_GATE_INPUT]) == NULL;
    float *const state = (float *)r->call->in[s->layout->output_state].data + b * d->n_output;
    float *const cell = (float *)r->call->in[s->layout->cell_state].data + b * d->n_cell;
    float *const out =
        (float *)r->call->out[s->o.output].data + at * s->output_width + s->o.output_offset;

    set_row(r, &r->x, (const float *)data_of(r, s->layout->input) + at * d->n_input);
    if (s->layout->aux >= 0)
        set_row(r, &r->aux, (const float *)data_of(r, s->layout->aux) + at * d->n_aux);
    set_row(r, &r->h, state);
    r->cell = cell;
    if (!coupled) run_gate(r, MWI_GATE_INPUT);
    run_gate(r, MWI_GATE_FORGET);
    run_gate(r, MWI_GATE_CELL);
    update_cell(r, cell);
    run_gate(r, MWI_GATE_OUTPUT);
    set_output(r, cell, state);
    memcpy(out, state, d->n_output * sizeof *out);
}

void mwi_lstm_run_float(const mwi_run_call *call, const mwi_lstm_state *s, void *scratch)
{
    const mwi_lstm_dims *const d = &s->d;
    run r = {.call = call,
             .s = s,
             .x.n = d->n_input,
             .aux.n = d->n_aux,
             .h.n = d->n_output,
             .hidden.n = d->n_cell};
    mwi_cell_row *const rows[] = {&r.x, &r.aux, &r.h, &r.hidden};
    float *const gates = scratch;

    for (size_t g = 0; g < MWI_N_GATES; g++) r.gates[g] = gates + g * d->n_cell;
    (void)mwi_cell_rows_place(rows, MWI_COUNT(rows), gates + MWI_N_GATES * d->n_cell);
    for (size_t i = 0; i < d->n_time; i++)
        for (size_t b = 0; b < d->n_batch; b++) step(&r, b, s->o.backward ? d->n_time - 1 - i : i);
}
