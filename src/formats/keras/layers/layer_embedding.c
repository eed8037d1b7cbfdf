/* formats/keras/layers/layer_embedding.c - Embedding: GATHER; Masking.
 * Depends: formats/keras/build.  Used by: the list of layers only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/build.h"

/* Indices that come as floats are cut to integers, as Keras does. */
static mw_status to_indices(mwi_keras_call *c, int32_t x, int32_t *out)
{
    const mw_dtype dtype = mwi_keras_tensor(c, x)->dtype;
    const mwi_keras_attr attrs[] = {
        {"in_data_type", (double)dtype}, {"out_data_type", MW_INT32}, {NULL, 0}};

    if (dtype == MW_INT32 || dtype == MW_INT64) return *out = x, MW_OK;
    return mwi_keras_op(c, "CAST", 1, &x, attrs, out);
}

static mw_status zero_like(mwi_keras_call *c, int32_t ids, int32_t *out)
{
    static const int64_t zero = 0;

    if (mwi_keras_tensor(c, ids)->dtype == MW_INT32)
        return mwi_keras_i32s(c, 1, (const int32_t[]){0}, out);
    return mwi_graph_add_const(c->ctx, c->build->model, c->build->graph, "zero", MW_INT64, 0, NULL,
                               &zero, out);
}

static mw_status build_embedding(mwi_keras_call *c)
{
    static const mwi_keras_attr attrs[] = {{"axis", 0}, {NULL, 0}};
    int32_t n, width, table, ids, x, zero, counts;
    bool mask;

    MWI_TRY(mwi_keras_need_inputs(c, 1, 1));
    MWI_TRY(mwi_keras_int(c->ctx, c->layer, "input_dim", MWI_KERAS_REQUIRED, 1, INT32_MAX, &n));
    MWI_TRY(
        mwi_keras_int(c->ctx, c->layer, "output_dim", MWI_KERAS_REQUIRED, 1, INT32_MAX, &width));
    MWI_TRY(mwi_keras_bool(c->ctx, c->layer, "mask_zero", false, &mask));
    MWI_TRY(to_indices(c, c->in[0], &ids));
    MWI_TRY(mwi_keras_weight(
        c, &(mwi_keras_part){.weight = "embeddings", .rank = 2, .dims = {n, width}}, &table));
    MWI_TRY(mwi_keras_op(c, "GATHER", 2, (const int32_t[]){table, ids}, attrs, &x));
    MWI_TRY(mwi_keras_return(c, x));
    if (!mask) return MW_OK;
    MWI_TRY(zero_like(c, ids, &zero));
    MWI_TRY(mwi_keras_binary(c, "NOT_EQUAL", ids, zero, &counts));
    return mwi_keras_set_mask(c, x, counts);
}

static const char *const embedding_classes[] = {"Embedding", NULL};
static const mwi_keras_weight_rule weights[] = {{.name = "embeddings|W"}, {.name = NULL}};
const mwi_keras_row mwi_keras_layer_embedding = {
    .classes = embedding_classes,
    .summary = "GATHER",
    .weights = weights,
    .flags = MWI_KERAS_ANY_TYPE,
    .build = build_embedding,
};

/* Steps of which every value is mask_value become zeros, and are left out by layers that look at
 * the mask. */
static mw_status build_masking(mwi_keras_call *c)
{
    static const mwi_keras_attr keep[] = {{"keep_dims", 1}, {NULL, 0}};
    static const mwi_keras_attr cast[] = {
        {"in_data_type", MW_BOOL}, {"out_data_type", MW_FLOAT32}, {NULL, 0}};
    const int32_t last = mwi_keras_tensor(c, c->in[0])->rank - 1;
    int32_t x = c->in[0], other, axis, counts;
    static const mwi_keras_attr drop[] = {{"keep_dims", 0}, {NULL, 0}};
    double value;

    MWI_TRY(mwi_keras_need_inputs(c, 1, 1));
    MWI_TRY(mwi_keras_float(c->ctx, c->layer, "mask_value", 0.0, &value));
    MWI_TRY(mwi_keras_with(c, "NOT_EQUAL", x, value, &other));
    MWI_TRY(mwi_keras_i32s(c, 1, &last, &axis));
    MWI_TRY(mwi_keras_op(c, "REDUCE_ANY", 2, (const int32_t[]){other, axis}, drop, &counts));
    MWI_TRY(mwi_keras_op(c, "REDUCE_ANY", 2, (const int32_t[]){other, axis}, keep, &other));
    MWI_TRY(mwi_keras_op(c, "CAST", 1, &other, cast, &other));
    MWI_TRY(mwi_keras_binary(c, "MUL", x, other, &x));
    MWI_TRY(mwi_keras_set_mask(c, x, counts));
    return mwi_keras_return(c, x);
}

static const char *const masking_classes[] = {"Masking", NULL};
const mwi_keras_row mwi_keras_layer_masking = {
    .classes = masking_classes,
    .summary = "NOT_EQUAL, REDUCE_ANY and MUL",
    .build = build_masking,
};
