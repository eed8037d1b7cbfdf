/* compress/prune/channels.h - removing whole channels: which go, and the smaller graph.
 * Depends: compress/prune/channel_ties.  Used by: compress/prune.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_COMPRESS_PRUNE_CHANNELS_H
#define MWI_COMPRESS_PRUNE_CHANNELS_H

#include "compress/prune/channel_ties.h"
#include "compress/prune/layer_weights.h"

/* mw_prune with MW_STRUCTURE_CHANNEL. */
MW_MUST_USE mw_status mwi_prune_channels(mw_ctx *ctx, const mw_model *model,
                                         const mw_prune_options *options, mw_model **out_model,
                                         mw_prune_report *out_report);

/* The same with `width` times the channels of each layer in place of a share of the
 * multiply-accumulates, 0 < width < 1: the strongest stay. Layers that reach an input or output
 * keep theirs. */
MW_MUST_USE mw_status mwi_thin_channels(mw_ctx *ctx, const mw_model *model, double width,
                                        mw_model **out_model);

/* How many channels go. */
typedef struct mwi_channel_goal {
    double share; /* of the multiply-accumulates that are removed */
    double width; /* share of each layer's channels that stays; 0: by `share` */
    bool global;  /* by importance over all layers; else the same share of each layer's channels */
} mwi_channel_goal;

/* channels_choose.c: marks classes as gone, from the least important on, until the goal is reached.
 *   weights  of the graph; those with a reason keep their outputs
 *   macs     of one run of the graph
 * Fails: MW_EUNSUPPORTED (nothing can be removed, or not so much). */
MW_MUST_USE mw_status mwi_channels_choose(mw_ctx *ctx, mwi_channel_ties *ties,
                                          const mwi_layer_weight *weights, size_t n, uint64_t macs,
                                          const mwi_channel_goal *goal, mwi_arena *arena);

/* channels_remove.c: takes the classes that are gone out of the graph, in place: dimensions,
 * constants, scales, shapes that constants hold. Ties are those of an equal graph.
 * Fails: as inference does. */
MW_MUST_USE mw_status mwi_channels_remove(mw_ctx *ctx, mw_model *model,
                                          const mwi_channel_ties *ties);

#endif
