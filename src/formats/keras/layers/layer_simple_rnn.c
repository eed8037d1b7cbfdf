/* formats/keras/layers/layer_simple_rnn.c - SimpleRNN, step by step.
 * Depends: layers/recurrent.  Used by: the list of layers only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/layers/recurrent.h"

static mw_status step(mwi_keras_call *c, const mwi_keras_recurrent *r, int32_t x, int32_t *states,
                      int32_t *out)
{
    if (states[0] >= 0) {
        int32_t h;
        MWI_TRY(mwi_keras_project(c, states[0], r->recurrent, -1, &h));
        MWI_TRY(mwi_keras_binary(c, "ADD", x, h, &x));
    }
    MWI_TRY(mwi_keras_activate(c, "activation", x, &states[0]));
    *out = states[0];
    return MW_OK;
}

static mw_status build(mwi_keras_call *c)
{
    mwi_keras_recurrent r;
    int32_t kernel, bias = -1;

    MWI_TRY(mwi_keras_recurrent_start(c, 1, 1, &r));
    MWI_TRY(mwi_keras_gate_kernel(c, &r, "kernel", "kernel", r.n_in, 0, 1, &kernel));
    MWI_TRY(mwi_keras_gate_kernel(c, &r, "recurrent_kernel", "recurrent_kernel", r.units, 0, 1,
                                  &r.recurrent));
    if (mwi_keras_slot_of(c->layer, "bias") != NULL)
        MWI_TRY(mwi_keras_vector(c, "bias", r.units, &bias));
    r.step = step;
    return mwi_keras_recurrent_run(c, &r, kernel, bias);
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
    .flags = MWI_KERAS_USES_MASK,
    .check = mwi_keras_recurrent_check,
    .build = build,
};
