/* compress/prune/structure.h - structures of zeros, a row each (structures.def), and schedules of
 * sparsity.
 * Depends: nothing.  Used by: compress/, api.     SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_COMPRESS_PRUNE_STRUCTURE_H
#define MWI_COMPRESS_PRUNE_STRUCTURE_H

#include <milliwatt/prune.h>

/* Weights become zero in units of block_out x block_in; with `of`, of each unit of 1 x of weights
 * `keep` stay. */
typedef struct mwi_structure_desc {
    mw_structure structure;
    const char *name;
    size_t block_out, block_in; /* 0: not by weights (channels) */
    size_t keep, of;
    const char *summary;
} mwi_structure_desc;

extern const mwi_structure_desc mwi_structures[];             /* ends with a NULL name */
const mwi_structure_desc *mwi_structure_find(int32_t number); /* NULL: none */

typedef struct mwi_prune_schedule_desc {
    mw_prune_schedule schedule;
    const char *name, *summary;
    /* Sparsity when `share` of the way from the begin to the end step is done, 0 to 1. */
    double (*at)(const mw_prune_options *options, double share);
} mwi_prune_schedule_desc;

extern const mwi_prune_schedule_desc mwi_prune_schedules[];             /* ends with a NULL name */
const mwi_prune_schedule_desc *mwi_prune_schedule_find(int32_t number); /* NULL: none */

#endif
