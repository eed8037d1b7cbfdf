/* formats/keras/layers/layer_lstm.c - LSTM, step by step: FULLY_CONNECTED, SPLIT, LOGISTIC, TANH,
 * MUL, ADD.
 * Depends: layers/recurrent.  Used by: the list of layers only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/layers/recurrent.h"

/* Gates i, f, c, o: c' = f * c + i * act(c), h = o * act(c'). */
static mw_status step(mwi_keras_call *c, const mwi_keras_recurrent *r, int32_t x, int32_t *states,
                      int32_t *out)
{
    const char *const inner = "recurrent_activation|inner_activation";
    int32_t gate[4], kept, cell;

    if (states[0] >= 0) {
        int32_t h;
        MWI_TRY(mwi_keras_project(c, states[0], r->recurrent, -1, &h));
        MWI_TRY(mwi_keras_binary(c, "ADD", x, h, &x));
    }
    MWI_TRY(mwi_keras_gates(c, x, 4, gate));
    MWI_TRY(mwi_keras_activate(c, inner, gate[0], &gate[0]));
    MWI_TRY(mwi_keras_activate(c, "activation", gate[2], &gate[2]));
    MWI_TRY(mwi_keras_binary(c, "MUL", gate[0], gate[2], &cell));
    if (states[1] >= 0) {
        MWI_TRY(mwi_keras_activate(c, inner, gate[1], &gate[1]));
        MWI_TRY(mwi_keras_binary(c, "MUL", gate[1], states[1], &kept));
        MWI_TRY(mwi_keras_binary(c, "ADD", kept, cell, &cell));
    }
    MWI_TRY(mwi_keras_activate(c, inner, gate[3], &gate[3]));
    states[1] = cell;
    MWI_TRY(mwi_keras_activate(c, "activation", cell, &cell));
    MWI_TRY(mwi_keras_binary(c, "MUL", gate[3], cell, &states[0]));
    *out = states[0];
    return MW_OK;
}

static mw_status build(mwi_keras_call *c)
{
    mwi_keras_recurrent r;
    int32_t kernel, bias = -1;

    MWI_TRY(mwi_keras_recurrent_start(c, 4, 2, &r));
    MWI_TRY(mwi_keras_gate_kernel(c, &r, "kernel", "kernel", r.n_in, 0, 4, &kernel));
    MWI_TRY(mwi_keras_gate_kernel(c, &r, "recurrent_kernel", "recurrent_kernel", r.units, 0, 4,
                                  &r.recurrent));
    if (mwi_keras_slot_of(c->layer, "bias") != NULL)
        MWI_TRY(mwi_keras_vector(c, "bias", 4 * r.units, &bias));
    r.step = step;
    return mwi_keras_recurrent_run(c, &r, kernel, bias);
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
    .flags = MWI_KERAS_USES_MASK,
    .check = mwi_keras_recurrent_check,
    .build = build,
};
