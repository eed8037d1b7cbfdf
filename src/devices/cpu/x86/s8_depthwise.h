/* devices/cpu/x86/s8_depthwise.h - 8-bit depthwise convolution over rows that are flat: 64 bytes
 * are any 64 neighbours in (pixel, channel) order, and a tap is a distance in bytes. Weights repeat
 * with the channels, so there are as many patterns of 64 as channels and 64 need to meet again.
 * Depends: requant.  Used by: s8_depthwise_conv_2d and its inner loops.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_DEVICES_CPU_X86_S8_DEPTHWISE_H
#define MWI_DEVICES_CPU_X86_S8_DEPTHWISE_H

#include "devices/cpu/x86/requant.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct mwi_dw_layer {
    const int8_t *weights; /* [pattern][group][4][16][4]: four taps of 16 channels a vector */
    const int8_t *ones;    /* [group][4]: 1 for taps that exist */
    const mwi_requant_block *constants; /* [pattern][4], in the order of mwi_requant64_pack */
    const int32_t *taps;                /* [group][4]: bytes from an output's flat place */
    size_t n_groups, n_patterns;
    size_t column_step; /* not 0: the groups are the columns of a filter, this far apart in the
                         * input, and a result's columns are the next one's neighbours */
    int32_t sum_factor; /* weights were moved by it; 0: not */
    int32_t out_zero, low, high;
    bool positive; /* results below zero are cut by the clamp */
} mwi_dw_layer;

/* `n` results of one row, from flat inputs at `in`; reads 64 bytes at each tap. */
void mwi_dw_row(const mwi_dw_layer *layer, const uint8_t *in, size_t n, uint8_t *out);

#endif
