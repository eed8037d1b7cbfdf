/* formats/keras/layers/layer_simple_rnn.c - SimpleRNN and SimpleRNNCell, step by step.
 * Depends: layers/recurrent.  Used by: the list of layers only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/layers/recurrent.h"

static mw_status step(mwi_keras_call *c, const mwi_keras_cell *cell, int32_t x, int32_t *states,
                      int32_t *out)
{
    if (states[0] >= 0) {
        int32_t h;
        MWI_TRY(cell->project_state(c, cell, states[0], &h));
        MWI_TRY(mwi_keras_binary(c, "ADD", x, h, &x));
    }
    MWI_TRY(mwi_keras_activate(c, "activation", x, &states[0]));
    *out = states[0];
    return MW_OK;
}

static mw_status open_cell(mwi_keras_call *c, mwi_keras_cell *cell)
{
    MWI_TRY(mwi_keras_open_dense(c, 1, 1, cell));
    MWI_TRY(mwi_keras_gate_kernel(c, cell, "recurrent_kernel", "recurrent_kernel", cell->units, 0,
                                  1, &cell->recurrent));
    if (mwi_keras_slot_of(c->layer, "bias") != NULL)
        MWI_TRY(mwi_keras_vector(c, "bias", cell->units, &cell->bias));
    cell->step = step;
    return MW_OK;
}

static const char *const classes[] = {"SimpleRNN", NULL};
static const mwi_keras_weight_rule weights[] = {
    {.name = "kernel", .sub = "cell|"},
    {.name = "recurrent_kernel", .sub = "cell|"},
    {.name = "bias", .sub = "cell|", .when = "use_bias"},
    {.name = NULL}};
const mwi_keras_row mwi_keras_layer_simple_rnn = {
    .classes = classes,
    .summary = "FULLY_CONNECTED, ADD, TANH, step by step",
    .weights = weights,
    .check = mwi_keras_recurrent_check,
    .open_cell = open_cell,
    .build = mwi_keras_build_recurrent,
};

static const char *const cell_classes[] = {"SimpleRNNCell", NULL};
const mwi_keras_row mwi_keras_layer_simple_rnn_cell = {
    .classes = cell_classes,
    .summary = "as SimpleRNN, in an RNN layer",
    .weights = weights,
    .check = mwi_keras_recurrent_check,
    .open_cell = open_cell,
    .build = mwi_keras_refuse_cell,
};
