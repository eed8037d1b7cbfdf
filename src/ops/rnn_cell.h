/* ops/rnn_cell.h - the simple recurrent cell over time: state = activation(W x + A aux + R state +
 * bias).
 * Depends: ops/cell_rows, ops/shapes.  Used by: RNN, UNIDIRECTIONAL_ and
 * BIDIRECTIONAL_SEQUENCE_RNN.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_OPS_RNN_CELL_H
#define MWI_OPS_RNN_CELL_H

#include "ops/cell_rows.h"
#include "ops/shapes.h"

/* Which inputs of an operator are what; -1: no such input. */
typedef struct mwi_rnn_layout {
    int8_t input, input_w, recurrent_w, bias, state, aux, aux_w;
} mwi_rnn_layout;
extern const mwi_rnn_layout mwi_rnn_plain; /* of RNN and UNIDIRECTIONAL_SEQUENCE_RNN */

typedef struct mwi_rnn_options {
    int32_t activation;
    bool time_major, asymmetric, backward;
    size_t output, output_offset; /* which output; first element in each of its rows */
} mwi_rnn_options;

typedef struct mwi_rnn_state {
    mwi_rnn_layout l;
    mwi_rnn_options o;
    size_t n_time, n_batch, n_input, n_aux, n_units, output_width, scratch_bytes;
    float input_scale, aux_scale, recurrent_scale;
    bool hybrid;
} mwi_rnn_state;

/* Proves presence and shapes of one direction's operands; fills sizes of *s. Fails: MW_EFORMAT. */
MW_MUST_USE mw_status mwi_rnn_check(mw_ctx *ctx, const mwi_view *in, size_t n_in,
                                    const mwi_rnn_layout *layout, bool time_major,
                                    mwi_rnn_state *s);
MW_MUST_USE mw_status mwi_rnn_prepare(mw_ctx *ctx, const mwi_prepare_call *call,
                                      const mwi_rnn_layout *layout, const mwi_rnn_options *options,
                                      mwi_rnn_state *s);
void mwi_rnn_run(const mwi_run_call *call, const mwi_rnn_state *s, void *scratch);
/* Multiply-accumulates of one direction over the whole input. */
uint64_t mwi_rnn_macs(const mwi_view *in, size_t n_in, const mwi_rnn_layout *layout);

#endif
