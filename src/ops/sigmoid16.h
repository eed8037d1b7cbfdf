/* ops/sigmoid16.h - the 16-bit logistic function by a table of 256 points, shared by LOGISTIC and
 * TANH.
 * Depends: ops/fixed.  Used by: ops/logistic, ops/tanh.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_OPS_SIGMOID16_H
#define MWI_OPS_SIGMOID16_H

#include "ops/fixed.h"

/* Scaled inputs of this size saturate: LOGISTIC reads the table by 9 bits less, TANH by 8. */
enum { MWI_SIGMOID16_END = 1 << 17 };

typedef struct mwi_sigmoid16 {
    int32_t multiplier, left_shift; /* multiplier 0: the scale is a power of two */
    uint16_t table[256];            /* 65536 * logistic(i / 24) */
} mwi_sigmoid16;

/* pot_shifts: how far a power-of-two scale may be shifted: 0 for LOGISTIC, 1 for TANH. */
MW_MUST_USE mw_status mwi_sigmoid16_prepare(mw_ctx *ctx, mwi_prepare_call *call,
                                            int32_t pot_shifts);
/* The input times 3/4 of 2^12 a unit, rounded; no farther than the table's end. */
static inline int32_t mwi_sigmoid16_scaled(const mwi_sigmoid16 *s, int16_t x)
{
    const int64_t m = s->multiplier == 0 ? 3 << s->left_shift : s->multiplier;
    const int32_t shift = s->multiplier == 0 ? 0 : s->left_shift;
    const int64_t v = (x * m + (shift > 0 ? (int64_t)1 << (shift - 1) : 0)) >> shift;
    return (int32_t)(v < -MWI_SIGMOID16_END  ? -MWI_SIGMOID16_END
                     : v > MWI_SIGMOID16_END ? MWI_SIGMOID16_END
                                             : v);
}

#endif
