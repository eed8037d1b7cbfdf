/* formats/keras/layers/recurrent.c - see recurrent.h.
 * Depends: formats/keras/layer.  Used by: layers of recurrent networks.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/layers/recurrent.h"

mw_status mwi_keras_recurrent_check(mw_ctx *ctx, const mwi_keras_layer *l)
{
    if (l->row->open_cell != NULL) {
        MWI_TRY(mwi_keras_check_activation(ctx, l, "activation"));
        MWI_TRY(mwi_keras_check_activation(ctx, l, "recurrent_activation|inner_activation"));
    }
    if (l->keras_major == 1)
        return mwi_fail(ctx, MW_EUNSUPPORTED,
                        "has weights gate by gate, as Keras 1 stores them; save it with Keras 2");
    for (size_t i = 0; i < l->n_children; i++) {
        const mwi_keras_layer *const cell = l->children[i];
        if (cell->row != NULL && cell->row->open_cell == NULL)
            return mwi_fail(ctx, MW_EUNSUPPORTED, "holds a %s, which is not a cell",
                            cell->class_name);
    }
    return MW_OK;
}

mw_status mwi_keras_refuse_cell(mwi_keras_call *c)
{
    return mwi_fail(c->ctx, MW_EUNSUPPORTED, "is a cell, which runs in an RNN layer only");
}

/* ---- dense cells ---- */

mw_status mwi_keras_gate_kernel(mwi_keras_call *c, const mwi_keras_cell *cell, const char *weight,
                                const char *tensor, int32_t rows, int32_t first, int32_t n,
                                int32_t *out)
{
    return mwi_keras_weight(c,
                            &(mwi_keras_part){.weight = weight,
                                              .tensor = tensor,
                                              .rank = 2,
                                              .dims = {rows, cell->n_gates * cell->units},
                                              .begin = {0, first * cell->units},
                                              .size = {rows, n * cell->units},
                                              .permuted = true,
                                              .perm = {1, 0}},
                            out);
}

mw_status mwi_keras_project(mwi_keras_call *c, int32_t x, int32_t kernel, int32_t bias,
                            int32_t *out)
{
    const mwi_keras_attr attrs[] = {{"keep_num_dims", mwi_keras_tensor(c, x)->rank > 2}, {NULL, 0}};
    return mwi_keras_op(c, "FULLY_CONNECTED", 3, (const int32_t[]){x, kernel, bias}, attrs, out);
}

static mw_status project_dense(mwi_keras_call *c, const mwi_keras_cell *cell, int32_t x,
                               int32_t *out)
{
    return mwi_keras_project(c, x, cell->kernel, cell->bias, out);
}

static mw_status project_dense_state(mwi_keras_call *c, const mwi_keras_cell *cell, int32_t state,
                                     int32_t *out)
{
    return mwi_keras_project(c, state, cell->recurrent, cell->recurrent_bias, out);
}

mw_status mwi_keras_open_dense(mwi_keras_call *c, int32_t n_gates, int32_t n_states,
                               mwi_keras_cell *cell)
{
    if (cell->rank != 2)
        return mwi_fail(c->ctx, MW_EFORMAT,
                        "takes steps of rank %d with the batch, allowed is rank 2", cell->rank);
    MWI_TRY(mwi_keras_int(c->ctx, c->layer, "units|output_dim", MWI_KERAS_REQUIRED, 1,
                          INT32_MAX / n_gates, &cell->units));
    cell->n_gates = n_gates;
    cell->n_states = n_states;
    cell->out_rank = 2;
    cell->out_dims[0] = cell->dims[0];
    cell->out_dims[1] = cell->units;
    cell->project = project_dense;
    cell->project_state = project_dense_state;
    return mwi_keras_gate_kernel(c, cell, "kernel", "kernel", cell->dims[1], 0, n_gates,
                                 &cell->kernel);
}

mw_status mwi_keras_gates(mwi_keras_call *c, int32_t x, int32_t n, int32_t *out)
{
    const mwi_keras_attr attrs[] = {{"num_splits", n}, {NULL, 0}};
    const int32_t last = mwi_keras_tensor(c, x)->rank - 1;
    int32_t axis;

    MWI_TRY(mwi_keras_i32s(c, 1, &last, &axis));
    return mwi_keras_ops(c, "SPLIT", 2, (const int32_t[]){axis, x}, attrs, (size_t)n, out);
}

/* ---- RNN: the layer around a cell; a stack of cells is a cell ---- */

static const char *const rnn_classes[] = {"RNN", NULL};
const mwi_keras_row mwi_keras_layer_rnn = {
    .classes = rnn_classes,
    .summary = "the cell inside, step by step",
    .flags = MWI_KERAS_WRAPPER,
    .check = mwi_keras_recurrent_check,
    .build = mwi_keras_build_recurrent,
};
