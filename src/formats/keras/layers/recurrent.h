/* formats/keras/layers/recurrent.h - what LSTM, GRU and SimpleRNN share: one step after another,
 * written out. A layer that keeps no state between calls has no variable in the graph: samples of
 * a batch stay apart, and any activation will do.
 * Depends: formats/keras/layer.  Used by: layers of recurrent networks.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_FORMATS_KERAS_LAYERS_RECURRENT_H
#define MWI_FORMATS_KERAS_LAYERS_RECURRENT_H

#include "formats/keras/layer.h"

enum { MWI_KERAS_MAX_STATES = 2 };

typedef struct mwi_keras_recurrent mwi_keras_recurrent;
/* One step: states are read and replaced; a state is -1 while it is all zero. *out is what the step
 * gives. x  the step's projected input [batch, gates * units] */
typedef mw_status (*mwi_keras_step_fn)(mwi_keras_call *call, const mwi_keras_recurrent *r,
                                       int32_t x, int32_t *states, int32_t *out);

struct mwi_keras_recurrent {
    int32_t units, n_gates, n_states;
    int32_t n_in, n_steps;
    int32_t recurrent,
        recurrent_rest;     /* constants: recurrent kernels; the second of a GRU, else -1 */
    int32_t recurrent_bias; /* -1: none */
    int32_t recurrent_bias_rest;
    mwi_keras_step_fn step;
};

/* Refuses what no lowering here has: masks are seen when the graph is built, the rest in the
 * config. */
MW_MUST_USE mw_status mwi_keras_recurrent_check(mw_ctx *ctx, const mwi_keras_layer *layer);
/* Reads units and shapes from call and config. */
MW_MUST_USE mw_status mwi_keras_recurrent_start(mwi_keras_call *call, int32_t n_gates,
                                                int32_t n_states, mwi_keras_recurrent *out);
/* Gates [first, first + n) of a kernel (rows, gates * units) as FULLY_CONNECTED takes it. */
MW_MUST_USE mw_status mwi_keras_gate_kernel(mwi_keras_call *call, const mwi_keras_recurrent *r,
                                            const char *weight, const char *tensor, int32_t rows,
                                            int32_t first, int32_t n, int32_t *out);
/* x @ kernel + bias (-1: none). */
MW_MUST_USE mw_status mwi_keras_project(mwi_keras_call *call, int32_t x, int32_t kernel,
                                        int32_t bias, int32_t *out);
/* A value [batch, n * units] in n pieces. */
MW_MUST_USE mw_status mwi_keras_gates(mwi_keras_call *call, int32_t x, int32_t n, int32_t *out);
/* All steps over x @ kernel + bias, then what the config wants returned. */
MW_MUST_USE mw_status mwi_keras_recurrent_run(mwi_keras_call *call, const mwi_keras_recurrent *r,
                                              int32_t kernel, int32_t bias);

#endif
