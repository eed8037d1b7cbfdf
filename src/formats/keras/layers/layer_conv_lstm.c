/* formats/keras/layers/layer_conv_lstm.c - ConvLSTM1D and ConvLSTM2D: an LSTM whose products are
 * convolutions.
 * Depends: layers/recurrent.  Used by: the list of layers only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/layers/recurrent.h"

#include <string.h>

/* [..., height, width, channels] as [samples, height, width, channels] and back. */
static mw_status convolve(mwi_keras_call *c, const mwi_keras_window *w, int32_t x, int32_t kernel,
                          int32_t bias, int32_t *out)
{
    const mwi_tensor *const t = mwi_keras_tensor(c, x);
    const int32_t rank = t->rank, before = rank - w->n_dims - 1, *const d = t->dims;
    int32_t dims[MW_MAX_RANK], result[MW_MAX_RANK];

    dims[0] = 1; /* the first is open anyway */
    for (int32_t i = 0; i < before; i++) {
        if (dims[0] > INT32_MAX / d[i]) return mwi_fail(c->ctx, MW_ELIMIT, "too many steps");
        dims[0] *= d[i];
    }
    dims[1] = w->n_dims == 1 ? 1 : d[rank - 3];
    dims[2] = d[rank - 2];
    dims[3] = d[rank - 1];
    memcpy(result, d, sizeof result);
    MWI_TRY(mwi_keras_reshape(c, x, 4, dims, &x));
    MWI_TRY(mwi_keras_convolve(c, w, false, x, kernel, bias, &x));
    const mwi_tensor *const y = mwi_keras_tensor(c, x);
    if (w->n_dims == 2) result[rank - 3] = y->dims[1];
    result[rank - 2] = y->dims[2];
    result[rank - 1] = y->dims[3];
    return mwi_keras_reshape(c, x, rank, result, out);
}

static mw_status project(mwi_keras_call *c, const mwi_keras_cell *cell, int32_t x, int32_t *out)
{
    return convolve(c, &cell->window, x, cell->kernel, cell->bias, out);
}

static mw_status project_state(mwi_keras_call *c, const mwi_keras_cell *cell, int32_t state,
                               int32_t *out)
{
    mwi_keras_window w = cell->window;

    for (int i = 0; i < 2; i++) w.strides[i] = w.dilation[i] = 1;
    w.padding = 1;
    return convolve(c, &w, state, cell->recurrent, -1, out);
}

static mw_status open_cell(mwi_keras_call *c, mwi_keras_cell *cell)
{
    mwi_keras_window *const w = &cell->window;
    int32_t filters;

    MWI_TRY(mwi_keras_read_window(c->ctx, c->layer, w));
    MWI_TRY(
        mwi_keras_int(c->ctx, c->layer, "filters", MWI_KERAS_REQUIRED, 1, INT32_MAX / 4, &filters));
    if (cell->rank != w->n_dims + 2)
        return mwi_fail(c->ctx, MW_EFORMAT, "takes steps of rank %d with the batch, allowed is %d",
                        cell->rank, w->n_dims + 2);
    if (w->padding == 2)
        return mwi_fail(c->ctx, MW_EUNSUPPORTED, "has padding 'causal', allowed are: valid, same");
    cell->units = filters;
    cell->n_gates = 4;
    cell->n_states = 2;
    cell->out_rank = cell->rank;
    MWI_TRY(mwi_keras_conv_kernel(c, w, "kernel", cell->dims[cell->rank - 1], 4 * filters,
                                  &cell->kernel));
    MWI_TRY(
        mwi_keras_conv_kernel(c, w, "recurrent_kernel", filters, 4 * filters, &cell->recurrent));
    if (mwi_keras_slot_of(c->layer, "bias") != NULL)
        MWI_TRY(mwi_keras_vector(c, "bias", 4 * filters, &cell->bias));
    cell->project = project;
    cell->project_state = project_state;
    cell->step = mwi_keras_lstm_step;
    return MW_OK;
}

/* The channels of [batch, (steps,) channels, ...] to the end, or back. */
static mw_status move_channels(mwi_keras_call *c, int32_t x, int32_t at, bool to_last, int32_t *out)
{
    const int32_t last = mwi_keras_tensor(c, x)->rank - 1;
    int32_t perm[MW_MAX_RANK];

    for (int32_t i = 0; i <= last; i++) {
        if (i < at)
            perm[i] = i;
        else if (to_last)
            perm[i] = i == last ? at : i + 1;
        else
            perm[i] = i == at ? last : i - 1;
    }
    return mwi_keras_transpose(c, x, perm, out);
}

static mw_status build(mwi_keras_call *c)
{
    const int32_t n = mwi_keras_n_dims(c->layer);
    bool first;

    MWI_TRY(mwi_keras_channels_first(c->ctx, c->layer, &first));
    MWI_TRY(mwi_keras_need_rank(c, 0, n + 3, n + 3));
    int32_t *const in = (int32_t *)(uintptr_t)c->in; /* the builder's copy */
    for (size_t i = 0; i < c->n_in && first; i++)
        MWI_TRY(move_channels(c, in[i], i == 0 ? 2 : 1, true, &in[i]));
    MWI_TRY(mwi_keras_build_recurrent(c));
    for (size_t i = 0; i < c->n_out && first; i++) {
        const int32_t at = mwi_keras_tensor(c, c->out[i])->rank == n + 3 ? 2 : 1;
        const int32_t mask = mwi_keras_mask_of(c, c->out[i]);
        MWI_TRY(move_channels(c, c->out[i], at, false, &c->out[i]));
        MWI_TRY(mwi_keras_set_mask(c, c->out[i], mask));
    }
    return MW_OK;
}

static const char *const classes[] = {"ConvLSTM2D", "ConvLSTM1D", NULL};
static const mwi_keras_weight_rule weights[] = {
    {.name = "kernel", .sub = "cell|"},
    {.name = "recurrent_kernel", .sub = "cell|"},
    {.name = "bias", .sub = "cell|", .when = "use_bias"},
    {.name = NULL}};
const mwi_keras_row mwi_keras_layer_conv_lstm = {
    .classes = classes,
    .summary = "CONV_2D, SPLIT, LOGISTIC, TANH, MUL, ADD, step by step",
    .weights = weights,
    .check = mwi_keras_recurrent_check,
    .open_cell = open_cell,
    .build = build,
};
