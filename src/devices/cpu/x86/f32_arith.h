/* devices/cpu/x86/f32_arith.h - rows (ops/binary.h) of float arithmetic with a fused clamp. May
 * write where they read.
 * Depends: ops/binary.  Used by: the kernels of this folder.   SPDX-License-Identifier: Apache-2.0
 */
#ifndef MWI_DEVICES_CPU_X86_F32_ARITH_H
#define MWI_DEVICES_CPU_X86_F32_ARITH_H

#include "ops/binary.h"

typedef struct mwi_f32_arith_isa {
    mwi_binary_row add, sub, mul;
} mwi_f32_arith_isa;

extern const mwi_f32_arith_isa mwi_f32_arith_avx512, mwi_f32_arith_avx2;

#endif
