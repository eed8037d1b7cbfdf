/* compress/prune/channel_ties.h - which indices of which dimensions of a graph must go together
 * when a channel is removed: a node for each index of each dimension of each tensor, tied by what
 * the operators' rows say.
 * Depends: ops/.  Used by: compress/prune.
 * Holds:   (1) an index goes when its class goes, in all tensors at once;  (2) a fixed class stays:
 *          it reaches an input or output of the model, or an operator of which no rule is known.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_COMPRESS_PRUNE_CHANNEL_TIES_H
#define MWI_COMPRESS_PRUNE_CHANNEL_TIES_H

#include "ops/registry.h"

typedef struct mwi_channel_ties {
    const mwi_graph *graph;
    size_t n_nodes;
    uint32_t *first;  /* tensor * MW_MAX_RANK + axis: the node of index 0 */
    uint32_t *parent; /* union-find */
    uint8_t *fixed;   /* by class, the root of its nodes */
    uint8_t *gone;    /* by class: is removed */
} mwi_channel_ties;

/* Ties all nodes of the graph; memory from `arena`.
 * Fails: MW_ELIMIT, MW_ENOMEM. */
MW_MUST_USE mw_status mwi_channel_ties_find(mw_ctx *ctx, const mwi_graph *graph, mwi_arena *arena,
                                            mwi_channel_ties *out);

static inline uint32_t mwi_channel_node(const mwi_channel_ties *c, int32_t tensor, int32_t axis,
                                        int32_t index)
{
    return c->first[(size_t)tensor * MW_MAX_RANK + (size_t)axis] + (uint32_t)index;
}
uint32_t mwi_channel_class(const mwi_channel_ties *c, uint32_t node);
static inline bool mwi_channel_is_gone(const mwi_channel_ties *c, int32_t tensor, int32_t axis,
                                       int32_t index)
{
    return c->gone[mwi_channel_class(c, mwi_channel_node(c, tensor, axis, index))] != 0;
}
/* How many indices of a dimension stay. */
int32_t mwi_channels_left(const mwi_channel_ties *c, int32_t tensor, int32_t axis);

/* For the rules. */
void mwi_tie(mwi_channel_ties *c, uint32_t a, uint32_t b);
void mwi_fix(mwi_channel_ties *c, uint32_t node);
void mwi_fix_axis(mwi_channel_ties *c, int32_t tensor, int32_t axis);
void mwi_fix_tensor(mwi_channel_ties *c, int32_t tensor); /* accepts -1 */
/* Index by index where both are as long; else (one is broadcast) what has one index stays. */
void mwi_tie_axes(mwi_channel_ties *c, int32_t a, int32_t axis_a, int32_t b, int32_t axis_b);

/* channel_rules.c: what one operator ties. */
void mwi_tie_op(mwi_channel_ties *c, const mwi_op *op);

#endif
