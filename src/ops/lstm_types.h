/* ops/lstm_types.h - type lists of LSTM and UNIDIRECTIONAL_SEQUENCE_LSTM: x values, w matrices, r
 * recurrent ones, p peepholes, b biases, s output state, c cell state, n normalization.
 * Depends: nothing.  Used by: those two rows.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_OPS_LSTM_TYPES_H
#define MWI_OPS_LSTM_TYPES_H

#define MWI_LSTM_TYPES(x, w, r, p, b, s, c, n)                                                     \
    x "," w "?," w "," w "," w "," r "?," r "," r "," r "," p "?," p "?," p "?," b "?," b "," b    \
      "," b "," w "?," b "?," s "," c "," n "?," n "?," n "?," n "?>" x
#define MWI_LSTM_F32       MWI_LSTM_TYPES("f32", "f32", "f32", "f32", "f32", "f32", "f32", "f32")
#define MWI_LSTM_HYBRID(w) MWI_LSTM_TYPES("f32", w, w, w, "f32", "f32", "f32", "f32")
#define MWI_LSTM_HYBRID_DIAGONAL                                                                   \
    MWI_LSTM_TYPES("f32", "i8", "f32", "i8", "f32", "f32", "f32", "f32")
#define MWI_LSTM_INT MWI_LSTM_TYPES("i8", "i8", "i8", "i16", "i32", "i8", "i16", "i16")

#endif
