/* formats/keras/layers/layer_normalizing.c - LayerNormalization, RMSNormalization,
 * UnitNormalization, GroupNormalization: means over axes of one sample.
 * Depends: formats/keras/layer.  Used by: the list of layers only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/layer.h"

#include <string.h>

/* Places of the axes in over[]; the key holds an integer or a list. */
static mw_status read_axes(mwi_keras_call *c, int32_t rank, int32_t *axes, int32_t *n)
{
    const json_t *const v = mwi_keras_key(c->layer, "axis");
    bool over[MW_MAX_RANK] = {false};
    int32_t axis;
    int64_t wanted = -1;

    for (size_t i = 0; i < (json_is_array(v) ? json_array_size(v) : 1); i++) {
        if (v != NULL && !mwi_keras_json_int(json_is_array(v) ? json_array_get(v, i) : v, &wanted))
            return mwi_fail(c->ctx, MW_EFORMAT, "axis is not an integer or a list of integers");
        MWI_TRY(mwi_keras_axis(c->ctx, "axis", wanted, rank, &axis));
        if (axis == 0)
            return mwi_fail(c->ctx, MW_EUNSUPPORTED, "normalises over the batch; use another axis");
        over[axis] = true;
    }
    *n = 0;
    for (int32_t i = 0; i < rank; i++)
        if (over[i]) axes[(*n)++] = i;
    return MW_OK;
}

static mw_status mean(mwi_keras_call *c, int32_t x, const int32_t *axes, int32_t n, const char *op,
                      int32_t *out)
{
    static const mwi_keras_attr keep[] = {{"keep_dims", 1}, {NULL, 0}};
    int32_t a;

    MWI_TRY(mwi_keras_i32s(c, (size_t)n, axes, &a));
    return mwi_keras_op(c, op, 2, (const int32_t[]){x, a}, keep, out);
}

/* (x - mean) / sqrt(variance + epsilon), or x / sqrt(mean of squares + epsilon). */
static mw_status standardize(mwi_keras_call *c, int32_t x, const int32_t *axes, int32_t n,
                             double epsilon, bool centered, int32_t *out)
{
    int32_t m, s;

    if (centered) {
        MWI_TRY(mean(c, x, axes, n, "MEAN", &m));
        MWI_TRY(mwi_keras_binary(c, "SUB", x, m, &x));
    }
    MWI_TRY(mwi_keras_unary(c, "SQUARE", x, &s));
    MWI_TRY(mean(c, s, axes, n, "MEAN", &s));
    MWI_TRY(mwi_keras_with(c, "ADD", s, epsilon, &s));
    MWI_TRY(mwi_keras_unary(c, "RSQRT", s, &s));
    return mwi_keras_binary(c, "MUL", x, s, out);
}

/* A weight with one dimension for each axis, in the value's rank. */
static mw_status spread(mwi_keras_call *c, const char *weight, int32_t x, const int32_t *axes,
                        int32_t n, const char *op, int32_t *out)
{
    const mwi_tensor *const t = mwi_keras_tensor(c, x);
    mwi_keras_part p = {.weight = weight, .rank = n, .out_rank = t->rank - axes[0]};
    int32_t w;

    *out = x;
    if (mwi_keras_slot_of(c->layer, weight) == NULL) return MW_OK;
    for (int32_t i = 0; i < p.out_rank; i++) p.out_dims[i] = 1;
    for (int32_t i = 0; i < n; i++) p.dims[i] = p.out_dims[axes[i] - axes[0]] = t->dims[axes[i]];
    MWI_TRY(mwi_keras_weight(c, &p, &w));
    return mwi_keras_binary(c, op, x, w, out);
}

static mw_status build_layer(mwi_keras_call *c)
{
    const bool rms_class = mwi_keras_is_class(c->layer, "RMSNormalization");
    int32_t axes[MW_MAX_RANK], n, x = c->in[0];
    double epsilon;
    bool rms;

    MWI_TRY(mwi_keras_need_inputs(c, 1, 1));
    MWI_TRY(mwi_keras_need_rank(c, 0, 2, MWI_KERAS_WEIGHT_RANK));
    MWI_TRY(read_axes(c, mwi_keras_tensor(c, x)->rank, axes, &n));
    MWI_TRY(mwi_keras_float(c->ctx, c->layer, "epsilon", rms_class ? 1e-6 : 1e-3, &epsilon));
    MWI_TRY(mwi_keras_bool(c->ctx, c->layer, "rms_scaling", rms_class, &rms));
    MWI_TRY(standardize(c, x, axes, n, epsilon, !rms, &x));
    MWI_TRY(spread(c, rms_class ? "scale" : "gamma", x, axes, n, "MUL", &x));
    if (!rms) MWI_TRY(spread(c, "beta", x, axes, n, "ADD", &x));
    return mwi_keras_return(c, x);
}

static const char *const layer_classes[] = {"LayerNormalization", NULL};
static const mwi_keras_weight_rule layer_weights[] = {
    {.name = "gamma", .when = "scale"}, {.name = "beta", .when = "center"}, {.name = NULL}};
const mwi_keras_row mwi_keras_layer_layer_normalization = {
    .classes = layer_classes,
    .summary = "MEAN, SUB, SQUARE, RSQRT, MUL, ADD",
    .weights = layer_weights,
    .flags = MWI_KERAS_PASSES_MASK,
    .build = build_layer,
};

static const char *const rms_classes[] = {"RMSNormalization", NULL};
static const mwi_keras_weight_rule rms_weights[] = {{.name = "scale"}, {.name = NULL}};
const mwi_keras_row mwi_keras_layer_rms_normalization = {
    .classes = rms_classes,
    .summary = "SQUARE, MEAN, RSQRT, MUL",
    .weights = rms_weights,
    .build = build_layer,
};

/* x / sqrt(max(sum of squares, 1e-12)) */
static mw_status build_unit(mwi_keras_call *c)
{
    int32_t axes[MW_MAX_RANK], n, x = c->in[0], s;

    MWI_TRY(mwi_keras_need_inputs(c, 1, 1));
    MWI_TRY(read_axes(c, mwi_keras_tensor(c, x)->rank, axes, &n));
    MWI_TRY(mwi_keras_unary(c, "SQUARE", x, &s));
    MWI_TRY(mean(c, s, axes, n, "SUM", &s));
    MWI_TRY(mwi_keras_with(c, "MAXIMUM", s, 1e-12, &s));
    MWI_TRY(mwi_keras_unary(c, "RSQRT", s, &s));
    MWI_TRY(mwi_keras_binary(c, "MUL", x, s, &x));
    return mwi_keras_return(c, x);
}

static const char *const unit_classes[] = {"UnitNormalization", NULL};
const mwi_keras_row mwi_keras_layer_unit_normalization = {
    .classes = unit_classes,
    .summary = "SQUARE, SUM, MAXIMUM, RSQRT, MUL",
    .flags = MWI_KERAS_PASSES_MASK,
    .build = build_unit,
};

/* Channels, which are last here, in groups: [n, places, groups, channels / groups]. */
static mw_status build_group(mwi_keras_call *c)
{
    const int32_t rank = mwi_keras_tensor(c, c->in[0])->rank, axes[] = {1, 3}, last = rank - 1;
    int32_t wanted, axis, groups, x, perm[MW_MAX_RANK];
    size_t places;
    double epsilon;

    MWI_TRY(mwi_keras_need_inputs(c, 1, 1));
    MWI_TRY(mwi_keras_need_rank(c, 0, 2, MW_MAX_RANK));
    MWI_TRY(mwi_keras_int(c->ctx, c->layer, "groups", 32, -1, INT32_MAX, &groups));
    MWI_TRY(mwi_keras_int(c->ctx, c->layer, "axis", -1, INT32_MIN, INT32_MAX, &wanted));
    MWI_TRY(mwi_keras_axis(c->ctx, "axis", wanted, rank, &axis));
    MWI_TRY(mwi_keras_float(c->ctx, c->layer, "epsilon", 1e-3, &epsilon));
    if (axis == 0) return mwi_fail(c->ctx, MW_EFORMAT, "axis is the batch");
    for (int32_t i = 0; i < rank; i++) perm[i] = i == axis ? last : i == last ? axis : i;
    MWI_TRY(mwi_keras_transpose(c, c->in[0], perm, &x)); /* its own inverse */
    const mwi_tensor *const t = mwi_keras_tensor(c, x);
    const int32_t channels = t->dims[last];
    if (groups == -1) groups = channels;
    if (groups < 1 || channels % groups != 0)
        return mwi_fail(c->ctx, MW_EFORMAT, "groups is %d, allowed is a divisor of %d channels",
                        groups, channels);
    if (!mwi_dims_count(rank - 2, t->dims + 1, &places) || places > INT32_MAX)
        return mwi_fail(c->ctx, MW_ELIMIT, "too many values");
    MWI_TRY(mwi_keras_reshape(
        c, x, 4, (const int32_t[]){t->dims[0], (int32_t)places, groups, channels / groups}, &x));
    MWI_TRY(standardize(c, x, axes, 2, epsilon, true, &x));
    MWI_TRY(mwi_keras_reshape(c, x, rank, t->dims, &x));
    MWI_TRY(spread(c, "gamma", x, &last, 1, "MUL", &x));
    MWI_TRY(spread(c, "beta", x, &last, 1, "ADD", &x));
    MWI_TRY(mwi_keras_transpose(c, x, perm, &x));
    return mwi_keras_return(c, x);
}

static const char *const group_classes[] = {"GroupNormalization", NULL};
const mwi_keras_row mwi_keras_layer_group_normalization = {
    .classes = group_classes,
    .summary = "RESHAPE, MEAN, SUB, SQUARE, RSQRT, MUL, ADD",
    .flags = MWI_KERAS_PASSES_MASK,
    .weights = layer_weights,
    .build = build_group,
};
