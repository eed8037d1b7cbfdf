/* compress/prune/channels_choose.c - which channels go: the importance of a class of channels is
 * the mean over its layers of the squared norm of its filters, each beside the mean of its layer.
 * A batch normalisation behind a layer scales its filters by gamma over the deviation, as folding
 * would.
 * Depends: compress/prune/channels, ops/.  Used by: mwi_prune_channels.
 * SPDX-License-Identifier: Apache-2.0 */
#include "compress/prune/channels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Of each layer's channels at least this share stays: none is cut through by a global order. */
static const double MIN_STAY = 0.1;

typedef struct candidate {
    uint32_t class;
    uint32_t home;     /* the first weight that makes it */
    double importance; /* sum, then mean, over the layers */
    uint32_t n_layers;
    double key; /* candidates go in its order */
} candidate;

struct job {
    mwi_channel_ties *ties;
    const mwi_layer_weight *weights;
    size_t n_weights;
    double *macs; /* by weight: of its layer at full size */
    double other_macs;
    candidate *list;
    size_t n;
    int32_t *place; /* by node that is a class: in list, -1 */
    mwi_arena *arena;
};

/* ---- importance ---- */

/* By output channel, what the batch normalisation behind the layer multiplies by; all 1 without. */
static void find_factors(const mwi_graph *g, const mwi_op *layer, int32_t n, double *out)
{
    for (int32_t i = 0; i < n; i++) out[i] = 1;
    for (size_t k = 0; k < g->n_ops; k++) {
        const mwi_op *const op = g->ops[k];
        if (op->desc != &mwi_op_batch_normalization || op->in[0] != layer->out[0]) continue;
        const mwi_tensor *const gamma = op->in[1] < 0 ? NULL : g->tensors[op->in[1]];
        const mwi_tensor *const variance = op->in[4] < 0 ? NULL : g->tensors[op->in[4]];
        const mwi_field *const f = mwi_op_field(op->desc, "epsilon");
        const double epsilon =
            f == NULL ? 0 : (double)*(const float *)((const char *)op->attr + f->offset);
        for (int32_t i = 0; i < n; i++) {
            if (gamma != NULL && gamma->data != NULL && gamma->dims[0] == n)
                out[i] *= fabs((double)((const float *)gamma->data)[i]);
            if (variance != NULL && variance->data != NULL && variance->dims[0] == n)
                out[i] /= sqrt((double)((const float *)variance->data)[i] + epsilon);
        }
    }
}

/* Squared norms of the filters, divided by their mean; all 1 where the kernel is zero. */
static mw_status find_norms(mw_ctx *ctx, const struct job *j, const mwi_layer_weight *w,
                            double *out)
{
    const int32_t n = w->axes.dims[w->axes.out_axis];
    size_t inner = 1;
    const float *values;
    mwi_arena scratch;
    void *memory;
    double mean = 0;
    mw_status st;

    mwi_arena_init(ctx, &scratch);
    MWI_GOTO(mwi_layer_weight_get(ctx, w, MWI_UNIT_REAL, &scratch, &values));
    MWI_GOTO(mwi_arena_array(ctx, &scratch, (size_t)n, sizeof(double), &memory));
    for (int32_t d = w->axes.out_axis + 1; d < w->axes.rank; d++) inner *= (size_t)w->axes.dims[d];
    for (int32_t i = 0; i < n; i++) out[i] = 0;
    for (size_t i = 0; i < w->axes.n; i++)
        out[i / inner % (size_t)n] += (double)values[i] * (double)values[i];
    find_factors(j->ties->graph, w->op, n, memory);
    for (int32_t i = 0; i < n; i++) {
        out[i] *= ((double *)memory)[i] * ((double *)memory)[i];
        mean += out[i] / n;
    }
    for (int32_t i = 0; i < n; i++) out[i] = mean > 0 ? out[i] / mean : 1;
out:
    mwi_arena_deinit(&scratch);
    return st;
}

static mw_status add_layer(mw_ctx *ctx, struct job *j, size_t at)
{
    const mwi_layer_weight *const w = &j->weights[at];
    const int32_t axis = w->axes.out_axis, n = w->axes.dims[axis];
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, j->arena, (size_t)n, sizeof(double), &memory));
    MWI_TRY(find_norms(ctx, j, w, memory));
    for (int32_t i = 0; i < n; i++) {
        const uint32_t node = mwi_channel_node(j->ties, w->tensor, axis, i);
        const uint32_t class = mwi_channel_class(j->ties, node);
        if (j->ties->fixed[class] != 0) continue;
        if (j->place[class] < 0) {
            j->place[class] = (int32_t)j->n;
            j->list[j->n++] = (candidate){.class = class, .home = (uint32_t)at};
        }
        candidate *const c = &j->list[j->place[class]];
        c->importance += ((const double *)memory)[i];
        c->n_layers++;
    }
    return MW_OK;
}

/* ---- order ---- */

static int by_home(const void *a, const void *b)
{
    const candidate *const x = a, *const y = b;

    if (x->home != y->home) return x->home < y->home ? -1 : 1;
    if (x->importance != y->importance) return x->importance < y->importance ? -1 : 1;
    return (x->class > y->class) - (x->class < y->class);
}

static int by_key(const void *a, const void *b)
{
    const candidate *const x = a, *const y = b;

    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    return (x->class > y->class) - (x->class < y->class);
}

/* Keys within a home, whose candidates stand in the order of their importance: what must stay gets
 * none (HUGE_VAL). */
static void set_keys(candidate *list, size_t n, bool global)
{
    const size_t stay = (size_t)ceil(MIN_STAY * (double)n);
    double mean = 0;

    for (size_t i = 0; i < n; i++) mean += list[i].importance / (double)n;
    for (size_t i = 0; i < n; i++) {
        list[i].key =
            global ? list[i].importance / (mean > 0 ? mean : 1) : ((double)i + 0.5) / (double)n;
        if (i + stay >= n) list[i].key = HUGE_VAL;
    }
}

static void order(struct job *j, bool global)
{
    for (size_t i = 0; i < j->n; i++) j->list[i].importance /= j->list[i].n_layers;
    qsort(j->list, j->n, sizeof *j->list, by_home);
    for (size_t first = 0, end; first < j->n; first = end) {
        for (end = first + 1; end < j->n && j->list[end].home == j->list[first].home;) end++;
        set_keys(j->list + first, end - first, global);
    }
    qsort(j->list, j->n, sizeof *j->list, by_key);
}

/* ---- how many ---- */

static double share_left(const mwi_channel_ties *c, const mwi_layer_weight *w, int32_t axis)
{
    if (axis < 0) return 1;
    return (double)mwi_channels_left(c, w->tensor, axis) / (double)w->axes.dims[axis];
}

/* Multiply-accumulates when the first k candidates are gone. */
static double macs_without(struct job *j, size_t k)
{
    double macs = j->other_macs;

    for (size_t i = 0; i < j->n; i++) j->ties->gone[j->list[i].class] = i < k;
    for (size_t i = 0; i < j->n_weights; i++) {
        const mwi_layer_weight *const w = &j->weights[i];
        macs += j->macs[i] * share_left(j->ties, w, w->axes.out_axis) *
                share_left(j->ties, w, w->axes.in_axis);
    }
    return macs;
}

static mw_status none_goes(mw_ctx *ctx)
{
    return mwi_fail(ctx, MW_EUNSUPPORTED,
                    "no channel can be removed: each reaches an input or output of the model, "
                    "or an operator whose channels are not followed");
}

/* Keys are places in the order of each layer, from 0 to 1. */
static mw_status keep_width(mw_ctx *ctx, struct job *j, double width)
{
    size_t n_gone = 0;

    for (size_t i = 0; i < j->n; i++) {
        const bool gone = j->list[i].key < 1 - width;
        j->ties->gone[j->list[i].class] = gone;
        n_gone += gone;
    }
    return n_gone == 0 ? none_goes(ctx) : MW_OK;
}

static mw_status remove_enough(mw_ctx *ctx, struct job *j, double macs, double share)
{
    const double target = macs * (1 - share);
    size_t low = 0, high = 0;

    while (high < j->n && j->list[high].key < HUGE_VAL) high++;
    if (high == 0) return none_goes(ctx);
    const double least = macs_without(j, high);
    if (least > target)
        return mwi_fail(ctx, MW_EUNSUPPORTED,
                        "%.1f %% of the multiply-accumulates cannot be removed, at most %.1f %%: "
                        "other channels reach an input or output of the model, or operators whose "
                        "channels are not followed",
                        100 * share, 100 * (1 - least / macs));
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (macs_without(j, middle) <= target)
            high = middle;
        else
            low = middle + 1;
    }
    (void)macs_without(j, low);
    return MW_OK;
}

/* ---- all ---- */

static mw_status find_macs(mw_ctx *ctx, struct job *j, double total)
{
    j->other_macs = total;
    for (size_t i = 0; i < j->n_weights; i++) {
        const mwi_layer_weight *const w = &j->weights[i];
        mwi_shape_call call;
        mwi_arena scratch;
        mwi_arena_init(ctx, &scratch);
        const mw_status st = mwi_op_views(ctx, j->ties->graph, w->op, &scratch, &call);
        if (st == MW_OK && w->op->desc->macs != NULL) j->macs[i] = (double)w->op->desc->macs(&call);
        mwi_arena_deinit(&scratch);
        MWI_TRY(st);
        j->other_macs -= j->macs[i];
    }
    return MW_OK;
}

mw_status mwi_channels_choose(mw_ctx *ctx, mwi_channel_ties *ties, const mwi_layer_weight *weights,
                              size_t n, uint64_t macs, const mwi_channel_goal *goal,
                              mwi_arena *arena)
{
    struct job j = {.ties = ties, .weights = weights, .n_weights = n, .arena = arena};
    size_t n_channels = 0;
    void *memory;

    for (size_t i = 0; i < n; i++) {
        const int32_t axis = weights[i].axes.out_axis;
        n_channels += (size_t)weights[i].axes.dims[axis];
        if (weights[i].reason[0] != '\0') mwi_fix_axis(ties, weights[i].tensor, axis);
    }
    MWI_TRY(mwi_arena_array(ctx, arena, n_channels, sizeof(candidate), &memory));
    j.list = memory;
    MWI_TRY(mwi_arena_array(ctx, arena, ties->n_nodes, sizeof(int32_t), &memory));
    j.place = memory;
    for (size_t i = 0; i < ties->n_nodes; i++) j.place[i] = -1;
    MWI_TRY(mwi_arena_array(ctx, arena, n, sizeof(double), &memory));
    j.macs = memory;
    MWI_TRY(find_macs(ctx, &j, (double)macs));
    for (size_t i = 0; i < n; i++)
        if (weights[i].reason[0] == '\0') MWI_TRY(add_layer(ctx, &j, i));
    order(&j, goal->global);
    if (goal->width > 0) return keep_width(ctx, &j, goal->width);
    return remove_enough(ctx, &j, (double)macs, goal->share);
}
