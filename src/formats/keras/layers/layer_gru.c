/* formats/keras/layers/layer_gru.c - GRU and GRUCell of both kinds (reset_after), step by step.
 * Depends: layers/recurrent.  Used by: the list of layers only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/layers/recurrent.h"

static const char *const inner = "recurrent_activation|inner_activation";

/* h' = z * h + (1 - z) * n = n + z * (h - n) */
static mw_status mix(mwi_keras_call *c, int32_t z, int32_t n, int32_t *states, int32_t *out)
{
    int32_t d;

    if (states[0] < 0)
        MWI_TRY(mwi_keras_unary(c, "NEG", n, &d));
    else
        MWI_TRY(mwi_keras_binary(c, "SUB", states[0], n, &d));
    MWI_TRY(mwi_keras_binary(c, "MUL", z, d, &d));
    MWI_TRY(mwi_keras_binary(c, "ADD", n, d, &states[0]));
    *out = states[0];
    return MW_OK;
}

/* n = act(x_n + r * (h @ U_n + b_n)); the biases of the recurrent part act on a zero state too. */
static mw_status step_after(mwi_keras_call *c, const mwi_keras_cell *cell, int32_t x,
                            int32_t *states, int32_t *out)
{
    int32_t from_x[3], from_h[3] = {-1, -1, -1}, h;

    MWI_TRY(mwi_keras_gates(c, x, 3, from_x));
    if (states[0] >= 0) {
        MWI_TRY(mwi_keras_project(c, states[0], cell->recurrent, cell->recurrent_bias, &h));
        MWI_TRY(mwi_keras_gates(c, h, 3, from_h));
    } else if (cell->recurrent_bias >= 0) {
        const int32_t units = cell->units;
        for (int32_t i = 0; i < 3; i++)
            MWI_TRY(mwi_keras_slice(c, cell->recurrent_bias, (const int32_t[]){i * units},
                                    (const int32_t[]){units}, &from_h[i]));
    }
    for (int i = 0; i < 2; i++) {
        if (from_h[i] >= 0) MWI_TRY(mwi_keras_binary(c, "ADD", from_x[i], from_h[i], &from_x[i]));
        MWI_TRY(mwi_keras_activate(c, inner, from_x[i], &from_x[i]));
    }
    if (from_h[2] >= 0) {
        MWI_TRY(mwi_keras_binary(c, "MUL", from_x[1], from_h[2], &from_h[2]));
        MWI_TRY(mwi_keras_binary(c, "ADD", from_x[2], from_h[2], &from_x[2]));
    }
    MWI_TRY(mwi_keras_activate(c, "activation", from_x[2], &from_x[2]));
    return mix(c, from_x[0], from_x[2], states, out);
}

/* n = act(x_n + (r * h) @ U_n) */
static mw_status step_before(mwi_keras_call *c, const mwi_keras_cell *cell, int32_t x,
                             int32_t *states, int32_t *out)
{
    int32_t gate[3], from_h[2], h;

    MWI_TRY(mwi_keras_gates(c, x, 3, gate));
    if (states[0] >= 0) {
        MWI_TRY(mwi_keras_project(c, states[0], cell->recurrent, -1, &h));
        MWI_TRY(mwi_keras_gates(c, h, 2, from_h));
        for (int i = 0; i < 2; i++)
            MWI_TRY(mwi_keras_binary(c, "ADD", gate[i], from_h[i], &gate[i]));
        MWI_TRY(mwi_keras_activate(c, inner, gate[1], &gate[1]));
        MWI_TRY(mwi_keras_binary(c, "MUL", gate[1], states[0], &h));
        MWI_TRY(mwi_keras_project(c, h, cell->recurrent_rest, -1, &h));
        MWI_TRY(mwi_keras_binary(c, "ADD", gate[2], h, &gate[2]));
    }
    MWI_TRY(mwi_keras_activate(c, inner, gate[0], &gate[0]));
    MWI_TRY(mwi_keras_activate(c, "activation", gate[2], &gate[2]));
    return mix(c, gate[0], gate[2], states, out);
}

/* (3u) of the first kind; (2, 3u) of the second: the input's, the recurrent part's. */
static mw_status read_bias(mwi_keras_call *c, mwi_keras_cell *cell, bool after, int32_t *bias)
{
    const int32_t n = 3 * cell->units;

    if (mwi_keras_slot_of(c->layer, "bias") == NULL) return MW_OK;
    if (!after) return mwi_keras_vector(c, "bias", n, bias);
    MWI_TRY(mwi_keras_weight(c,
                             &(mwi_keras_part){.weight = "bias",
                                               .tensor = "bias",
                                               .rank = 2,
                                               .dims = {2, n},
                                               .size = {1, n},
                                               .out_rank = 1,
                                               .out_dims = {n}},
                             bias));
    return mwi_keras_weight(c,
                            &(mwi_keras_part){.weight = "bias",
                                              .tensor = "recurrent_bias",
                                              .rank = 2,
                                              .dims = {2, n},
                                              .begin = {1, 0},
                                              .out_rank = 1,
                                              .out_dims = {n}},
                            &cell->recurrent_bias);
}

/* Configs without reset_after are of Keras versions that had the first kind only. */
static mw_status open_cell(mwi_keras_call *c, mwi_keras_cell *cell)
{
    bool after;

    MWI_TRY(mwi_keras_open_dense(c, 3, 1, cell));
    MWI_TRY(mwi_keras_bool(c->ctx, c->layer, "reset_after", false, &after));
    MWI_TRY(mwi_keras_gate_kernel(c, cell, "recurrent_kernel", "recurrent_kernel", cell->units, 0,
                                  after ? 3 : 2, &cell->recurrent));
    if (!after)
        MWI_TRY(mwi_keras_gate_kernel(c, cell, "recurrent_kernel", "recurrent_kernel_n",
                                      cell->units, 2, 1, &cell->recurrent_rest));
    cell->step = after ? step_after : step_before;
    return read_bias(c, cell, after, &cell->bias);
}

static const char *const classes[] = {"GRU", NULL};
static const mwi_keras_weight_rule weights[] = {
    {.name = "kernel", .sub = "cell|"},
    {.name = "recurrent_kernel", .sub = "cell|"},
    {.name = "bias", .sub = "cell|", .when = "use_bias"},
    {.name = NULL}};
const mwi_keras_row mwi_keras_layer_gru = {
    .classes = classes,
    .summary = "FULLY_CONNECTED, SPLIT, LOGISTIC, TANH, MUL, ADD, step by step",
    .weights = weights,
    .check = mwi_keras_recurrent_check,
    .open_cell = open_cell,
    .build = mwi_keras_build_recurrent,
};

static const char *const cell_classes[] = {"GRUCell", NULL};
const mwi_keras_row mwi_keras_layer_gru_cell = {
    .classes = cell_classes,
    .summary = "as GRU, in an RNN layer",
    .weights = weights,
    .check = mwi_keras_recurrent_check,
    .open_cell = open_cell,
    .build = mwi_keras_refuse_cell,
};
