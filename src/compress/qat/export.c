/* compress/qat/export.c - see export.h.     SPDX-License-Identifier: Apache-2.0 */
#include "compress/qat/export.h"

#include "compress/quantize/affine.h"

#include <math.h>

/* Weight of the past in the moving average, once there is one. */
static const double MOMENTUM = 0.99;

/* Samples for values that training did not see. */
enum { CALIBRATION_SAMPLES = 512 };

float mwi_qat_follow(float bound, double seen, uint64_t n)
{
    const double past = fmin((double)n / (double)(n + 1), MOMENTUM);
    return (float)((double)bound * past + seen * (1 - past));
}

static mwi_range range_of(const mwi_qat_plan *plan, const mwi_qat_found *found, int32_t group)
{
    return plan->groups[group].fixed ? plan->groups[group].range : found->groups[group];
}

/* Learned ranges of a weight's channels as shares of the largest magnitudes. */
static mw_status shares_of(mw_ctx *ctx, mwi_arena *arena, const mw_model *trained,
                           const mwi_qat_point *p, const float *learned, const float **out)
{
    const mwi_tensor *const t = trained->graphs[0]->tensors[p->tensor];
    const mwi_channels c = mwi_channels_of(t->rank, t->dims, p->axis);
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, arena, c.n_channels, sizeof(float), &memory));
    float *const shares = memory;
    mwi_weight_scales(t->data, &c, p->bits, MWI_WEIGHT_MAX, shares);
    for (size_t k = 0; k < c.n_channels; k++)
        shares[k] = shares[k] > 0 ? learned[k] / (float)mwi_weight_limit(p->bits) / shares[k] : 1;
    *out = shares;
    return MW_OK;
}

static mw_status fill(mw_ctx *ctx, mwi_arena *arena, const mwi_qat_plan *plan,
                      const mw_model *trained, const mwi_qat_found *found, mwi_qgiven *out)
{
    const mwi_graph *const g = plan->job.fg;
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, arena, plan->given->n_tensors, sizeof(mwi_range), &memory));
    mwi_range *const ranges = memory;
    MWI_TRY(mwi_arena_array(ctx, arena, plan->given->n_ops, sizeof(float *), &memory));
    const float **const shares = memory;
    for (size_t i = 0; i < plan->given->n_tensors; i++) ranges[i] = (mwi_range){1, -1};
    for (size_t i = 0; i < g->n_tensors; i++) {
        const int32_t at = plan->job.given_tensor[i];
        if (at >= 0 && plan->group_of[i] >= 0)
            ranges[at] = range_of(plan, found, plan->group_of[i]);
    }
    for (size_t i = 0; i < plan->n_points; i++) {
        const mwi_qat_point *const p = &plan->points[i];
        if (p->weight && found->weights != NULL && found->weights[i] != NULL)
            MWI_TRY(shares_of(ctx, arena, trained, p, found->weights[i], &shares[p->op]));
    }
    *out = (mwi_qgiven){ranges, shares};
    return MW_OK;
}

/* Whether each value's range is known by one of its group. */
static bool all_known(const mwi_qat_plan *plan, const mwi_qat_found *found)
{
    for (size_t i = 0; i < plan->n_groups; i++) {
        const mwi_range r = range_of(plan, found, (int32_t)i);
        bool mapped = false;
        for (size_t t = 0; t < plan->job.fg->n_tensors && !mapped; t++)
            mapped = plan->group_of[t] == (int32_t)i && plan->job.given_tensor[t] >= 0;
        if (!mapped || !(r.min <= r.max)) return false;
    }
    return true;
}

mw_status mwi_qat_export(mw_ctx *ctx, const mwi_qat_plan *plan, const mw_model *trained,
                         const mwi_qat_found *found, mw_dataset *data, mw_model **out_model)
{
    mw_quantize_options options = plan->options;
    mwi_qgiven given;
    mwi_arena arena;

    options.max_samples = CALIBRATION_SAMPLES;
    mwi_arena_init(ctx, &arena);
    mw_status st = fill(ctx, &arena, plan, trained, found, &given);
    if (st == MW_OK)
        st = mwi_quantize_given(ctx, trained, &options, &given,
                                all_known(plan, found) ? NULL : data, out_model);
    mwi_arena_deinit(&arena);
    return st;
}
