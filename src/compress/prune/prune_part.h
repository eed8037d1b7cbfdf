/* compress/prune/prune_part.h - pruning as a part of a training run: what other parts ask of it.
 * Depends: train/trainer.  Used by: compress/cluster.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_COMPRESS_PRUNE_PART_H
#define MWI_COMPRESS_PRUNE_PART_H

#include <milliwatt/prune.h>

#include "train/trainer.h"

/* The step from which on what is zero stays the same; 0: from the start. options may be NULL. */
uint64_t mwi_prune_end_step(const mw_prune_options *options, const mw_trainer *trainer);

#endif
