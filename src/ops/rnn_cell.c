/* ops/rnn_cell.c - see rnn_cell.h.
 * Depends: ops/cell_rows.  Used by: RNN operators.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/rnn_cell.h"

#include "base/checked.h"

#include <string.h>

const mwi_rnn_layout mwi_rnn_plain = {
    .input = 0, .input_w = 1, .recurrent_w = 2, .bias = 3, .state = 4, .aux = -1, .aux_w = -1};

static const mwi_view *input_at(const mwi_view *in, size_t n_in, int index)
{
    return index < 0 || (size_t)index >= n_in || in[index].tensor == NULL ? NULL : &in[index];
}

static mw_status need(mw_ctx *ctx, const mwi_view *in, size_t n_in, int index, const char *what,
                      size_t rows, size_t columns)
{
    const mwi_view *const v = input_at(in, n_in, index);

    if (v == NULL) return mwi_fail(ctx, MW_EFORMAT, "the %s (input %d) is missing", what, index);
    if (v->rank != (columns > 0 ? 2 : 1) || (size_t)v->dims[0] != rows ||
        (columns > 0 && (size_t)v->dims[1] != columns))
        return mwi_fail(
            ctx, MW_EFORMAT,
            "the %s (input %d) has rank %d, first dimension %d; %zu rows of %zu are needed", what,
            index, v->rank, v->rank > 0 ? v->dims[0] : 0, rows, columns > 0 ? columns : 1);
    return MW_OK;
}

mw_status mwi_rnn_check(mw_ctx *ctx, const mwi_view *in, size_t n_in, const mwi_rnn_layout *l,
                        bool time_major, mwi_rnn_state *s)
{
    const mwi_view *const x = input_at(in, n_in, l->input), *const w =
                                                                input_at(in, n_in, l->input_w);
    const mwi_view *const aux = input_at(in, n_in, l->aux), *const state =
                                                                input_at(in, n_in, l->state);

    if (x == NULL || w == NULL || x->rank < 2 || x->rank > 3 || w->rank != 2)
        return mwi_fail(ctx, MW_EFORMAT,
                        "input %d or its weights (%d) are missing, or of a wrong rank", l->input,
                        l->input_w);
    s->n_time = x->rank == 2 ? 1 : (size_t)x->dims[time_major ? 0 : 1];
    s->n_batch = (size_t)x->dims[x->rank == 3 && time_major ? 1 : 0];
    s->n_input = (size_t)x->dims[x->rank - 1];
    s->n_units = (size_t)w->dims[0];
    s->n_aux = 0;
    if (s->n_units < 1 || s->n_input < 1)
        return mwi_fail(ctx, MW_EFORMAT, "%zu units of %zu inputs: each must be at least 1",
                        s->n_units, s->n_input);
    MWI_TRY(need(ctx, in, n_in, l->input_w, "input weights", s->n_units, s->n_input));
    MWI_TRY(need(ctx, in, n_in, l->recurrent_w, "recurrent weights", s->n_units, s->n_units));
    MWI_TRY(need(ctx, in, n_in, l->bias, "bias", s->n_units, 0));
    if (state == NULL || !state->tensor->is_variable || state->rank != 2 ||
        (size_t)state->dims[0] != s->n_batch || (size_t)state->dims[1] != s->n_units)
        return mwi_fail(ctx, MW_EFORMAT,
                        "the state (input %d) is not a variable tensor of [%zu,%zu]", l->state,
                        s->n_batch, s->n_units);
    if (l->aux < 0) return MW_OK;
    if (aux == NULL || aux->rank != x->rank || aux->dims[0] != x->dims[0] ||
        aux->dims[x->rank - 2] != x->dims[x->rank - 2] || aux->dims[x->rank - 1] < 1)
        return mwi_fail(ctx, MW_EFORMAT, "the auxiliary input (%d) does not fit the input", l->aux);
    s->n_aux = (size_t)aux->dims[x->rank - 1];
    return need(ctx, in, n_in, l->aux_w, "auxiliary weights", s->n_units, s->n_aux);
}

static mw_status scale_of(mw_ctx *ctx, const mwi_prepare_call *call, int index, float *out)
{
    const mwi_view *const v = input_at(call->in, call->n_in, index);

    *out = 1;
    if (v == NULL || v->dtype == MW_FLOAT32) return MW_OK;
    MWI_TRY(mwi_need_scales(ctx, v, "weights", 1));
    *out = v->quant->q.scales[0];
    return MW_OK;
}

mw_status mwi_rnn_prepare(mw_ctx *ctx, const mwi_prepare_call *call, const mwi_rnn_layout *layout,
                          const mwi_rnn_options *options, mwi_rnn_state *s)
{
    const mwi_view *const out = &call->out[options->output];
    size_t n;

    s->l = *layout;
    s->o = *options;
    MWI_TRY(mwi_rnn_check(ctx, call->in, call->n_in, layout, options->time_major, s));
    s->hybrid = call->in[layout->input_w].dtype != MW_FLOAT32;
    s->output_width = (size_t)out->dims[out->rank - 1];
    MWI_TRY(scale_of(ctx, call, layout->input_w, &s->input_scale));
    MWI_TRY(scale_of(ctx, call, layout->aux_w, &s->aux_scale));
    MWI_TRY(scale_of(ctx, call, layout->recurrent_w, &s->recurrent_scale));
    if (!mwi_add(s->n_input, s->n_aux, &n) || !mwi_add(n, s->n_units, &n) ||
        !mwi_mul(n, 3, &s->scratch_bytes))
        return mwi_fail(ctx, MW_ELIMIT, "the cell is too large");
    return MW_OK;
}

void mwi_rnn_run(const mwi_run_call *call, const mwi_rnn_state *s, void *scratch)
{
    const mwi_view *const in = call->in;
    mwi_cell_row x = {.n = s->n_input}, aux = {.n = s->n_aux}, h = {.n = s->n_units};
    mwi_cell_row *const rows[] = {&x, &aux, &h};

    (void)mwi_cell_rows_place(rows, MWI_COUNT(rows), scratch);
    for (size_t i = 0; i < s->n_time; i++) {
        const size_t t = s->o.backward ? s->n_time - 1 - i : i;
        for (size_t b = 0; b < s->n_batch; b++) {
            const size_t at = s->o.time_major ? t * s->n_batch + b : b * s->n_time + t;
            float *const out =
                (float *)call->out[s->o.output].data + at * s->output_width + s->o.output_offset;
            float *const state = (float *)in[s->l.state].data + b * s->n_units;
            memcpy(out, in[s->l.bias].data, s->n_units * sizeof *out);
            mwi_cell_row_set(&x, (const float *)in[s->l.input].data + at * s->n_input, s->hybrid,
                             s->o.asymmetric);
            mwi_cell_add_product(call->pool, &x, &in[s->l.input_w], s->input_scale, s->n_units,
                                 out);
            if (s->l.aux >= 0) {
                mwi_cell_row_set(&aux, (const float *)in[s->l.aux].data + at * s->n_aux, s->hybrid,
                                 s->o.asymmetric);
                mwi_cell_add_product(call->pool, &aux, &in[s->l.aux_w], s->aux_scale, s->n_units,
                                     out);
            }
            mwi_cell_row_set(&h, state, s->hybrid, s->o.asymmetric);
            mwi_cell_add_product(call->pool, &h, &in[s->l.recurrent_w], s->recurrent_scale,
                                 s->n_units, out);
            mwi_activate_f32(s->o.activation, out, s->n_units);
            memcpy(state, out, s->n_units * sizeof *state);
        }
    }
}

uint64_t mwi_rnn_macs(const mwi_view *in, size_t n_in, const mwi_rnn_layout *l)
{
    const mwi_view *const x = input_at(in, n_in, l->input);
    const int weights[] = {l->input_w, l->recurrent_w, l->aux_w};
    uint64_t n = 0;

    for (size_t i = 0; i < MWI_COUNT(weights); i++) {
        const mwi_view *const v = input_at(in, n_in, weights[i]);
        n += v == NULL ? 0 : mwi_view_count(v);
    }
    if (x == NULL || x->rank < 2 || x->dims[x->rank - 1] < 1) return 0;
    return n * (mwi_view_count(x) / (uint64_t)x->dims[x->rank - 1]);
}
