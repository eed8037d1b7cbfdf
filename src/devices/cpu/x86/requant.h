/* devices/cpu/x86/requant.h - constants of requantization, 16 channels a block.
 * Depends: nothing.  Used by: the kernels of 8-bit layers.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_DEVICES_CPU_X86_REQUANT_H
#define MWI_DEVICES_CPU_X86_REQUANT_H

#include <stdint.h>

/* Even channels stand before odd ones in the arrays of 64 bits. */
typedef struct mwi_requant_block {
    int64_t add[16];     /* 2^30 + half * 2^31 */
    int64_t shift64[16]; /* 31 + shift */
    int32_t bias[16];
    int32_t multiplier[32];      /* one place further on, the odd ones stand in even places */
    int32_t shift[16], half[16]; /* to the right; 2^(shift-1), 0 for 0 */
} mwi_requant_block;

/* Sets channel i of a block. */
void mwi_requant_block_set(mwi_requant_block *block, int i, int32_t bias, int32_t multiplier,
                           int32_t shift);

#endif
