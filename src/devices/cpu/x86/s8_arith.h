/* devices/cpu/x86/s8_arith.h - rows (ops/binary.h) of 8-bit arithmetic; no multiplier shifts to
 * the left. May write where they read.
 * Depends: ops/binary.  Used by: the kernels of this folder.   SPDX-License-Identifier: Apache-2.0
 */
#ifndef MWI_DEVICES_CPU_X86_S8_ARITH_H
#define MWI_DEVICES_CPU_X86_S8_ARITH_H

#include "ops/binary.h"

#define MWI_ARITH_ROW(name)                                                                        \
    void name(const void *s, const void *a, size_t step_a, const void *b, size_t step_b,           \
              void *out, size_t n)
MWI_ARITH_ROW(mwi_s8_add_row);
MWI_ARITH_ROW(mwi_u8_add_row);
MWI_ARITH_ROW(mwi_s8_sub_row);
MWI_ARITH_ROW(mwi_u8_sub_row);
MWI_ARITH_ROW(mwi_s8_mul_row);
MWI_ARITH_ROW(mwi_u8_mul_row);

#endif
