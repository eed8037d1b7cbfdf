/* formats/keras/layers/recurrent.h - what all recurrent layers share: a cell, run one step after
 * another and written out: any activation will do. A layer that keeps no state between calls has no
 * variable in the graph, and samples of a batch stay apart.
 * Depends: layers/convolve_3d.  Used by: layers of recurrent networks.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_FORMATS_KERAS_LAYERS_RECURRENT_H
#define MWI_FORMATS_KERAS_LAYERS_RECURRENT_H

#include "formats/keras/layers/convolve_3d.h"

enum { MWI_KERAS_MAX_STATES = 64 };

typedef struct mwi_keras_cell mwi_keras_cell;

/* A cell with its constants. Functions are called with the cell's layer as the call's. */
struct mwi_keras_cell {
    const mwi_keras_layer *layer;
    int32_t n_states;
    int32_t rank; /* of one step's input, with the batch */
    int32_t dims[MW_MAX_RANK];
    int32_t units, n_gates;
    int32_t out_rank; /* of states and results */
    int32_t out_dims[MW_MAX_RANK];
    int32_t kernel, bias;              /* constants; bias -1: none */
    int32_t recurrent, recurrent_rest; /* the second of a GRU, else -1 */
    int32_t recurrent_bias;            /* -1: none */
    mwi_keras_window window;           /* of convolutional cells of one and two dimensions */
    mwi_keras_window_3d window_3d;     /* of three */
    mwi_keras_cell *below;             /* of a stack */
    size_t n_below;
    /* What the input gives to all gates; x has one dimension more when it holds all steps. */
    mw_status (*project)(mwi_keras_call *call, const mwi_keras_cell *cell, int32_t x, int32_t *out);
    /* What a state gives to all gates. */
    mw_status (*project_state)(mwi_keras_call *call, const mwi_keras_cell *cell, int32_t state,
                               int32_t *out);
    /* One step: states are read and replaced; a state is -1 while it is all zero. *out is what the
     * step gives. x  the step's projected input */
    mw_status (*step)(mwi_keras_call *call, const mwi_keras_cell *cell, int32_t x, int32_t *states,
                      int32_t *out);
};

/* The build of every recurrent layer: all steps, then what the config wants returned. */
MW_MUST_USE mw_status mwi_keras_build_recurrent(mwi_keras_call *call);
/* The build of a cell, which is not a layer by itself. */
MW_MUST_USE mw_status mwi_keras_refuse_cell(mwi_keras_call *call);
/* Refuses what no lowering here has. */
MW_MUST_USE mw_status mwi_keras_recurrent_check(mw_ctx *ctx, const mwi_keras_layer *layer);

/* Reads units and kernel of a dense cell and sets its projections; the rest is the cell's. */
MW_MUST_USE mw_status mwi_keras_open_dense(mwi_keras_call *call, int32_t n_gates, int32_t n_states,
                                           mwi_keras_cell *cell);
/* Gates [first, first + n) of a kernel (rows, gates * units) as FULLY_CONNECTED takes it. */
MW_MUST_USE mw_status mwi_keras_gate_kernel(mwi_keras_call *call, const mwi_keras_cell *cell,
                                            const char *weight, const char *tensor, int32_t rows,
                                            int32_t first, int32_t n, int32_t *out);
/* x @ kernel + bias (-1: none). */
MW_MUST_USE mw_status mwi_keras_project(mwi_keras_call *call, int32_t x, int32_t kernel,
                                        int32_t bias, int32_t *out);
/* A value [..., n * units] in n pieces. */
MW_MUST_USE mw_status mwi_keras_gates(mwi_keras_call *call, int32_t x, int32_t n, int32_t *out);
/* Gates i, f, c, o of an LSTM, dense or convolutional. */
MW_MUST_USE mw_status mwi_keras_lstm_step(mwi_keras_call *call, const mwi_keras_cell *cell,
                                          int32_t x, int32_t *states, int32_t *out);

#endif
