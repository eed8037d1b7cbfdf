/* compress/prune/layer_weights.c - see layer_weights.h.
 * Depends: ops/, compress/quantize/affine.  Used by: compress/prune, compress/cluster.
 * SPDX-License-Identifier: Apache-2.0 */
#include "compress/prune/layer_weights.h"

#include "base/half.h"
#include "compress/quantize/affine.h"
#include "ops/fixed.h"

#include <math.h>
#include <string.h>

/* ---- finding ---- */

/* The constant whose values a layer reads: itself, or behind a DEQUANTIZE; -1: it is computed. */
static int32_t constant_behind(const mwi_graph *g, const mwi_uses *uses, int32_t tensor)
{
    for (int steps = 0; tensor >= 0 && steps < 2; steps++) {
        if (mwi_tensor_is_const(g->tensors[tensor])) return tensor;
        const int32_t at = uses->producer[tensor];
        if (at < 0 || g->ops[at]->desc != &mwi_op_dequantize) return -1;
        tensor = g->ops[at]->in[0];
    }
    return -1;
}

static const char *refusal(const mwi_tensor *t)
{
    if (t->quant != NULL && t->quant->q.block_size > 0) return "has a scale for each block";
    if (t->sparsity != NULL) return "is sparse";
    switch (t->dtype) {
    case MW_FLOAT32:
    case MW_FLOAT16: return "";
    case MW_INT8:
    case MW_UINT8:
    case MW_INT16:
    case MW_INT4:
        return t->quant != NULL && t->quant->q.n_scales > 0 ? "" : "has integers without a scale";
    default: return "is of another type than floats and quantized integers";
    }
}

static bool fill(mwi_graph *g, mwi_op *op, int32_t tensor, mwi_layer_weight *out)
{
    const mwi_linear *const l = op->desc->linear;
    const mwi_tensor *const t = g->tensors[tensor];
    mwi_weight_axes *const a = &out->axes;

    if (t->rank != l->rank || !mwi_dims_count(t->rank, t->dims, &a->n) || a->n == 0) return false;
    out->graph = g;
    out->op = op;
    out->name = op->layer != NULL ? op->layer : g->tensors[op->out[0]]->name;
    out->tensor = tensor;
    out->reason = refusal(t);
    a->rank = t->rank;
    memcpy(a->dims, t->dims, sizeof a->dims);
    a->out_axis = l->out_axis;
    a->in_axis = l->depthwise ? -1 : l->in_axis;
    return true;
}

static mw_status find_in(mw_ctx *ctx, mwi_graph *g, mwi_arena *arena, mwi_layer_weight **list,
                         size_t *n, size_t *capacity)
{
    void *memory;
    mwi_uses uses;

    MWI_TRY(mwi_graph_uses(ctx, g, arena, &uses));
    MWI_TRY(mwi_arena_array(ctx, arena, g->n_tensors, sizeof(bool), &memory));
    bool *const seen = memory;
    for (size_t i = 0; i < g->n_ops; i++) {
        mwi_op *const op = g->ops[i];
        const mwi_linear *const l = op->desc->linear;
        mwi_layer_weight w = {0};
        if (l == NULL || (size_t)l->weight >= op->n_in) continue;
        const int32_t t = constant_behind(g, &uses, op->in[l->weight]);
        if (t < 0 || seen[t] || !fill(g, op, t, &w)) continue;
        seen[t] = true;
        MWI_TRY(mwi_arena_grow(ctx, arena, list, *n, capacity, sizeof **list));
        (*list)[(*n)++] = w;
    }
    return MW_OK;
}

static mw_status skip_named(mw_ctx *ctx, const char *model, const char *pattern,
                            mwi_layer_weight *list, size_t n)
{
    size_t found = 0;

    for (size_t i = 0; i < n; i++) {
        if (!mwi_op_matches(list[i].graph, list[i].op, pattern)) continue;
        list[i].reason = "skipped by name";
        found++;
    }
    if (found > 0 || n == 0) return MW_OK;
    return mwi_fail(ctx, MW_EINVAL,
                    "%s: '%s' matches no layer with weights; the first of them are '%s' and '%s'",
                    model, pattern, list[0].name, list[n > 1 ? 1 : 0].name);
}

mw_status mwi_layer_weights_find(mw_ctx *ctx, mw_model *model, const char *const *skip,
                                 size_t n_skip, mwi_arena *arena, mwi_layer_weight **out,
                                 size_t *out_n)
{
    size_t capacity = 0;

    *out = NULL;
    *out_n = 0;
    for (size_t i = 0; i < model->n_graphs; i++)
        MWI_TRY(find_in(ctx, model->graphs[i], arena, out, out_n, &capacity));
    for (size_t i = 0; i < n_skip; i++)
        MWI_TRY(skip_named(ctx, model->name, skip[i], *out, *out_n));
    return MW_OK;
}

mw_status mwi_layers_named(mw_ctx *ctx, const mw_model *model, const char *const *patterns,
                           size_t n)
{
    const mwi_graph *const g = model->graphs[0];

    for (size_t i = 0; i < n; i++) {
        bool found = false;
        for (size_t k = 0; k < g->n_ops && !found; k++)
            found = g->ops[k]->desc->linear != NULL && mwi_op_matches(g, g->ops[k], patterns[i]);
        if (!found)
            return mwi_fail(ctx, MW_EINVAL, "%s: '%s' matches no layer with weights", model->name,
                            patterns[i]);
    }
    return MW_OK;
}

/* ---- values ---- */

/* Integers of any of the types as int32. */
static mw_status get_integers(mw_ctx *ctx, const mwi_tensor *t, size_t n, mwi_arena *arena,
                              int32_t *out)
{
    void *memory;

    if (t->dtype == MW_INT4) {
        MWI_TRY(mwi_arena_alloc(ctx, arena, n, &memory));
        mwi_unpack4(t->data, n, memory);
        for (size_t i = 0; i < n; i++) out[i] = ((const int8_t *)memory)[i];
        return MW_OK;
    }
    for (size_t i = 0; i < n; i++)
        out[i] = t->dtype == MW_INT8    ? ((const int8_t *)t->data)[i]
                 : t->dtype == MW_UINT8 ? ((const uint8_t *)t->data)[i]
                                        : ((const int16_t *)t->data)[i];
    return MW_OK;
}

/* The scale and zero point of element i. */
static mwi_params params_of(const mwi_tensor *t, const mwi_channels *c, mwi_weight_unit unit,
                            size_t i)
{
    const size_t k = mwi_channel(c, i);
    return (mwi_params){unit == MWI_UNIT_STEP ? 1.0f : t->quant->q.scales[k],
                        (int32_t)t->quant->q.zero_points[k]};
}

static mwi_channels channels_of(const mwi_tensor *t)
{
    return mwi_channels_of(t->rank, t->dims, t->quant->q.n_scales > 1 ? t->quant->q.axis : -1);
}

mw_status mwi_layer_weight_get(mw_ctx *ctx, const mwi_layer_weight *w, mwi_weight_unit unit,
                               mwi_arena *arena, const float **out)
{
    const mwi_tensor *const t = w->graph->tensors[w->tensor];
    const size_t n = w->axes.n;
    void *memory, *integers;

    *out = t->data;
    if (t->dtype == MW_FLOAT32) return MW_OK;
    MWI_TRY(mwi_arena_array(ctx, arena, n, sizeof(float), &memory));
    float *const values = memory;
    *out = values;
    if (t->dtype == MW_FLOAT16) {
        for (size_t i = 0; i < n; i++)
            values[i] = mwi_half_to_float(((const uint16_t *)t->data)[i]);
        return MW_OK;
    }
    MWI_TRY(mwi_arena_array(ctx, arena, n, sizeof(int32_t), &integers));
    MWI_TRY(get_integers(ctx, t, n, arena, integers));
    const mwi_channels c = channels_of(t);
    for (size_t i = 0; i < n; i++) {
        const mwi_params p = params_of(t, &c, unit, i);
        values[i] = (float)(((const int32_t *)integers)[i] - p.zero_point) * p.scale;
    }
    return MW_OK;
}

/* A channel of zeros may have scale 0: what it gets is zero. */
static int32_t integer_of(float x, mwi_params p, int32_t low, int32_t high)
{
    return p.scale == 0 ? p.zero_point : mwi_quantize_one(x, p, low, high);
}

static mw_status set_integers(mw_ctx *ctx, mwi_arena *arena, mwi_tensor *t, mwi_weight_unit unit,
                              const float *values, size_t n)
{
    const mwi_channels c = channels_of(t);
    const size_t width = t->dtype == MW_INT16 ? 2 : 1;
    int32_t low, high;
    void *memory, *packed;

    mwi_quant_range(t->dtype, &low, &high);
    MWI_TRY(mwi_arena_array(ctx, arena, n, width, &memory));
    for (size_t i = 0; i < n; i++) {
        const int32_t q = integer_of(values[i], params_of(t, &c, unit, i), low, high);
        if (width == 2)
            ((int16_t *)memory)[i] = (int16_t)q;
        else
            ((uint8_t *)memory)[i] = (uint8_t)q;
    }
    t->data = memory;
    if (t->dtype != MW_INT4) return MW_OK;
    MWI_TRY(mwi_arena_array(ctx, arena, (n + 1) / 2, 1, &packed));
    mwi_pack_int4(memory, n, packed);
    t->data = packed;
    return MW_OK;
}

mw_status mwi_layer_weight_set(mw_ctx *ctx, mw_model *model, const mwi_layer_weight *w,
                               mwi_weight_unit unit, const float *values)
{
    mwi_tensor *const t = w->graph->tensors[w->tensor];
    const size_t n = w->axes.n;
    void *memory;

    if (t->dtype != MW_FLOAT32 && t->dtype != MW_FLOAT16)
        return set_integers(ctx, &model->arena, t, unit, values, n);
    MWI_TRY(mwi_arena_array(ctx, &model->arena, n,
                            t->dtype == MW_FLOAT32 ? sizeof(float) : sizeof(uint16_t), &memory));
    if (t->dtype == MW_FLOAT32)
        memcpy(memory, values, n * sizeof *values);
    else
        for (size_t i = 0; i < n; i++) ((uint16_t *)memory)[i] = mwi_float_to_half(values[i]);
    t->data = memory;
    return MW_OK;
}
