/* compress/prune/channel_ties.c - see channel_ties.h.     SPDX-License-Identifier: Apache-2.0 */
#include "compress/prune/channel_ties.h"

#include "base/checked.h"

uint32_t mwi_channel_class(const mwi_channel_ties *c, uint32_t node)
{
    while (c->parent[node] != node) {
        c->parent[node] = c->parent[c->parent[node]]; /* halves the way for the next one */
        node = c->parent[node];
    }
    return node;
}

void mwi_tie(mwi_channel_ties *c, uint32_t a, uint32_t b)
{
    const uint32_t x = mwi_channel_class(c, a), y = mwi_channel_class(c, b);
    const uint32_t low = x < y ? x : y, high = x < y ? y : x;

    if (x == y) return;
    c->parent[high] = low;
    c->fixed[low] |= c->fixed[high];
}

void mwi_fix(mwi_channel_ties *c, uint32_t node) { c->fixed[mwi_channel_class(c, node)] = 1; }

void mwi_fix_axis(mwi_channel_ties *c, int32_t tensor, int32_t axis)
{
    for (int32_t i = 0; i < c->graph->tensors[tensor]->dims[axis]; i++)
        mwi_fix(c, mwi_channel_node(c, tensor, axis, i));
}

void mwi_fix_tensor(mwi_channel_ties *c, int32_t tensor)
{
    for (int32_t axis = 0; tensor >= 0 && axis < c->graph->tensors[tensor]->rank; axis++)
        mwi_fix_axis(c, tensor, axis);
}

void mwi_tie_axes(mwi_channel_ties *c, int32_t a, int32_t axis_a, int32_t b, int32_t axis_b)
{
    const int32_t n = c->graph->tensors[a]->dims[axis_a], m = c->graph->tensors[b]->dims[axis_b];

    for (int32_t i = 0; i < n && n == m; i++)
        mwi_tie(c, mwi_channel_node(c, a, axis_a, i), mwi_channel_node(c, b, axis_b, i));
    if (n == m) return;
    if (n == 1) mwi_fix_axis(c, a, axis_a);
    if (m == 1) mwi_fix_axis(c, b, axis_b);
    if (n == 1 || m == 1) return;
    mwi_fix_axis(c, a, axis_a);
    mwi_fix_axis(c, b, axis_b);
}

int32_t mwi_channels_left(const mwi_channel_ties *c, int32_t tensor, int32_t axis)
{
    int32_t n = 0;

    for (int32_t i = 0; i < c->graph->tensors[tensor]->dims[axis]; i++)
        n += !mwi_channel_is_gone(c, tensor, axis, i);
    return n;
}

static mw_status make_nodes(mw_ctx *ctx, mwi_arena *arena, mwi_channel_ties *c)
{
    void *memory;
    size_t n = 0;

    MWI_TRY(
        mwi_arena_array(ctx, arena, c->graph->n_tensors, MW_MAX_RANK * sizeof *c->first, &memory));
    c->first = memory;
    for (size_t t = 0; t < c->graph->n_tensors; t++) {
        for (int32_t axis = 0; axis < c->graph->tensors[t]->rank; axis++) {
            c->first[t * MW_MAX_RANK + (size_t)axis] = (uint32_t)n;
            if (!mwi_add(n, (size_t)c->graph->tensors[t]->dims[axis], &n) || n > UINT32_MAX / 2)
                return mwi_fail(ctx, MW_ELIMIT, "too many channels to follow");
        }
    }
    c->n_nodes = n;
    MWI_TRY(mwi_arena_array(ctx, arena, n, sizeof *c->parent, &memory));
    c->parent = memory;
    for (size_t i = 0; i < n; i++) c->parent[i] = (uint32_t)i;
    MWI_TRY(mwi_arena_array(ctx, arena, n, 1, &memory));
    c->fixed = memory;
    MWI_TRY(mwi_arena_array(ctx, arena, n, 1, &memory));
    c->gone = memory;
    return MW_OK;
}

mw_status mwi_channel_ties_find(mw_ctx *ctx, const mwi_graph *g, mwi_arena *arena,
                                mwi_channel_ties *out)
{
    *out = (mwi_channel_ties){.graph = g};
    MWI_TRY(make_nodes(ctx, arena, out));
    for (size_t i = 0; i < g->n_inputs; i++) mwi_fix_tensor(out, g->inputs[i]);
    for (size_t i = 0; i < g->n_outputs; i++) mwi_fix_tensor(out, g->outputs[i]);
    for (size_t t = 0; t < g->n_tensors; t++)
        if (g->tensors[t]->is_variable) mwi_fix_tensor(out, (int32_t)t);
    for (size_t i = 0; i < g->n_ops; i++) mwi_tie_op(out, g->ops[i]);
    return MW_OK;
}
