/* formats/keras/layers/layer_global_pooling.c - the mean or maximum over all places: MEAN,
 * REDUCE_MAX.
 * Depends: formats/keras/layer.  Used by: the list of layers only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/layer.h"

#include <string.h>

static mw_status build(mwi_keras_call *c)
{
    static const int32_t axes[] = {1, 2, 3};
    const bool average = strncmp(c->layer->class_name, "GlobalAv", 8) == 0;
    const int32_t n = *strpbrk(c->layer->class_name, "123") - '0';
    int32_t a, x = c->in[0];
    bool keep;

    MWI_TRY(mwi_keras_need_inputs(c, 1, 1));
    MWI_TRY(mwi_keras_need_rank(c, 0, n + 2, n + 2));
    MWI_TRY(mwi_keras_bool(c->ctx, c->layer, "keepdims", false, &keep));
    const mwi_keras_attr attrs[] = {{"keep_dims", keep}, {NULL, 0}};
    MWI_TRY(mwi_keras_i32s(c, (size_t)n, axes, &a));
    MWI_TRY(
        mwi_keras_op(c, average ? "MEAN" : "REDUCE_MAX", 2, (const int32_t[]){x, a}, attrs, &x));
    return mwi_keras_return(c, x);
}

static const char *const classes[] = {
    "GlobalAveragePooling2D", "GlobalMaxPooling2D", "GlobalMaxPooling1D",
    "GlobalAveragePooling3D", "GlobalMaxPooling3D", "GlobalAvgPool2D",
    "GlobalMaxPool2D",        "GlobalMaxPool1D",    NULL};
const mwi_keras_row mwi_keras_layer_global_pooling = {
    .classes = classes,
    .summary = "MEAN, REDUCE_MAX",
    .flags = MWI_KERAS_SPATIAL | MWI_KERAS_FOLLOWS_INPUT,
    .build = build,
};

/* The mean over the steps that count: sum(x * mask) / sum(mask). */
static mw_status masked_mean(mwi_keras_call *c, int32_t mask, bool keep, int32_t *out)
{
    static const mwi_keras_attr cast[] = {
        {"in_data_type", MW_BOOL}, {"out_data_type", MW_FLOAT32}, {NULL, 0}};
    const mwi_keras_attr attrs[] = {{"keep_dims", keep}, {NULL, 0}};
    const mwi_tensor *const t = mwi_keras_tensor(c, c->in[0]), *const m = mwi_keras_tensor(c, mask);
    int32_t axis, w, x, n;

    if (m->rank != 2 || m->dims[1] != t->dims[1])
        return mwi_fail(c->ctx, MW_EUNSUPPORTED, "takes a mask of another shape than its steps");
    MWI_TRY(mwi_keras_i32s(c, 1, (const int32_t[]){1}, &axis));
    MWI_TRY(mwi_keras_op(c, "CAST", 1, &mask, cast, &w));
    MWI_TRY(mwi_keras_reshape(c, w, 3, (const int32_t[]){m->dims[0], m->dims[1], 1}, &w));
    MWI_TRY(mwi_keras_binary(c, "MUL", c->in[0], w, &x));
    MWI_TRY(mwi_keras_op(c, "SUM", 2, (const int32_t[]){x, axis}, attrs, &x));
    MWI_TRY(mwi_keras_op(c, "SUM", 2, (const int32_t[]){w, axis}, attrs, &n));
    return mwi_keras_binary(c, "DIV", x, n, out);
}

static mw_status build_masked(mwi_keras_call *c)
{
    int32_t x;
    bool keep, first;

    MWI_TRY(mwi_keras_channels_first(c->ctx, c->layer, &first));
    if (c->n_in != 1 || c->masks[0] < 0 || first) return build(c);
    MWI_TRY(mwi_keras_need_rank(c, 0, 3, 3));
    MWI_TRY(mwi_keras_bool(c->ctx, c->layer, "keepdims", false, &keep));
    MWI_TRY(masked_mean(c, c->masks[0], keep, &x));
    return mwi_keras_return(c, x);
}

static const char *const masked[] = {"GlobalAveragePooling1D", "GlobalAvgPool1D", NULL};
const mwi_keras_row mwi_keras_layer_global_average_1d = {
    .classes = masked,
    .summary = "MEAN; SUM and DIV where steps are masked",
    .flags = MWI_KERAS_SPATIAL | MWI_KERAS_FOLLOWS_INPUT,
    .build = build_masked,
};
