/* ops/lstm_basic.h - the LSTM operator's BASIC kernel: one step of TensorFlow's BasicLSTMCell.
 * Inputs: x [n,i], previous output [n,u], weights [4u,i+u], bias [4u], previous state [n,u].
 * Outputs: output, state [n,u], x beside the previous output [n,i+u], gates before their functions
 * [n,4u].
 * Depends: ops/shapes.  Used by: ops/lstm.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_OPS_LSTM_BASIC_H
#define MWI_OPS_LSTM_BASIC_H

#include "ops/shapes.h"

MW_MUST_USE mw_status mwi_lstm_basic_infer(mw_ctx *ctx, mwi_shape_call *call);
mw_status mwi_lstm_basic_prepare_u8(mw_ctx *ctx, mwi_prepare_call *call);
mw_status mwi_lstm_basic_run_f32(mw_ctx *ctx, const mwi_run_call *call);
mw_status mwi_lstm_basic_run_u8(mw_ctx *ctx, const mwi_run_call *call);

#endif
