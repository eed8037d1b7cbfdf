/* formats/keras/layers/layer_attention.c - Attention and MultiHeadAttention: FULLY_CONNECTED,
 * BATCH_MATMUL, SOFTMAX.
 * Depends: formats/keras/layer.  Used by: the list of layers only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/layer.h"

#include <math.h>
#include <string.h>

/* ---- shared ---- */

/* A flag given where the layer is called: use_causal_mask, return_attention_scores, ... */
static bool call_flag(const mwi_keras_call *c, const char *name)
{
    const json_t *const kwargs = json_is_object(c->args) ? json_object_get(c->args, "kwargs")
                                 : json_is_string(json_array_get(c->args, 0))
                                     ? json_array_get(c->args, 3)
                                     : json_array_get(json_array_get(c->args, 0), 3);
    return json_is_true(json_object_get(kwargs, name));
}

static mw_status refuse_flags(const mwi_keras_call *c)
{
    static const char *const flags[] = {"use_causal_mask", "return_attention_scores", "training"};

    for (size_t i = 0; i < MWI_COUNT(flags); i++)
        if (call_flag(c, flags[i]))
            return mwi_fail(c->ctx, MW_EUNSUPPORTED,
                            "is called with %s=True, which has no lowering here", flags[i]);
    return MW_OK;
}

/* The tensor of an argument: positional ones in `order`, named ones by their name; -1 when it is
 * not given. */
static int32_t argument(const mwi_keras_call *c, const char *const *order, const char *name)
{
    size_t position = 0;

    for (size_t i = 0; i < c->n_in; i++) {
        const char *const key = c->in_keys == NULL ? NULL : c->in_keys[i];
        const char *const is = key != NULL ? key : order[position];
        if (key == NULL && order[position + 1] != NULL) position++;
        if (is != NULL && strcmp(is, name) == 0) return c->in[i];
    }
    return -1;
}

static mw_status matmul(mwi_keras_call *c, int32_t a, int32_t b, bool transpose_b, int32_t *out)
{
    const mwi_keras_attr attrs[] = {{"adj_y", transpose_b}, {NULL, 0}};
    return mwi_keras_op(c, "BATCH_MATMUL", 2, (const int32_t[]){a, b}, attrs, out);
}

static mw_status softmax(mwi_keras_call *c, int32_t x, int32_t *out)
{
    static const mwi_keras_attr attrs[] = {{"beta", 1.0}, {NULL, 0}};
    return mwi_keras_op(c, "SOFTMAX", 1, &x, attrs, out);
}

/* ---- Attention: softmax(scale * query @ key^T) @ value ---- */

static mw_status check_attention(mw_ctx *ctx, const mwi_keras_layer *l)
{
    static const char *const modes[] = {"dot", NULL};
    bool causal;
    int mode;

    MWI_TRY(mwi_keras_choice(ctx, l, "score_mode", modes, &mode));
    MWI_TRY(mwi_keras_bool(ctx, l, "causal", false, &causal));
    return causal ? mwi_fail(ctx, MW_EUNSUPPORTED, "is causal, which has no lowering here") : MW_OK;
}

static mw_status build_attention(mwi_keras_call *c)
{
    int32_t scale, x;

    MWI_TRY(mwi_keras_need_inputs(c, 2, 3));
    MWI_TRY(refuse_flags(c));
    for (size_t i = 0; i < c->n_in; i++) {
        MWI_TRY(mwi_keras_need_rank(c, i, 3, 3));
        if (c->in_keys != NULL && c->in_keys[i] != NULL)
            return mwi_fail(c->ctx, MW_EUNSUPPORTED,
                            "is called with a tensor for '%s', which has no lowering here",
                            c->in_keys[i]);
    }
    MWI_TRY(matmul(c, c->in[0], c->in[c->n_in == 3 ? 2 : 1], true, &x));
    if (mwi_keras_slot_of(c->layer, "scale") != NULL) {
        MWI_TRY(mwi_keras_weight(c, &(mwi_keras_part){.weight = "scale", .rank = 0}, &scale));
        MWI_TRY(mwi_keras_binary(c, "MUL", x, scale, &x));
    }
    MWI_TRY(softmax(c, x, &x));
    MWI_TRY(matmul(c, x, c->in[1], false, &x));
    return mwi_keras_return(c, x);
}

static const char *const attention_classes[] = {"Attention", NULL};
static const mwi_keras_weight_rule attention_weights[] = {{.name = "scale", .when = "use_scale"},
                                                          {.name = NULL}};
const mwi_keras_row mwi_keras_layer_attention = {
    .classes = attention_classes,
    .summary = "BATCH_MATMUL, SOFTMAX",
    .weights = attention_weights,
    .check = check_attention,
    .build = build_attention,
};

/* ---- MultiHeadAttention ---- */

static mw_status check_heads(mw_ctx *ctx, const mwi_keras_layer *l)
{
    static const char *const refused[] = {"sliding_window", "use_gate", "flash_attention"};
    const json_t *const axes = mwi_keras_key(l, "attention_axes");
    int64_t n = 1;
    bool on;

    if (mwi_keras_key(l, refused[0]) != NULL)
        return mwi_fail(ctx, MW_EUNSUPPORTED, "has a sliding_window, which has no lowering here");
    MWI_TRY(mwi_keras_bool(ctx, l, refused[1], false, &on));
    if (on) return mwi_fail(ctx, MW_EUNSUPPORTED, "has use_gate, which has no lowering here");
    if (axes != NULL &&
        !mwi_keras_json_int(
            json_is_array(axes) && json_array_size(axes) == 1 ? json_array_get(axes, 0) : axes, &n))
        n = 0;
    return n == 1 || n == -2
               ? MW_OK
               : mwi_fail(ctx, MW_EUNSUPPORTED, "attends over several axes, allowed is axis 1");
}

typedef struct heads {
    int32_t n, key, value;
} heads;

/* [batch, steps, in] through (in, heads, width) to [batch, heads, steps, width]. */
static mw_status project(mwi_keras_call *c, const heads *h, const char *kernel, const char *bias,
                         int32_t x, int32_t width, int32_t *out)
{
    const mwi_tensor *const t = mwi_keras_tensor(c, x);
    static const mwi_keras_attr attrs[] = {{"keep_num_dims", 1}, {NULL, 0}};
    const int32_t n_in = t->dims[2], steps = t->dims[1], batch = t->dims[0], all = h->n * width;
    int32_t operands[3] = {x, -1, -1};

    MWI_TRY(mwi_keras_weight(c,
                             &(mwi_keras_part){.weight = kernel,
                                               .rank = 3,
                                               .dims = {n_in, h->n, width},
                                               .permuted = true,
                                               .perm = {1, 2, 0},
                                               .out_rank = 2,
                                               .out_dims = {all, n_in}},
                             &operands[1]));
    if (mwi_keras_slot_of(c->layer, bias) != NULL)
        MWI_TRY(mwi_keras_weight(
            c,
            &(mwi_keras_part){
                .weight = bias, .rank = 2, .dims = {h->n, width}, .out_rank = 1, .out_dims = {all}},
            &operands[2]));
    MWI_TRY(mwi_keras_op(c, "FULLY_CONNECTED", 3, operands, attrs, &x));
    MWI_TRY(mwi_keras_reshape(c, x, 4, (const int32_t[]){batch, steps, h->n, width}, &x));
    return mwi_keras_transpose(c, x, (const int32_t[]){0, 2, 1, 3}, out);
}

/* The last projection, (heads, width, out); `output_shape` says how wide, else it is the query's
 * width. */
static mw_status project_back(mwi_keras_call *c, const heads *h, int32_t x, int32_t query_width)
{
    static const mwi_keras_attr attrs[] = {{"keep_num_dims", 1}, {NULL, 0}};
    const mwi_tensor *const t = mwi_keras_tensor(c, x);
    const json_t *v = mwi_keras_key(c->layer, "output_shape");
    const int32_t steps = t->dims[2], batch = t->dims[0], all = h->n * h->value;
    int32_t operands[3] = {-1, -1, -1}, width = query_width;
    int64_t wanted;

    if (json_is_array(v) && json_array_size(v) == 1) v = json_array_get(v, 0);
    if (v != NULL) {
        if (!mwi_keras_json_int(v, &wanted) || wanted < 1 || wanted > INT32_MAX)
            return mwi_fail(c->ctx, MW_EUNSUPPORTED,
                            "has an output_shape of several dimensions, allowed is one");
        width = (int32_t)wanted;
    }
    MWI_TRY(mwi_keras_transpose(c, x, (const int32_t[]){0, 2, 1, 3}, &x));
    MWI_TRY(mwi_keras_reshape(c, x, 3, (const int32_t[]){batch, steps, all}, &operands[0]));
    MWI_TRY(mwi_keras_weight(c,
                             &(mwi_keras_part){.weight = "output_kernel",
                                               .rank = 3,
                                               .dims = {h->n, h->value, width},
                                               .permuted = true,
                                               .perm = {2, 0, 1},
                                               .out_rank = 2,
                                               .out_dims = {width, all}},
                             &operands[1]));
    if (mwi_keras_slot_of(c->layer, "output_bias") != NULL)
        MWI_TRY(mwi_keras_vector(c, "output_bias", width, &operands[2]));
    MWI_TRY(mwi_keras_op(c, "FULLY_CONNECTED", 3, operands, attrs, &x));
    return mwi_keras_return(c, x);
}

static mw_status build_heads(mwi_keras_call *c)
{
    static const char *const order[] = {"query", "value", "key", "query_mask", NULL};
    int32_t query, key, value, q, k, v;
    heads h;

    MWI_TRY(mwi_keras_need_inputs(c, 2, 3));
    MWI_TRY(refuse_flags(c));
    query = argument(c, order, "query");
    value = argument(c, order, "value");
    key = argument(c, order, "key");
    if (key < 0) key = value;
    if (query < 0 || value < 0)
        return mwi_fail(
            c->ctx, MW_EUNSUPPORTED,
            "is called with other tensors than query, value and key, which has no lowering here");
    for (size_t i = 0; i < c->n_in; i++) MWI_TRY(mwi_keras_need_rank(c, i, 3, 3));
    MWI_TRY(mwi_keras_int(c->ctx, c->layer, "num_heads", MWI_KERAS_REQUIRED, 1, 1 << 15, &h.n));
    MWI_TRY(mwi_keras_int(c->ctx, c->layer, "key_dim", MWI_KERAS_REQUIRED, 1, 1 << 15, &h.key));
    MWI_TRY(mwi_keras_int(c->ctx, c->layer, "value_dim", h.key, 1, 1 << 15, &h.value));
    MWI_TRY(project(c, &h, "query_kernel", "query_bias", query, h.key, &q));
    MWI_TRY(project(c, &h, "key_kernel", "key_bias", key, h.key, &k));
    MWI_TRY(project(c, &h, "value_kernel", "value_bias", value, h.value, &v));
    MWI_TRY(mwi_keras_with(c, "MUL", q, 1.0 / sqrt((double)h.key), &q));
    MWI_TRY(matmul(c, q, k, true, &q));
    MWI_TRY(softmax(c, q, &q));
    MWI_TRY(matmul(c, q, v, false, &q));
    return project_back(c, &h, q, mwi_keras_tensor(c, query)->dims[2]);
}

static const char *const heads_classes[] = {"MultiHeadAttention", NULL};
static const mwi_keras_weight_rule heads_weights[] = {
    {.name = "query_kernel|kernel", .sub = "query_dense|_query_dense"},
    {.name = "query_bias|bias", .sub = "query_dense|_query_dense", .when = "use_bias"},
    {.name = "key_kernel|kernel", .sub = "key_dense|_key_dense"},
    {.name = "key_bias|bias", .sub = "key_dense|_key_dense", .when = "use_bias"},
    {.name = "value_kernel|kernel", .sub = "value_dense|_value_dense"},
    {.name = "value_bias|bias", .sub = "value_dense|_value_dense", .when = "use_bias"},
    {.name = "output_kernel|kernel", .sub = "output_dense|_output_dense"},
    {.name = "output_bias|bias", .sub = "output_dense|_output_dense", .when = "use_bias"},
    {.name = NULL}};
const mwi_keras_row mwi_keras_layer_multi_head_attention = {
    .classes = heads_classes,
    .summary = "FULLY_CONNECTED, BATCH_MATMUL, SOFTMAX",
    .weights = heads_weights,
    .check = check_heads,
    .build = build_heads,
};
