/* devices/cpu/x86/s8_unidirectional_sequence_lstm.c - UNIDIRECTIONAL_SEQUENCE_LSTM of int8 with
 * 16-bit gates, in the form that converters write for Keras layers: no peepholes, projection,
 * normalization or coupled gates. Equal to the bit to the reference row.
 * Depends: s8_lstm, ops/lstm_cell.  Used by: the list of kernels only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/s8_lstm.h"
#include "devices/device.h"

#include "base/checked.h"
#include "ops/lstm_types.h"

#include <string.h>

enum { LANES = 16 };

typedef struct state {
    mwi_lstm_state cell; /* what the reference prepares */
    mwi_s8_lstm lstm;
    size_t values_at, state_at; /* in the scratch, behind the gates */
} state;

static bool has(const mwi_prepare_call *call, int index)
{
    return mwi_lstm_input(call->in, call->n_in, index) != NULL;
}

static bool is_constant(const mwi_prepare_call *call, int index)
{
    return has(call, index) && call->in[index].data != NULL && call->in[index].rank == 2;
}

static bool accepts(const mwi_prepare_call *call)
{
    const mwi_lstm_layout *const l = &mwi_lstm_full;

    for (size_t g = 0; g < MWI_N_GATES; g++)
        if (!is_constant(call, l->input_w[g]) || !is_constant(call, l->recurrent_w[g]) ||
            has(call, l->peephole[g]) || has(call, l->norm[g]))
            return false;
    return !has(call, l->projection_w);
}

static mwi_lstm_options options_of(const mwi_prepare_call *call)
{
    const mwi_op_desc *const desc = call->op->desc;
    const char *const attr = call->attr;
    const float *const cell_clip =
        (const float *)(const void *)(attr + mwi_op_field(desc, "cell_clip")->offset);
    const float *const proj_clip =
        (const float *)(const void *)(attr + mwi_op_field(desc, "proj_clip")->offset);

    return (mwi_lstm_options){
        .activation = mwi_op_get_i32(call->op, "fused_activation_function", 0),
        .cell_clip = *cell_clip,
        .proj_clip = *proj_clip,
        .time_major = *(const bool *)(attr + mwi_op_field(desc, "time_major")->offset)};
}

typedef struct packing {
    const int8_t *weights;
    size_t rows, columns, padded_rows;
} packing;

static void pack(const void *arg, void *to)
{
    const packing *const p = arg;
    const size_t quads = (p->columns + 3) / 4;
    int8_t *out = to;

    for (size_t first = 0; first < p->padded_rows; first += LANES)
        for (size_t q = 0; q < quads; q++)
            for (size_t r = first; r < first + LANES; r++)
                for (size_t k = 4 * q; k < 4 * q + 4; k++)
                    *out++ = r < p->rows && k < p->columns ? p->weights[r * p->columns + k] : 0;
}

/* Values count 128 more than they are: that times a row's weights is taken off. */
static mw_status make_matrix(mw_ctx *ctx, mwi_prepare_call *call, const mwi_s8_lstm *l, int index,
                             const int32_t *bias, mwi_multiplier m, mwi_s8_lstm_matrix *out)
{
    const mwi_view *const w = &call->in[index];
    const packing p = {w->data, (size_t)w->dims[0], (size_t)w->dims[1], l->padded_cells};
    const void *packed;
    void *memory;
    size_t bytes;

    if (!mwi_mul(p.padded_rows, (p.columns + 3) / 4 * 4, &bytes))
        return mwi_fail(ctx, MW_ELIMIT, "weights are too large");
    MWI_TRY(mwi_pack(ctx, call, "s8 lstm", w, (int64_t)p.padded_rows, 0, bytes, pack, &p, &packed));
    MWI_TRY(mwi_arena_array(ctx, call->arena, p.padded_rows, sizeof(int32_t), &memory));
    int32_t *const biases = memory;
    for (size_t r = 0; r < p.rows; r++) {
        uint32_t sum = 0;
        for (size_t k = 0; k < p.columns; k++) sum += (uint32_t)p.weights[r * p.columns + k];
        biases[r] = (int32_t)((uint32_t)bias[r] - 128 * sum);
    }
    *out = (mwi_s8_lstm_matrix){.weights = packed, .bias = biases, .multiplier = m};
    return MW_OK;
}

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    const mwi_lstm_options o = options_of(call);
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(state), &memory));
    state *const s = memory;
    call->state = s;
    MWI_TRY(mwi_lstm_prepare_int(ctx, call, &mwi_lstm_full, &o, &s->cell));
    const mwi_lstm_dims *const d = &s->cell.d;
    const mwi_lstm_int *const q = &s->cell.q;
    mwi_s8_lstm *const l = &s->lstm;
    *l = (mwi_s8_lstm){.n_cell = d->n_cell,
                       .padded_cells = (d->n_cell + MWI_S8_LSTM_CELLS - 1) / MWI_S8_LSTM_CELLS *
                                       MWI_S8_LSTM_CELLS,
                       .input_quads = (d->n_input + 3) / 4,
                       .recurrent_quads = (d->n_output + 3) / 4,
                       .hidden = q->hidden,
                       .hidden_zero = q->hidden_zero,
                       .cell_scale_log2 = q->cell_scale_log2,
                       .cell_clip = q->cell_clip};
    for (size_t g = 0; g < MWI_N_GATES; g++) {
        const mwi_lstm_int_gate *const gate = &q->gates[g];
        MWI_TRY(make_matrix(ctx, call, l, mwi_lstm_full.input_w[g], gate->input_bias, gate->input,
                            &l->input[g]));
        MWI_TRY(make_matrix(ctx, call, l, mwi_lstm_full.recurrent_w[g], gate->recurrent_bias,
                            gate->recurrent, &l->recurrent[g]));
    }
    s->values_at = MWI_N_GATES * l->padded_cells * sizeof(int16_t);
    s->state_at = s->values_at + 4 * l->input_quads;
    call->scratch_bytes = s->state_at + 4 * l->recurrent_quads;
    return MW_OK;
}

static void flip(const int8_t *from, size_t n, uint8_t *out)
{
    for (size_t i = 0; i < n; i++) out[i] = (uint8_t)from[i] ^ 0x80;
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const state *const s = call->state;
    const mwi_lstm_dims *const d = &s->cell.d;
    const int8_t *const in = call->in[mwi_lstm_full.input].data;
    int8_t *const states = call->in[mwi_lstm_full.output_state].data;
    int16_t *const cells = call->in[mwi_lstm_full.cell_state].data;
    uint8_t *const values = (uint8_t *)call->scratch + s->values_at;
    uint8_t *const state_values = (uint8_t *)call->scratch + s->state_at;

    (void)ctx;
    memset(values, 0, 4 * (s->lstm.input_quads + s->lstm.recurrent_quads));
    for (size_t i = 0; i < d->n_time * d->n_batch; i++) {
        /* Time major: batch items take turns; else one runs through all its time. */
        const size_t b = s->cell.o.time_major ? i % d->n_batch : i / d->n_time;
        int8_t *const hidden = states + b * d->n_output;
        flip(in + i * d->n_input, d->n_input, values);
        flip(hidden, d->n_output, state_values);
        mwi_s8_lstm_step(&s->lstm, values, state_values, call->scratch, cells + b * d->n_cell,
                         hidden);
        memcpy((int8_t *)call->out[0].data + i * d->n_output, hidden, d->n_output);
    }
    return MW_OK;
}

const mwi_device_kernel mwi_cpu_s8_unidirectional_sequence_lstm[] = {
    {&mwi_op_unidirectional_sequence_lstm,
     {.name = "s8_unidirectional_sequence_lstm__avx512vnni",
      .types = MWI_LSTM_INT,
      .cpu_features = MWI_CPU_AVX512 | MWI_CPU_AVX512_VNNI,
      .accepts = accepts,
      .prepare = prepare,
      .run = run}},
    {.op = NULL},
};
