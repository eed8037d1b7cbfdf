/* compress/quantize/equalize_groups.c - channels that must be scaled together. A walk from a
 * layer's output over all that it meets: forwards to its readers, and backwards from additions to
 * what else they add. It ends at layers; where it meets anything else, the channels cannot be
 * scaled.
 * Depends: compress/quantize/job, patches.  Used by: equalize.
 * SPDX-License-Identifier: Apache-2.0 */
#include "compress/quantize/equalize_groups.h"

#include "compress/quantize/readers.h"

#include <string.h>

struct walk {
    mwi_qjob *job;
    mwi_uses uses;
    mwi_readers readers;
    bool *seen; /* by tensor */
    mwi_shared_channels *group;
    bool fails;
};

static bool is_linear_or_relu(const mwi_op *op)
{
    const int32_t act = mwi_op_get_i32(op, "fused_activation_function", MWI_ACT_NONE);
    return act == MWI_ACT_NONE || act == MWI_ACT_RELU;
}

static int32_t last_dim(const mwi_tensor *t) { return t->rank > 0 ? t->dims[t->rank - 1] : 0; }

/* A reduction over anything but channels. */
static bool keeps_channels(const mwi_graph *g, const mwi_op *op)
{
    const mwi_tensor *const in = g->tensors[op->in[0]];
    const mwi_tensor *const axes = op->n_in > 1 && op->in[1] >= 0 ? g->tensors[op->in[1]] : NULL;

    if (axes == NULL || axes->data == NULL || axes->dtype != MW_INT32) return false;
    for (size_t i = 0; i < axes->bytes / sizeof(int32_t); i++) {
        const int32_t a = ((const int32_t *)axes->data)[i];
        if (a == -1 || a == in->rank - 1) return false;
    }
    return true;
}

static bool has(const mwi_op *op, uint32_t trait) { return (op->desc->traits & trait) != 0; }

/* Operators that give a channel times a positive factor for a channel times that factor. */
static bool passes_factors(const mwi_graph *g, const mwi_op *op)
{
    if (op->n_out != 1 || op->n_in < 1 || op->in[0] < 0 || !is_linear_or_relu(op)) return false;
    const mwi_tensor *const in = g->tensors[op->in[0]], *const out = g->tensors[op->out[0]];
    if (last_dim(in) <= 0) return false;
    if (has(op, MWI_OP_VIEW)) return last_dim(out) % last_dim(in) == 0; /* they stay innermost */
    if (!has(op, MWI_OP_SCALES_BY_CHANNEL)) return false;
    if (has(op, MWI_OP_REDUCES)) return keeps_channels(g, op);
    return in->rank == out->rank && last_dim(in) == last_dim(out);
}

/* The same, with channels that stay where they are. */
static bool keeps_shape(const mwi_graph *g, const mwi_op *op)
{
    return passes_factors(g, op) && !has(op, MWI_OP_VIEW) && !has(op, MWI_OP_REDUCES);
}

/* An addition of two computed values of one shape. */
static bool is_join(const mwi_graph *g, const mwi_op *op)
{
    if (op->desc != &mwi_op_add || !is_linear_or_relu(op)) return false;
    const mwi_tensor *const a = g->tensors[op->in[0]], *const b = g->tensors[op->in[1]];
    return !mwi_tensor_is_const(a) && !mwi_tensor_is_const(b) && a->rank == b->rank &&
           memcmp(a->dims, b->dims, (size_t)a->rank * sizeof *a->dims) == 0;
}

static bool own_weight(const struct walk *w, const mwi_op *op)
{
    return op->n_in > 1 && op->in[1] >= 0 && w->uses.n_uses[op->in[1]] == 1 &&
           (op->n_in < 3 || op->in[2] < 0 ||
            (w->uses.n_uses[op->in[2]] == 1 &&
             mwi_tensor_is_const(w->job->fg->tensors[op->in[2]])));
}

static mw_status add_layer(mw_ctx *ctx, struct walk *w, mwi_shared_layer **list, size_t *n,
                           size_t *capacity, const mwi_patches *patches, size_t value)
{
    MWI_TRY(mwi_arena_grow(ctx, &w->job->arena, list, *n, capacity, sizeof(mwi_shared_layer)));
    (*list)[(*n)++] = (mwi_shared_layer){.patches = *patches, .value = value};
    return MW_OK;
}

static mw_status add_value(mw_ctx *ctx, struct walk *w, int32_t tensor, size_t *out)
{
    mwi_shared_channels *const g = w->group;

    MWI_TRY(mwi_arena_grow(ctx, &w->job->arena, &g->values, g->n_values, &g->values_capacity,
                           sizeof(mwi_shared_value)));
    *out = g->n_values;
    g->values[g->n_values++] = (mwi_shared_value){.tensor = tensor};
    return MW_OK;
}

static mw_status visit(mw_ctx *ctx, struct walk *w, int32_t tensor, bool forwards, size_t source,
                       uint32_t depth);

static mw_status visit_reader(mw_ctx *ctx, struct walk *w, const mwi_op *op, int32_t tensor,
                              size_t value, uint32_t depth)
{
    const mwi_graph *const g = w->job->fg;
    mwi_shared_channels *const group = w->group;
    const size_t channels = group->channels;
    mwi_patches p;

    if (mwi_patches_of(g, op, &p) && op->in[0] == tensor && op->in[1] != tensor) {
        const bool fits =
            (size_t)p.channels % channels == 0 && (p.n_groups > 1 || p.k_channels % channels == 0);
        if (!fits || !own_weight(w, op))
            w->fails = true;
        else
            return add_layer(ctx, w, &group->readers, &group->n_readers, &group->readers_capacity,
                             &p, value);
        return MW_OK;
    }
    if (is_join(g, op) && (size_t)last_dim(g->tensors[tensor]) == channels)
        return visit(ctx, w, op->out[0], false, value, depth);
    if (passes_factors(g, op) && op->in[0] == tensor)
        return visit(ctx, w, op->out[0], true, value, depth);
    w->fails = true;
    return MW_OK;
}

/* What makes a value: a layer, an addition, or what passes factors on. */
static mw_status visit_maker(mw_ctx *ctx, struct walk *w, int32_t tensor, size_t *value,
                             uint32_t depth)
{
    const mwi_graph *const g = w->job->fg;
    mwi_shared_channels *const group = w->group;
    const int32_t at = w->uses.producer[tensor];
    mwi_patches p;

    w->fails = w->fails || at < 0 || (size_t)last_dim(g->tensors[tensor]) != group->channels;
    if (w->fails) return MW_OK;
    const mwi_op *const op = g->ops[at];
    MWI_TRY(add_value(ctx, w, tensor, value));
    if (mwi_patches_of(g, op, &p)) {
        if (!own_weight(w, op) || !is_linear_or_relu(op) || p.n_out != group->channels)
            w->fails = true;
        else
            return add_layer(ctx, w, &group->producers, &group->n_producers,
                             &group->producers_capacity, &p, 0);
        return MW_OK;
    }
    if (is_join(g, op)) {
        MWI_TRY(visit(ctx, w, op->in[0], false, 0, depth));
        return visit(ctx, w, op->in[1], false, 0, depth);
    }
    if (keeps_shape(g, op)) return visit(ctx, w, op->in[0], false, 0, depth);
    w->fails = true;
    return MW_OK;
}

/* forwards: the value was reached through the operator that makes it, from the value `source`. */
static mw_status visit(mw_ctx *ctx, struct walk *w, int32_t tensor, bool forwards, size_t source,
                       uint32_t depth)
{
    const mwi_graph *const g = w->job->fg;
    size_t value = source;

    if (w->fails || w->seen[tensor]) return MW_OK;
    w->seen[tensor] = true;
    w->fails = mwi_graph_is_output(g, tensor) || depth > mwi_limits(ctx)->max_depth;
    if (!forwards) MWI_TRY(visit_maker(ctx, w, tensor, &value, depth + 1));
    const int32_t *const readers = w->readers.ops;
    const size_t first = w->readers.first[tensor], end = w->readers.first[tensor + 1];
    for (size_t r = first; r < end && !w->fails; r++)
        if (r == first || readers[r] != readers[r - 1])
            MWI_TRY(visit_reader(ctx, w, g->ops[readers[r]], tensor, value, depth + 1));
    return MW_OK;
}

mw_status mwi_shared_channels_find(mw_ctx *ctx, mwi_qjob *job, mwi_shared_channels **out,
                                   size_t *out_n)
{
    struct walk w = {.job = job};
    void *memory;

    *out_n = 0;
    MWI_TRY(mwi_graph_uses(ctx, job->fg, &job->arena, &w.uses));
    MWI_TRY(mwi_readers_find(ctx, job->fg, &job->arena, &w.readers));
    MWI_TRY(mwi_arena_array(ctx, &job->arena, job->fg->n_tensors, sizeof(bool), &memory));
    w.seen = memory;
    MWI_TRY(
        mwi_arena_array(ctx, &job->arena, job->fg->n_ops, sizeof(mwi_shared_channels), &memory));
    *out = memory;
    for (size_t i = 0; i < job->fg->n_ops; i++) {
        const mwi_op *const op = job->fg->ops[i];
        mwi_patches p;
        if (!mwi_patches_of(job->fg, op, &p) || w.seen[op->out[0]]) continue;
        w.group = &(*out)[*out_n];
        w.fails = false;
        memset(w.group, 0, sizeof *w.group);
        w.group->channels = p.n_out;
        MWI_TRY(visit(ctx, &w, op->out[0], false, 0, 0));
        *out_n += !w.fails && w.group->n_readers > 0;
    }
    return MW_OK;
}

size_t mwi_shared_channel_at(const mwi_patches *p, size_t o, size_t j, size_t channels)
{
    const size_t group = o / (p->n_out / p->n_groups);
    return (group * p->k_channels + j % p->k_channels) % channels;
}
