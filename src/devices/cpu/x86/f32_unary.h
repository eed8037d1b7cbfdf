/* devices/cpu/x86/f32_unary.h - rows (ops/unary.h) of float functions, and SOFTMAX of one vector.
 * May write where they read.
 * Depends: ops/unary.  Used by: the kernels of this folder.   SPDX-License-Identifier: Apache-2.0
 */
#ifndef MWI_DEVICES_CPU_X86_F32_UNARY_H
#define MWI_DEVICES_CPU_X86_F32_UNARY_H

#include "ops/unary.h"

typedef struct mwi_f32_unary_isa {
    mwi_unary_row relu, relu6, hard_swish; /* the reference rows' values */
    mwi_unary_row logistic, tanh;          /* to a few units in the last place */
    void (*softmax)(const float *in, float *out, size_t n, float beta);
} mwi_f32_unary_isa;

extern const mwi_f32_unary_isa mwi_f32_unary_avx512, mwi_f32_unary_avx2;

#endif
