/* ops/lstm_cell.h - the LSTM cell that LSTM, UNIDIRECTIONAL_ and BIDIRECTIONAL_SEQUENCE_LSTM run
 * over time: peepholes, projection, coupled input and forget gates, layer normalization; float,
 * hybrid and integer.
 * Depends: ops/shapes, ops/fixed.  Used by: those operators.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_OPS_LSTM_CELL_H
#define MWI_OPS_LSTM_CELL_H

#include "ops/cell_rows.h"
#include "ops/fixed.h"
#include "ops/shapes.h"

enum { MWI_GATE_INPUT, MWI_GATE_FORGET, MWI_GATE_CELL, MWI_GATE_OUTPUT, MWI_N_GATES };

/* Which inputs of an operator are what, by gate; -1: no such input. */
typedef struct mwi_lstm_layout {
    int8_t input, input_w[MWI_N_GATES], recurrent_w[MWI_N_GATES], peephole[MWI_N_GATES],
        bias[MWI_N_GATES];
    int8_t projection_w, projection_b, output_state, cell_state, norm[MWI_N_GATES];
    int8_t aux, aux_w[MWI_N_GATES];
} mwi_lstm_layout;
/* Of LSTM and UNIDIRECTIONAL_SEQUENCE_LSTM. */
extern const mwi_lstm_layout mwi_lstm_full;

/* What attributes say, and where the outputs go. */
typedef struct mwi_lstm_options {
    int32_t activation;
    float cell_clip, proj_clip;
    bool time_major, asymmetric, backward;
    size_t output, output_offset; /* which output; first element in each of its rows */
} mwi_lstm_options;

typedef struct mwi_lstm_dims {
    size_t n_time, n_batch, n_input, n_aux, n_cell, n_output;
} mwi_lstm_dims;

/* Proves presence and shapes of all operands of one direction. Fails: MW_EFORMAT. */
MW_MUST_USE mw_status mwi_lstm_check(mw_ctx *ctx, const mwi_view *in, size_t n_in,
                                     const mwi_lstm_layout *layout, const mwi_lstm_options *options,
                                     mwi_lstm_dims *out);
/* Multiply-accumulates of one step of one batch item; 0 when weights are missing. */
uint64_t mwi_lstm_macs_a_step(const mwi_view *in, size_t n_in, const mwi_lstm_layout *layout);
/* Whether all recurrent weights are diagonals: the form in which hybrid kernels have them in float.
 */
bool mwi_lstm_is_diagonal(const mwi_prepare_call *call);
/* NULL when the layout has no such input or it is left out. */
const mwi_view *mwi_lstm_input(const mwi_view *in, size_t n_in, int index);

/* Integer parameters: the int8 kernel with 16-bit gates. */
typedef struct mwi_lstm_int_gate {
    mwi_multiplier input, recurrent, peephole, norm;
    const int32_t *input_bias, *recurrent_bias; /* zero points folded in */
    int32_t variance_guard;
} mwi_lstm_int_gate;
typedef struct mwi_lstm_int {
    mwi_lstm_int_gate gates[MWI_N_GATES];
    mwi_multiplier projection, hidden;
    const int32_t *projection_bias;
    int32_t hidden_zero, output_zero, cell_scale_log2, cell_clip, proj_clip;
} mwi_lstm_int;

typedef struct mwi_lstm_state {
    const mwi_lstm_layout *layout;
    mwi_lstm_options o;
    mwi_lstm_dims d;
    bool hybrid;
    float input_scale[MWI_N_GATES], aux_scale[MWI_N_GATES], recurrent_scale[MWI_N_GATES];
    float peephole_scale[MWI_N_GATES], projection_scale;
    size_t output_width; /* elements in a row of the output */
    size_t scratch_bytes;
    mwi_lstm_int q;
} mwi_lstm_state;

/* Fills a state for one direction; s->scratch_bytes is what its run needs. */
MW_MUST_USE mw_status mwi_lstm_prepare_float(mw_ctx *ctx, mwi_prepare_call *call,
                                             const mwi_lstm_layout *layout,
                                             const mwi_lstm_options *options, mwi_lstm_state *s);
MW_MUST_USE mw_status mwi_lstm_prepare_int(mw_ctx *ctx, mwi_prepare_call *call,
                                           const mwi_lstm_layout *layout,
                                           const mwi_lstm_options *options, mwi_lstm_state *s);
void mwi_lstm_run_float(const mwi_run_call *call, const mwi_lstm_state *s, void *scratch);
void mwi_lstm_run_int(const mwi_run_call *call, const mwi_lstm_state *s, void *scratch);

#endif
