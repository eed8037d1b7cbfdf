/* compress/cluster/cluster_part.c - clustering as a part of a training run. k-means gives each
 * weight its cluster: before the first step, or when pruning is done. Each gradient of a cluster
 * becomes their mean, so that the optimizer, whose state is then the same for all, moves them as
 * one. Depends: train/step_graph, compress/cluster/kmeans.  Used by: compress/parts.c.
 * SPDX-License-Identifier: Apache-2.0 */
#include "compress/cluster/cluster.h"
#include "compress/cluster/kmeans.h"
#include "compress/part.h"
#include "compress/prune/layer_weights.h"
#include "compress/prune/prune_part.h"
#include "train/step_graph.h"

#include <inttypes.h>
#include <string.h>

static const uint16_t NONE = UINT16_MAX; /* a weight that is zero and stays so */

/* A kernel: cluster k of output channel o is o * clusters + k; without per_channel o is 0. */
struct kernel {
    mwi_param *param;
    size_t inner, n_channels;
    uint16_t *cluster; /* of each weight, in its channel */
    double *sum;       /* by cluster of all channels, and how many weights it has */
    uint64_t *count;
};

struct part {
    const mw_model *model;
    const mw_cluster_options *options;
    const mw_prune_options *prune; /* NULL: nothing becomes zero on the way */
    bool begun;                    /* weights have their clusters */
    mwi_arena arena;
    struct kernel *kernels;
    size_t n, capacity;
};

static size_t channel_of(const struct kernel *k, size_t i)
{
    return k->n_channels == 1 ? 0 : i / k->inner % k->n_channels;
}

/* The place of weight i's cluster in sum and count. */
static size_t place_of(const struct part *s, const struct kernel *k, size_t i)
{
    return channel_of(k, i) * s->options->clusters + k->cluster[i];
}

/* ---- which weights ---- */

static bool is_skipped(const struct part *s, const mwi_op *op)
{
    for (size_t i = 0; i < s->options->n_skip; i++)
        if (mwi_op_matches(s->model->graphs[0], op, s->options->skip[i])) return true;
    return false;
}

static mw_status add(mw_ctx *ctx, struct part *s, mwi_param *p)
{
    const int32_t axis = p->op->desc->linear->out_axis;
    struct kernel k = {.param = p, .inner = 1, .n_channels = 1};
    void *memory;

    for (int32_t d = axis + 1; d < p->rank; d++) k.inner *= (size_t)p->dims[d];
    if (s->options->per_channel) k.n_channels = (size_t)p->dims[axis];
    MWI_TRY(mwi_arena_grow(ctx, &s->arena, &s->kernels, s->n, &s->capacity, sizeof k));
    MWI_TRY(mwi_arena_array(ctx, &s->arena, p->n, sizeof *k.cluster, &memory));
    k.cluster = memory;
    MWI_TRY(mwi_arena_array(ctx, &s->arena, k.n_channels * s->options->clusters, sizeof *k.sum,
                            &memory));
    k.sum = memory;
    MWI_TRY(mwi_arena_array(ctx, &s->arena, k.n_channels * s->options->clusters, sizeof *k.count,
                            &memory));
    k.count = memory;
    s->kernels[s->n++] = k;
    return MW_OK;
}

static mw_status build(void *self, mw_ctx *ctx, mwi_step_graph *graph)
{
    struct part *const s = self;

    for (size_t i = 0; i < graph->n_params; i++) {
        mwi_param *const p = graph->params[i];
        const mwi_linear *const l = p->op == NULL ? NULL : p->op->desc->linear;
        if (p->is_kernel && l != NULL && p->rank == l->rank && !is_skipped(s, p->op))
            MWI_TRY(add(ctx, s, p));
    }
    if (s->n > 0) return MW_OK;
    return mwi_fail(ctx, MW_EUNSUPPORTED, "%s: no kernel that is trained can be clustered",
                    s->model->name);
}

/* ---- clusters ---- */

/* The values of a channel, in order; *out_n of them. */
static void gather(const struct kernel *k, size_t channel, float *out, size_t *out_n)
{
    *out_n = 0;
    for (size_t i = 0; i < k->param->n; i++)
        if (channel_of(k, i) == channel) out[(*out_n)++] = k->param->value[i];
}

static mw_status assign_channel(mw_ctx *ctx, const struct part *s, struct kernel *k, size_t channel,
                                float *some, mwi_rng *rng)
{
    float centres[MWI_MAX_CLUSTERS];
    uint32_t n_centres;
    size_t n;

    gather(k, channel, some, &n);
    MWI_TRY(mwi_kmeans_centres(ctx, some, n, s->options->clusters, s->options->keep_zeros, rng,
                               centres, &n_centres));
    for (size_t i = 0; i < k->param->n; i++) {
        float *const value = &k->param->value[i];
        if (channel_of(k, i) != channel) continue;
        k->cluster[i] = NONE;
        if (n_centres == 0 || (s->options->keep_zeros && *value == 0)) continue;
        k->cluster[i] = (uint16_t)mwi_nearest_centre(centres, n_centres, *value);
        *value = centres[k->cluster[i]];
    }
    return MW_OK;
}

static mw_status assign(mw_ctx *ctx, struct part *s)
{
    for (size_t i = 0; i < s->n; i++) {
        struct kernel *const k = &s->kernels[i];
        const size_t bytes = k->param->n * sizeof(float);
        mwi_rng rng = {s->options->seed};
        mw_status st = MW_OK;
        void *memory;
        MWI_TRY(mwi_alloc(ctx, bytes, &memory));
        for (size_t c = 0; c < k->n_channels && st == MW_OK; c++)
            st = mwi_prefix(ctx, assign_channel(ctx, s, k, c, memory, &rng), "weight '%s'",
                            k->param->name);
        mwi_free(ctx, memory, bytes);
        MWI_TRY(st);
    }
    return MW_OK;
}

/* Puts the mean of its cluster in the place of each value. */
static void average(const struct part *s, struct kernel *k, float *values)
{
    const size_t n = k->n_channels * s->options->clusters;

    memset(k->sum, 0, n * sizeof *k->sum);
    memset(k->count, 0, n * sizeof *k->count);
    for (size_t i = 0; i < k->param->n; i++) {
        if (k->cluster[i] == NONE) continue;
        k->sum[place_of(s, k, i)] += (double)values[i];
        k->count[place_of(s, k, i)]++;
    }
    for (size_t i = 0; i < k->param->n; i++) {
        const size_t at = k->cluster[i] == NONE ? 0 : place_of(s, k, i);
        values[i] = k->cluster[i] == NONE ? 0 : (float)(k->sum[at] / (double)k->count[at]);
    }
}

/* ---- in the run ---- */

static mw_status after_step(void *self, mw_ctx *ctx, mw_trainer *trainer, uint64_t step)
{
    struct part *const s = self;

    (void)ctx;
    (void)trainer;
    (void)step;
    for (size_t i = 0; s->begun && i < s->n; i++)
        if (s->kernels[i].param->gradient != NULL)
            average(s, &s->kernels[i], s->kernels[i].param->gradient);
    return MW_OK;
}

static mw_status after_update(void *self, mw_ctx *ctx, mw_trainer *trainer, uint64_t step)
{
    struct part *const s = self;

    if (!s->begun && step < mwi_prune_end_step(s->prune, trainer)) return MW_OK;
    if (!s->begun) {
        s->begun = true;
        return assign(ctx, s);
    }
    for (size_t i = 0; i < s->n; i++) /* equal but for the optimizer's state from before */
        average(s, &s->kernels[i], s->kernels[i].param->value);
    return MW_OK;
}

/* The best epoch's weights may be of before; those that have clusters keep them. */
static mw_status finish(void *self, mw_ctx *ctx, mw_trainer *trainer, mw_model *model)
{
    struct part *const s = self;

    (void)trainer;
    MWI_TRY(assign(ctx, s));
    for (size_t i = 0; i < s->n; i++) {
        const mwi_param *const p = s->kernels[i].param;
        mwi_tensor *const t = model->graphs[0]->tensors[p->tensor];
        void *memory;
        MWI_TRY(mwi_arena_copy(ctx, &model->arena, p->value, p->n * sizeof *p->value, &memory));
        t->data = memory;
    }
    return MW_OK;
}

/* ---- checkpoints: whether clusters have begun, then two bytes a weight, the low one first ---- */

static mw_status save(void *self, mw_ctx *ctx, mwi_text *out)
{
    const struct part *const s = self;
    const char begun = s->begun ? 1 : 0;

    MWI_TRY(mwi_text_append(ctx, out, &begun, 1));
    for (size_t i = 0; i < s->n; i++) {
        for (size_t k = 0; k < s->kernels[i].param->n; k++) {
            const uint16_t v = s->kernels[i].cluster[k];
            const uint8_t bytes[2] = {(uint8_t)(v & 0xff), (uint8_t)(v >> 8)};
            MWI_TRY(mwi_text_append(ctx, out, (const char *)bytes, sizeof bytes));
        }
    }
    return MW_OK;
}

static mw_status load(void *self, mw_ctx *ctx, const uint8_t *bytes, size_t n)
{
    struct part *const s = self;
    size_t at = 1;

    s->begun = n > 0 && bytes[0] != 0;
    for (size_t i = 0; i < s->n; i++) {
        for (size_t k = 0; k < s->kernels[i].param->n; k++, at += 2) {
            if (n < at + 2)
                return mwi_fail(ctx, MW_EFORMAT, "clusters of %zu bytes end too early", n);
            const uint16_t v = (uint16_t)(bytes[at] | bytes[at + 1] << 8);
            if (v != NONE && v >= s->options->clusters)
                return mwi_fail(ctx, MW_EFORMAT, "cluster %u of %u", v, s->options->clusters);
            s->kernels[i].cluster[k] = v;
        }
    }
    return at == n ? MW_OK
                   : mwi_fail(ctx, MW_EFORMAT, "clusters of %zu bytes, %zu are wanted", n, at);
}

static mw_status describe(void *self, mw_ctx *ctx, mwi_text *out)
{
    const struct part *const s = self;
    const mw_cluster_options *const o = s->options;

    MWI_TRY(mwi_text_printf(ctx, out, "clusters %u %d %d %" PRIu64 "\n", o->clusters,
                            o->per_channel, o->keep_zeros, o->seed));
    for (size_t i = 0; i < o->n_skip; i++)
        MWI_TRY(mwi_text_printf(ctx, out, "cluster_skip %s\n", o->skip[i]));
    return MW_OK;
}

static mw_status check(mw_ctx *ctx, const mw_model *model, const mw_cluster_options *o)
{
    MWI_TRY(mwi_cluster_check(ctx, model, o));
    return mwi_layers_named(ctx, model, o->skip, o->n_skip);
}

static void close_part(mw_ctx *ctx, void *self)
{
    struct part *const s = self;

    mwi_arena_deinit(&s->arena);
    mwi_free(ctx, s, sizeof *s);
}

static mw_status open_part(mw_ctx *ctx, const mwi_part_call *call, mwi_train_part *out)
{
    void *memory;

    MWI_TRY(check(ctx, call->model, call->options->cluster));
    MWI_TRY(mwi_alloc(ctx, sizeof(struct part), &memory));
    *(struct part *)memory = (struct part){
        .model = call->model, .options = call->options->cluster, .prune = call->options->prune};
    mwi_arena_init(ctx, &((struct part *)memory)->arena);
    *out = (mwi_train_part){.self = memory,
                            .build = build,
                            .after_step = after_step,
                            .after_update = after_update,
                            .save = save,
                            .load = load,
                            .describe = describe,
                            .finish = finish};
    return MW_OK;
}

static bool wanted(const mw_train_options *options) { return options->cluster != NULL; }

const mwi_part_desc mwi_part_cluster = {
    .name = "clustering",
    .wanted = wanted,
    .open = open_part,
    .close = close_part,
};
