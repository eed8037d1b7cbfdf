/* ops/fixed16.h - gemmlowp's 16-bit fixed-point functions, to the bit: logistic and tanh of
 * integer LSTMs. A Qm.n number is an int16 with n = 15 - m fractional bits.
 * Depends: nothing.  Used by: ops/lstm_cell.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_OPS_FIXED16_H
#define MWI_OPS_FIXED16_H

#include <stdint.h>

/* logistic(a), tanh(a): a in Q(integer_bits), 0 to 6; result Q0. */
int16_t mwi_logistic16(int16_t a, int integer_bits);
int16_t mwi_tanh16(int16_t a, int integer_bits);

#endif
