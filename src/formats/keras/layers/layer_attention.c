/* formats/keras/layers/layer_attention.c - Attention and AdditiveAttention: BATCH_MATMUL, SOFTMAX,
 * with masks of time steps and causal ones.
 * Depends: layers/attention.  Used by: the list of layers only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/layers/attention.h"

#include <string.h>

static mw_status check(mw_ctx *ctx, const mwi_keras_layer *l)
{
    static const char *const modes[] = {"dot", "concat", NULL};
    int mode;

    return mwi_keras_choice(ctx, l, "score_mode", modes, &mode);
}

/* sum(weight * tanh(scale * (query + key))) over the last axis, of all pairs of steps. */
static mw_status add_scores(mwi_keras_call *c, int32_t query, int32_t key, int32_t scale,
                            int32_t weight, int32_t *out)
{
    static const mwi_keras_attr drop[] = {{"keep_dims", 0}, {NULL, 0}};
    const int32_t *const q = mwi_keras_tensor(c, query)->dims;
    const int32_t *const k = mwi_keras_tensor(c, key)->dims;
    int32_t a, b, x, axis;

    MWI_TRY(mwi_keras_reshape(c, query, 4, (const int32_t[]){q[0], q[1], 1, q[2]}, &a));
    MWI_TRY(mwi_keras_reshape(c, key, 4, (const int32_t[]){k[0], 1, k[1], k[2]}, &b));
    MWI_TRY(mwi_keras_binary(c, "ADD", a, b, &x));
    if (scale >= 0) MWI_TRY(mwi_keras_binary(c, "MUL", x, scale, &x));
    MWI_TRY(mwi_keras_unary(c, "TANH", x, &x));
    const bool each = weight >= 0 && mwi_keras_tensor(c, weight)->rank > 0;
    if (each) MWI_TRY(mwi_keras_binary(c, "MUL", x, weight, &x));
    MWI_TRY(mwi_keras_i32s(c, 1, (const int32_t[]){3}, &axis));
    MWI_TRY(mwi_keras_op(c, "SUM", 2, (const int32_t[]){x, axis}, drop, &x));
    if (weight >= 0 && !each) MWI_TRY(mwi_keras_binary(c, "MUL", x, weight, &x));
    return *out = x, MW_OK;
}

static mw_status number_weight(mwi_keras_call *c, const char *name, int32_t *out)
{
    *out = -1;
    if (mwi_keras_slot_of(c->layer, name) == NULL) return MW_OK;
    return mwi_keras_weight(c, &(mwi_keras_part){.weight = name, .rank = 0}, out);
}

static mw_status scores_of(mwi_keras_call *c, int32_t query, int32_t key, int32_t *out)
{
    const char *const mode = json_string_value(mwi_keras_key(c->layer, "score_mode"));
    const bool additive = mwi_keras_is_class(c->layer, "AdditiveAttention");
    const bool concat = mode != NULL && strcmp(mode, "concat") == 0;
    int32_t scale, weight = -1, x;

    if (additive) {
        if (mwi_keras_slot_of(c->layer, "scale") != NULL)
            MWI_TRY(mwi_keras_vector(c, "scale", mwi_keras_tensor(c, query)->dims[2], &weight));
        return add_scores(c, query, key, -1, weight, out);
    }
    MWI_TRY(number_weight(c, "scale", &scale));
    if (concat) {
        MWI_TRY(number_weight(c, "concat_score_weight", &weight));
        return add_scores(c, query, key, scale, weight, out);
    }
    MWI_TRY(mwi_keras_matmul(c, query, key, true, &x));
    if (scale >= 0) MWI_TRY(mwi_keras_binary(c, "MUL", x, scale, &x));
    return *out = x, MW_OK;
}

static mw_status apply_query_mask(mwi_keras_call *c, int32_t x, int32_t *out)
{
    static const mwi_keras_attr cast[] = {
        {"in_data_type", MW_BOOL}, {"out_data_type", MW_FLOAT32}, {NULL, 0}};
    int32_t mask = c->masks[0];

    if (mask < 0) return *out = x, MW_OK;
    const int32_t *const d = mwi_keras_tensor(c, mask)->dims;
    MWI_TRY(mwi_keras_op(c, "CAST", 1, &mask, cast, &mask));
    MWI_TRY(mwi_keras_reshape(c, mask, 3, (const int32_t[]){d[0], d[1], 1}, &mask));
    MWI_TRY(mwi_keras_binary(c, "MUL", x, mask, out));
    return mwi_keras_set_mask(c, *out, c->masks[0]);
}

static mw_status build(mwi_keras_call *c)
{
    int32_t scores, x, mask = -1;
    bool causal;

    MWI_TRY(mwi_keras_need_inputs(c, 2, 3));
    for (size_t i = 0; i < c->n_in; i++) {
        MWI_TRY(mwi_keras_need_rank(c, i, 3, 3));
        if (c->in_keys[i] != NULL)
            return mwi_fail(c->ctx, MW_EUNSUPPORTED,
                            "is called with a tensor for '%s', which has no lowering here",
                            c->in_keys[i]);
    }
    MWI_TRY(mwi_keras_bool(c->ctx, c->layer, "causal", false, &causal));
    causal |= mwi_keras_call_flag(c, "use_causal_mask");
    MWI_TRY(mwi_keras_refuse_training(c));
    const int32_t key = c->in[c->n_in == 3 ? 2 : 1], value = c->in[1];
    MWI_TRY(scores_of(c, c->in[0], key, &scores));
    const int32_t *const d = mwi_keras_tensor(c, scores)->dims;
    if (c->masks[1] >= 0) MWI_TRY(mwi_keras_mask_as(c, c->masks[1], 3, 2, &mask));
    if (causal) MWI_TRY(mwi_keras_causal_mask(c, 3, d[1], d[2], mask, &mask));
    MWI_TRY(mwi_keras_masked_softmax(c, scores, mask, &scores));
    MWI_TRY(mwi_keras_matmul(c, scores, value, false, &x));
    MWI_TRY(apply_query_mask(c, x, &x));
    MWI_TRY(mwi_keras_return(c, x));
    return mwi_keras_call_flag(c, "return_attention_scores") ? mwi_keras_return(c, scores) : MW_OK;
}

static const char *const dot_classes[] = {"Attention", NULL};
static const mwi_keras_weight_rule dot_weights[] = {
    {.name = "scale", .when = "use_scale"},
    {.name = "concat_score_weight", .when = "score_mode=concat"},
    {.name = NULL}};
const mwi_keras_row mwi_keras_layer_attention = {
    .classes = dot_classes,
    .summary = "BATCH_MATMUL, SOFTMAX",
    .weights = dot_weights,
    .check = check,
    .build = build,
};

static const char *const additive_classes[] = {"AdditiveAttention", NULL};
static const mwi_keras_weight_rule additive_weights[] = {{.name = "scale", .when = "use_scale"},
                                                         {.name = NULL}};
const mwi_keras_row mwi_keras_layer_additive_attention = {
    .classes = additive_classes,
    .summary = "ADD, TANH, SUM, SOFTMAX, BATCH_MATMUL",
    .weights = additive_weights,
    .build = build,
};
