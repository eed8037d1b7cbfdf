/* formats/keras/layers/layer_conv_lstm.c - ConvLSTM1D, 2D and 3D: an LSTM whose products are
 * convolutions.
 * Depends: layers/recurrent.  Used by: the list of layers only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/layers/recurrent.h"

#include <string.h>

/* [..., space, channels] as [samples, space, channels], where one dimension of space has a height
 * of 1 before it, and back. */
static mw_status convolve(mwi_keras_call *c, const mwi_keras_cell *cell, int32_t x, int32_t kernel,
                          int32_t bias, bool of_state, int32_t *out)
{
    const int32_t n = mwi_keras_n_dims(c->layer), rank = mwi_keras_tensor(c, x)->rank,
                  before = rank - n - 1, flat = n == 1 ? 1 : 0;
    int32_t dims[MW_MAX_RANK] = {1, 1}, result[MW_MAX_RANK];

    memcpy(result, mwi_keras_tensor(c, x)->dims, sizeof result);
    for (int32_t i = 0; i < before; i++) {
        if (dims[0] > INT32_MAX / result[i]) return mwi_fail(c->ctx, MW_ELIMIT, "too many steps");
        dims[0] *= result[i]; /* the first is open anyway */
    }
    for (int32_t i = 0; i <= n; i++) dims[1 + flat + i] = result[before + i];
    MWI_TRY(mwi_keras_reshape(c, x, n + 2 + flat, dims, &x));
    if (n == 3) {
        mwi_keras_window_3d w = cell->window_3d;
        for (int i = 0; i < 3 && of_state; i++) w.strides[i] = w.dilation[i] = 1;
        if (of_state) w.padding = 1;
        MWI_TRY(mwi_keras_convolve_3d(c, &w, "CONV_3D", bias < 0 ? 2 : 3,
                                      (const int32_t[]){x, kernel, bias}, &x));
    } else {
        mwi_keras_window w = cell->window;
        for (int i = 0; i < 2 && of_state; i++) w.strides[i] = w.dilation[i] = 1;
        if (of_state) w.padding = 1;
        MWI_TRY(mwi_keras_convolve(c, &w, false, x, kernel, bias, &x));
    }
    for (int32_t i = 0; i <= n; i++)
        result[before + i] = mwi_keras_tensor(c, x)->dims[1 + flat + i];
    return mwi_keras_reshape(c, x, rank, result, out);
}

static mw_status project(mwi_keras_call *c, const mwi_keras_cell *cell, int32_t x, int32_t *out)
{
    return convolve(c, cell, x, cell->kernel, cell->bias, false, out);
}

/* States keep their size: strides and dilation are for the input alone. */
static mw_status project_state(mwi_keras_call *c, const mwi_keras_cell *cell, int32_t state,
                               int32_t *out)
{
    return convolve(c, cell, state, cell->recurrent, -1, true, out);
}

/* The kernel of CONV_3D lies as Keras has it. */
static mw_status kernel_3d(mwi_keras_call *c, const mwi_keras_window_3d *w, const char *weight,
                           int32_t in, int32_t *out)
{
    return mwi_keras_weight(
        c,
        &(mwi_keras_part){.weight = weight,
                          .rank = 5,
                          .dims = {w->kernel[0], w->kernel[1], w->kernel[2], in, 4 * w->filters}},
        out);
}

static mw_status open_kernels(mwi_keras_call *c, mwi_keras_cell *cell)
{
    const int32_t in = cell->dims[cell->rank - 1], n = cell->units;

    if (mwi_keras_n_dims(c->layer) == 3) {
        MWI_TRY(mwi_keras_read_window_3d(c->ctx, c->layer, &cell->window_3d));
        MWI_TRY(kernel_3d(c, &cell->window_3d, "kernel", in, &cell->kernel));
        return kernel_3d(c, &cell->window_3d, "recurrent_kernel", n, &cell->recurrent);
    }
    MWI_TRY(mwi_keras_read_window(c->ctx, c->layer, &cell->window));
    if (cell->window.padding == 2)
        return mwi_fail(c->ctx, MW_EUNSUPPORTED, "has padding 'causal', allowed are: valid, same");
    MWI_TRY(mwi_keras_conv_kernel(c, &cell->window, "kernel", in, 4 * n, &cell->kernel));
    return mwi_keras_conv_kernel(c, &cell->window, "recurrent_kernel", n, 4 * n, &cell->recurrent);
}

static mw_status open_cell(mwi_keras_call *c, mwi_keras_cell *cell)
{
    const int32_t rank = mwi_keras_n_dims(c->layer) + 2;

    MWI_TRY(mwi_keras_int(c->ctx, c->layer, "filters", MWI_KERAS_REQUIRED, 1, INT32_MAX / 4,
                          &cell->units));
    if (cell->rank != rank)
        return mwi_fail(c->ctx, MW_EFORMAT, "takes steps of rank %d with the batch, allowed is %d",
                        cell->rank, rank);
    cell->n_gates = 4;
    cell->n_states = 2;
    cell->out_rank = cell->rank;
    MWI_TRY(open_kernels(c, cell));
    if (mwi_keras_slot_of(c->layer, "bias") != NULL)
        MWI_TRY(mwi_keras_vector(c, "bias", 4 * cell->units, &cell->bias));
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

static const char *const classes[] = {"ConvLSTM2D", "ConvLSTM1D", "ConvLSTM3D", NULL};
static const mwi_keras_weight_rule weights[] = {
    {.name = "kernel", .sub = "cell|"},
    {.name = "recurrent_kernel", .sub = "cell|"},
    {.name = "bias", .sub = "cell|", .when = "use_bias"},
    {.name = NULL}};
const mwi_keras_row mwi_keras_layer_conv_lstm = {
    .classes = classes,
    .summary = "CONV_2D or CONV_3D, SPLIT, LOGISTIC, TANH, MUL, ADD, step by step",
    .weights = weights,
    .check = mwi_keras_recurrent_check,
    .open_cell = open_cell,
    .build = build,
};
