/* compress/prune/masks.h - which weights become zero: the smallest ones, one by one, in blocks, or
 * N of each M.
 * Depends: compress/prune/structure.  Used by: compress/prune.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_COMPRESS_PRUNE_MASKS_H
#define MWI_COMPRESS_PRUNE_MASKS_H

#include "base/arena.h"
#include "compress/prune/structure.h"

/* How the values of a layer's weight lie. */
typedef struct mwi_weight_axes {
    int32_t rank;
    int32_t dims[MW_MAX_RANK];
    int32_t out_axis, in_axis; /* in_axis -1: each output channel reads one input channel */
    size_t n;                  /* values */
} mwi_weight_axes;

typedef struct mwi_mask {
    const mwi_weight_axes *axes;
    const float *values;
    uint8_t *keep; /* axes->n: 1 where the weight stays; set by mwi_masks_choose */
} mwi_mask;

/* Whether the structure says something of such a weight: N:M and blocks need input channels. */
bool mwi_structure_fits(const mwi_structure_desc *structure, const mwi_weight_axes *axes);

/* Chooses by magnitude, of blocks by their mean magnitude; of equal ones the first go first.
 *   sparsity  share of zeros; of blocks at most that; N:M have their own
 *   global    of all masks together; else of each
 * Never leaves a mask (global: all of them) without any weight. */
MW_MUST_USE mw_status mwi_masks_choose(mw_ctx *ctx, const mwi_structure_desc *structure,
                                       double sparsity, bool global, mwi_mask *masks, size_t n);

#endif
