/* formats/keras/layers/layer_lstm.c - LSTM and LSTMCell, step by step: FULLY_CONNECTED, SPLIT,
 * LOGISTIC, TANH, MUL, ADD.
 * Depends: layers/recurrent.  Used by: the list of layers only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/layers/recurrent.h"

/* c' = f * c + i * act(c), h = o * act(c'). */
mw_status mwi_keras_lstm_step(mwi_keras_call *c, const mwi_keras_cell *cell, int32_t x,
                              int32_t *states, int32_t *out)
{
    const char *const inner = "recurrent_activation|inner_activation";
    int32_t gate[4], kept, carry;

    if (states[0] >= 0) {
        int32_t h;
        MWI_TRY(cell->project_state(c, cell, states[0], &h));
        MWI_TRY(mwi_keras_binary(c, "ADD", x, h, &x));
    }
    MWI_TRY(mwi_keras_gates(c, x, 4, gate));
    MWI_TRY(mwi_keras_activate(c, inner, gate[0], &gate[0]));
    MWI_TRY(mwi_keras_activate(c, "activation", gate[2], &gate[2]));
    MWI_TRY(mwi_keras_binary(c, "MUL", gate[0], gate[2], &carry));
    if (states[1] >= 0) {
        MWI_TRY(mwi_keras_activate(c, inner, gate[1], &gate[1]));
        MWI_TRY(mwi_keras_binary(c, "MUL", gate[1], states[1], &kept));
        MWI_TRY(mwi_keras_binary(c, "ADD", kept, carry, &carry));
    }
    MWI_TRY(mwi_keras_activate(c, inner, gate[3], &gate[3]));
    states[1] = carry;
    MWI_TRY(mwi_keras_activate(c, "activation", carry, &carry));
    MWI_TRY(mwi_keras_binary(c, "MUL", gate[3], carry, &states[0]));
    *out = states[0];
    return MW_OK;
}

static mw_status open_cell(mwi_keras_call *c, mwi_keras_cell *cell)
{
    MWI_TRY(mwi_keras_open_dense(c, 4, 2, cell));
    MWI_TRY(mwi_keras_gate_kernel(c, cell, "recurrent_kernel", "recurrent_kernel", cell->units, 0,
                                  4, &cell->recurrent));
    if (mwi_keras_slot_of(c->layer, "bias") != NULL)
        MWI_TRY(mwi_keras_vector(c, "bias", 4 * cell->units, &cell->bias));
    cell->step = mwi_keras_lstm_step;
    return MW_OK;
}

static const char *const classes[] = {"LSTM", NULL};
static const mwi_keras_weight_rule weights[] = {
    {.name = "kernel", .sub = "cell|"},
    {.name = "recurrent_kernel", .sub = "cell|"},
    {.name = "bias", .sub = "cell|", .when = "use_bias"},
    {.name = NULL}};
const mwi_keras_row mwi_keras_layer_lstm = {
    .classes = classes,
    .summary = "FULLY_CONNECTED, SPLIT, LOGISTIC, TANH, MUL, ADD, step by step",
    .weights = weights,
    .check = mwi_keras_recurrent_check,
    .open_cell = open_cell,
    .build = mwi_keras_build_recurrent,
};

static const char *const cell_classes[] = {"LSTMCell", NULL};
const mwi_keras_row mwi_keras_layer_lstm_cell = {
    .classes = cell_classes,
    .summary = "as LSTM, in an RNN layer",
    .weights = weights,
    .check = mwi_keras_recurrent_check,
    .open_cell = open_cell,
    .build = mwi_keras_refuse_cell,
};
