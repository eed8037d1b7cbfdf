/* compress/cluster/cluster.c - mw_cluster: each kernel gets few different values.
 * Depends: compress/prune/ (weights, report), compress/cluster/kmeans.  Used by: programs.
 * SPDX-License-Identifier: Apache-2.0 */
#include "compress/cluster/cluster.h"
#include "compress/cluster/kmeans.h"
#include "compress/prune/report.h"
#include "compress/prune/sparse.h"

#include <string.h>

/* The values of output channel o, or of all, gathered to `some` or scattered back. */
static size_t gather(const mwi_weight_axes *a, size_t inner, int64_t o, float *values, float *some,
                     bool back)
{
    size_t n = 0;

    for (size_t i = 0; i < a->n; i++) {
        if (o >= 0 && i / inner % (size_t)a->dims[a->out_axis] != (size_t)o) continue;
        if (back)
            values[i] = some[n++];
        else
            some[n++] = values[i];
    }
    return n;
}

static mw_status cluster_values(mw_ctx *ctx, const mwi_weight_axes *a, const mw_cluster_options *o,
                                float *values, float *some)
{
    const int64_t n_channels = o->per_channel ? a->dims[a->out_axis] : 1;
    mwi_rng rng = {o->seed};
    size_t inner = 1;

    for (int32_t d = a->out_axis + 1; d < a->rank; d++) inner *= (size_t)a->dims[d];
    for (int64_t c = 0; c < n_channels; c++) {
        const int64_t channel = o->per_channel ? c : -1;
        const size_t n = gather(a, inner, channel, values, some, false);
        MWI_TRY(mwi_kmeans(ctx, some, n, o->clusters, o->keep_zeros, &rng));
        (void)gather(a, inner, channel, values, some, true);
    }
    return MW_OK;
}

static mw_status cluster_weight(mw_ctx *ctx, mw_model *model, const mwi_layer_weight *w,
                                const mw_cluster_options *o)
{
    const float *given;
    void *memory, *some;
    mwi_arena arena;
    mw_status st;

    mwi_arena_init(ctx, &arena);
    MWI_GOTO(mwi_layer_weight_get(ctx, w, MWI_UNIT_STEP, &arena, &given));
    MWI_GOTO(mwi_arena_copy(ctx, &arena, given, w->axes.n * sizeof(float), &memory));
    MWI_GOTO(mwi_arena_array(ctx, &arena, w->axes.n, sizeof(float), &some));
    MWI_GOTO(mwi_prefix(ctx, cluster_values(ctx, &w->axes, o, memory, some), "%s: layer '%s'",
                        model->name, w->name));
    st = mwi_layer_weight_set(ctx, model, w, MWI_UNIT_STEP, memory);
out:
    mwi_arena_deinit(&arena);
    return st;
}

static mw_status cluster_clone(mw_ctx *ctx, const mw_model *model, mw_model *clone,
                               const mw_cluster_options *o, mw_prune_report *report)
{
    mwi_layer_weight *weights;
    mwi_arena scratch;
    size_t n, done = 0;
    mw_status st;

    mwi_arena_init(ctx, &scratch);
    MWI_GOTO(mwi_densify(ctx, clone));
    MWI_GOTO(mwi_layer_weights_find(ctx, clone, o->skip, o->n_skip, &scratch, &weights, &n));
    for (size_t i = 0; i < n; i++) {
        MWI_GOTO(mwi_progress(ctx, "cluster", i, n));
        if (weights[i].reason[0] != '\0') continue;
        MWI_GOTO(cluster_weight(ctx, clone, &weights[i], o));
        done++;
    }
    if (done == 0)
        MWI_GOTO(mwi_fail(ctx, MW_EUNSUPPORTED, "%s: no kernel to cluster%s%s", model->name,
                          n > 0 ? "; the first " : "", n > 0 ? weights[0].reason : ""));
    MWI_GOTO(mwi_model_verify(ctx, clone));
    if (report != NULL)
        st = mwi_prune_report_fill(
            ctx, model, clone, weights, n, NULL,
            o->per_channel ? MWI_COUNT_CHANNEL_VALUES : MWI_COUNT_KERNEL_VALUES, report);
out:
    mwi_arena_deinit(&scratch);
    return st;
}

mw_status mwi_cluster_check(mw_ctx *ctx, const mw_model *model, const mw_cluster_options *o)
{
    if (o->clusters >= MWI_MIN_CLUSTERS && o->clusters <= MWI_MAX_CLUSTERS) return MW_OK;
    return mwi_fail(ctx, MW_EINVAL, "%s: %u clusters, allowed %d to %d", model->name, o->clusters,
                    MWI_MIN_CLUSTERS, MWI_MAX_CLUSTERS);
}

mw_status mw_cluster(mw_ctx *ctx, const mw_model *model, const mw_cluster_options *options,
                     mw_model **out_model, mw_prune_report *out_report)
{
    mw_model *clone;

    mwi_enter(ctx);
    *out_model = NULL;
    if (out_report != NULL) memset(out_report, 0, sizeof *out_report);
    MWI_TRY(mwi_cluster_check(ctx, model, options));
    MWI_TRY(mwi_model_clone(ctx, model, &clone));
    const mw_status st = cluster_clone(ctx, model, clone, options, out_report);
    if (st == MW_OK)
        *out_model = clone;
    else
        mw_model_destroy(clone);
    return st;
}
