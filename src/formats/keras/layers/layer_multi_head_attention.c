/* formats/keras/layers/layer_multi_head_attention.c - MultiHeadAttention and
 * GroupedQueryAttention: FULLY_CONNECTED, BATCH_MATMUL, SOFTMAX.
 * Depends: layers/attention.  Used by: the list of layers only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/layers/attention.h"

#include <math.h>
#include <string.h>

enum { MAX_WIDTH = 1 << 15 };

typedef struct heads {
    int32_t n, n_kv; /* of queries; of keys and values, which several queries share */
    int32_t key, value;
    int32_t rank;              /* of query and value */
    bool attends[MW_MAX_RANK]; /* axes that are attended over */
    int32_t perm[MW_MAX_RANK]; /* [batch, other axes, heads, attended axes, width] */
} heads;

static mw_status check(mw_ctx *ctx, const mwi_keras_layer *l)
{
    if (mwi_keras_key(l, "sliding_window") == NULL) return MW_OK;
    return mwi_fail(ctx, MW_EUNSUPPORTED, "has a sliding_window, which has no lowering here");
}

/* The tensor of an argument: positional ones in order, named ones by their name; -1 when it is not
 * given. */
static int32_t argument(const mwi_keras_call *c, const char *name)
{
    static const char *const order[] = {"query", "value", "key"};
    size_t position = 0;

    for (size_t i = 0; i < c->n_in; i++) {
        const char *is = c->in_keys[i];
        if (is == NULL && position < MWI_COUNT(order)) is = order[position++];
        if (is != NULL && strcmp(is, name) == 0) return c->in[i];
    }
    return -1;
}

static mw_status read_axes(mwi_keras_call *c, heads *h)
{
    const json_t *const v = mwi_keras_key(c->layer, "attention_axes");
    int32_t axis, n = 0;
    int64_t wanted;

    for (int32_t i = 1; i < h->rank - 1; i++) h->attends[i] = v == NULL;
    for (size_t i = 0; v != NULL && i < (json_is_array(v) ? json_array_size(v) : 1); i++) {
        if (!mwi_keras_json_int(json_is_array(v) ? json_array_get(v, i) : v, &wanted))
            return mwi_fail(c->ctx, MW_EFORMAT, "attention_axes is not a list of integers");
        MWI_TRY(mwi_keras_axis(c->ctx, "attention_axes", wanted, h->rank, &axis));
        if (axis == 0 || axis == h->rank - 1)
            return mwi_fail(c->ctx, MW_EUNSUPPORTED, "attends over axis %d", axis);
        h->attends[axis] = true;
    }
    h->perm[n++] = 0;
    for (int32_t i = 1; i < h->rank - 1; i++)
        if (!h->attends[i]) h->perm[n++] = i;
    h->perm[n++] = h->rank - 1; /* the heads, in the place of the width */
    for (int32_t i = 1; i < h->rank - 1; i++)
        if (h->attends[i]) h->perm[n++] = i;
    h->perm[n] = h->rank;
    return MW_OK;
}

static mw_status read_heads(mwi_keras_call *c, heads *h)
{
    const mwi_keras_layer *const l = c->layer;
    const bool grouped = !mwi_keras_is_class(l, "MultiHeadAttention");

    MWI_TRY(mwi_keras_int(c->ctx, l, grouped ? "num_query_heads" : "num_heads", MWI_KERAS_REQUIRED,
                          1, MAX_WIDTH, &h->n));
    MWI_TRY(mwi_keras_int(c->ctx, l, grouped ? "head_dim" : "key_dim", MWI_KERAS_REQUIRED, 1,
                          MAX_WIDTH, &h->key));
    MWI_TRY(mwi_keras_int(c->ctx, l, "value_dim", h->key, 1, MAX_WIDTH, &h->value));
    MWI_TRY(mwi_keras_int(c->ctx, l, "num_key_value_heads", h->n, 1, MAX_WIDTH, &h->n_kv));
    if (h->n % h->n_kv != 0)
        return mwi_fail(c->ctx, MW_EFORMAT,
                        "num_key_value_heads is %d, allowed is a divisor of %d heads", h->n_kv,
                        h->n);
    return read_axes(c, h);
}

static mw_status dense(mwi_keras_call *c, int32_t x, int32_t kernel, int32_t bias, int32_t *out)
{
    static const mwi_keras_attr attrs[] = {{"keep_num_dims", 1}, {NULL, 0}};
    return mwi_keras_op(c, "FULLY_CONNECTED", 3, (const int32_t[]){x, kernel, bias}, attrs, out);
}

/* Attended axes as one, and all others but the batch with the heads as one: rank 4. */
static mw_status as_rows(mwi_keras_call *c, const heads *h, int32_t x, int32_t *out)
{
    const mwi_tensor *const t = mwi_keras_tensor(c, x);
    const int32_t last = t->rank - 1;
    int32_t rows = 1, steps = 1, n = 1;

    for (int32_t i = 1; i < h->rank - 1; i++) n += !h->attends[i];
    for (int32_t i = 1; i < last; i++) {
        int32_t *const part = i <= n ? &rows : &steps;
        if (*part > INT32_MAX / t->dims[i]) return mwi_fail(c->ctx, MW_ELIMIT, "too many steps");
        *part *= t->dims[i];
    }
    return mwi_keras_reshape(c, x, 4, (const int32_t[]){t->dims[0], rows, steps, t->dims[last]},
                             out);
}

/* [batch, axes..., in] through (in, heads, width) to [batch, rows, steps, width]. */
static mw_status project(mwi_keras_call *c, const heads *h, const char *kernel, const char *bias,
                         int32_t x, int32_t n_heads, int32_t width, int32_t *out)
{
    const mwi_tensor *const t = mwi_keras_tensor(c, x);
    const int32_t n_in = t->dims[h->rank - 1], all = n_heads * width;
    int32_t dims[MW_MAX_RANK], k, b = -1;

    memcpy(dims, t->dims, sizeof dims);
    dims[h->rank - 1] = n_heads;
    dims[h->rank] = width;
    MWI_TRY(mwi_keras_weight(c,
                             &(mwi_keras_part){.weight = kernel,
                                               .rank = 3,
                                               .dims = {n_in, n_heads, width},
                                               .permuted = true,
                                               .perm = {1, 2, 0},
                                               .out_rank = 2,
                                               .out_dims = {all, n_in}},
                             &k));
    bool has_bias;
    MWI_TRY(mwi_keras_bool(c->ctx, c->layer, "use_bias", true, &has_bias));
    if (has_bias)
        MWI_TRY(mwi_keras_weight(c,
                                 &(mwi_keras_part){.weight = bias,
                                                   .rank = 2,
                                                   .dims = {n_heads, width},
                                                   .out_rank = 1,
                                                   .out_dims = {all}},
                                 &b));
    MWI_TRY(dense(c, x, k, b, &x));
    MWI_TRY(mwi_keras_reshape(c, x, h->rank + 1, dims, &x));
    MWI_TRY(mwi_keras_transpose(c, x, h->perm, &x));
    return as_rows(c, h, x, out);
}

/* Keys and values of shared heads, once for each query's head. */
static mw_status spread_heads(mwi_keras_call *c, const heads *h, int32_t x, int32_t *out)
{
    static const mwi_keras_attr attrs[] = {{"axis", 1}, {NULL, 0}};
    void *memory;
    int32_t places;

    if (h->n == h->n_kv) return *out = x, MW_OK;
    MWI_TRY(mwi_arena_array(c->ctx, c->build->scratch, (size_t)h->n, sizeof(int32_t), &memory));
    for (int32_t i = 0; i < h->n; i++) ((int32_t *)memory)[i] = i / (h->n / h->n_kv);
    MWI_TRY(mwi_keras_i32s(c, (size_t)h->n, memory, &places));
    return mwi_keras_op(c, "GATHER", 2, (const int32_t[]){x, places}, attrs, out);
}

/* The last projection, (heads, width, out); `output_shape` says how wide, else it is the query's
 * width. */
static mw_status project_back(mwi_keras_call *c, const heads *h, int32_t x, int32_t query)
{
    const mwi_tensor *const q = mwi_keras_tensor(c, query);
    const json_t *v = mwi_keras_key(c->layer, "output_shape");
    const int32_t all = h->n * h->value;
    int32_t width = q->dims[h->rank - 1], dims[MW_MAX_RANK], moved[MW_MAX_RANK], back[MW_MAX_RANK];
    int32_t kernel, bias = -1;
    int64_t wanted;

    if (json_is_array(v) && json_array_size(v) == 1) v = json_array_get(v, 0);
    if (v != NULL) {
        if (!mwi_keras_json_int(v, &wanted) || wanted < 1 || wanted > INT32_MAX)
            return mwi_fail(c->ctx, MW_EUNSUPPORTED,
                            "has an output_shape of several dimensions, allowed is one");
        width = (int32_t)wanted;
    }
    memcpy(dims, q->dims, sizeof dims);
    dims[h->rank - 1] = h->n;
    dims[h->rank] = h->value;
    for (int32_t i = 0; i <= h->rank; i++) moved[i] = dims[h->perm[i]], back[h->perm[i]] = i;
    MWI_TRY(mwi_keras_reshape(c, x, h->rank + 1, moved, &x));
    MWI_TRY(mwi_keras_transpose(c, x, back, &x));
    dims[h->rank - 1] = all;
    MWI_TRY(mwi_keras_reshape(c, x, h->rank, dims, &x));
    MWI_TRY(mwi_keras_weight(c,
                             &(mwi_keras_part){.weight = "output_kernel",
                                               .rank = 3,
                                               .dims = {h->n, h->value, width},
                                               .permuted = true,
                                               .perm = {2, 0, 1},
                                               .out_rank = 2,
                                               .out_dims = {width, all}},
                             &kernel));
    if (mwi_keras_slot_of(c->layer, "output_bias") != NULL)
        MWI_TRY(mwi_keras_vector(c, "output_bias", width, &bias));
    MWI_TRY(dense(c, x, kernel, bias, &x));
    return mwi_keras_return(c, x);
}

/* ---- masks: of query, value and key, the caller's own, causal; as [batch, 1, steps, keys] ---- */

static mw_status own_mask(mwi_keras_call *c, int32_t given, int32_t *mask)
{
    const mwi_tensor *const t = mwi_keras_tensor(c, given);
    const mwi_keras_attr attrs[] = {
        {"in_data_type", (double)t->dtype}, {"out_data_type", MW_BOOL}, {NULL, 0}};
    int32_t m = given;

    if (t->rank < 3 || t->rank > 4)
        return mwi_fail(c->ctx, MW_EUNSUPPORTED, "takes an attention_mask of rank %d", t->rank);
    if (t->dtype != MW_BOOL) MWI_TRY(mwi_keras_op(c, "CAST", 1, &given, attrs, &m));
    if (t->rank == 3)
        MWI_TRY(mwi_keras_reshape(c, m, 4, (const int32_t[]){t->dims[0], 1, t->dims[1], t->dims[2]},
                                  &m));
    return mwi_keras_and_masks(c, *mask, m, mask);
}

static mw_status steps_mask(mwi_keras_call *c, const char *name, int32_t value, int32_t axis,
                            int32_t *mask)
{
    int32_t m = argument(c, name);

    if (m >= 0) { /* Keras 3 writes the masks that values bring as arguments, too */
        const mwi_keras_attr attrs[] = {{"in_data_type", (double)mwi_keras_tensor(c, m)->dtype},
                                        {"out_data_type", MW_BOOL},
                                        {NULL, 0}};
        if (mwi_keras_tensor(c, m)->dtype != MW_BOOL)
            MWI_TRY(mwi_keras_op(c, "CAST", 1, &m, attrs, &m));
    } else {
        for (size_t i = 0; i < c->n_in; i++)
            if (c->in[i] == value && m < 0) m = c->masks[i];
    }
    if (m < 0) return MW_OK;
    MWI_TRY(mwi_keras_mask_as(c, m, 4, axis, &m));
    return mwi_keras_and_masks(c, *mask, m, mask);
}

static mw_status all_masks(mwi_keras_call *c, const heads *h, int32_t query, int32_t value,
                           int32_t key, int32_t scores, int32_t *mask)
{
    const int32_t *const d = mwi_keras_tensor(c, scores)->dims;
    const int32_t given = argument(c, "attention_mask");

    *mask = -1;
    MWI_TRY(steps_mask(c, "query_mask", query, 2, mask));
    MWI_TRY(steps_mask(c, "value_mask", value, 3, mask));
    if (key != value) MWI_TRY(steps_mask(c, "key_mask", key, 3, mask));
    if (given >= 0) MWI_TRY(own_mask(c, given, mask));
    if (mwi_keras_call_flag(c, "use_causal_mask"))
        MWI_TRY(mwi_keras_causal_mask(c, 4, d[2], d[3], *mask, mask));
    if (*mask >= 0 && h->rank != 3)
        return mwi_fail(c->ctx, MW_EUNSUPPORTED,
                        "takes a mask over inputs of rank %d, allowed is 3", h->rank);
    return MW_OK;
}

/* In Keras 3 the values that MultiHeadAttention is called with have no mask afterwards: a residual
 * connection around it loses the mask. */
static mw_status forget_masks(mwi_keras_call *c)
{
    if (c->layer->keras_major < 3 || !mwi_keras_is_class(c->layer, "MultiHeadAttention"))
        return MW_OK;
    for (size_t i = 0; i < c->n_in; i++) MWI_TRY(mwi_keras_set_mask(c, c->in[i], -1));
    return MW_OK;
}

static mw_status build(mwi_keras_call *c)
{
    int32_t q, k, v, mask;
    heads h = {0};

    MWI_TRY(mwi_keras_need_inputs(c, 1, SIZE_MAX));
    MWI_TRY(mwi_keras_refuse_training(c));
    const int32_t query = argument(c, "query"), value = argument(c, "value");
    const int32_t key = argument(c, "key") < 0 ? value : argument(c, "key");
    if (query < 0 || value < 0)
        return mwi_fail(c->ctx, MW_EFORMAT, "is called without a query or a value");
    h.rank = mwi_keras_tensor(c, query)->rank;
    if (h.rank < 3 || h.rank > MWI_KERAS_WEIGHT_RANK ||
        mwi_keras_tensor(c, value)->rank != h.rank || mwi_keras_tensor(c, key)->rank != h.rank)
        return mwi_fail(c->ctx, MW_EFORMAT, "takes query, key and value of one rank from 3 to %d",
                        MWI_KERAS_WEIGHT_RANK);
    MWI_TRY(read_heads(c, &h));
    MWI_TRY(project(c, &h, "query_kernel", "query_bias", query, h.n, h.key, &q));
    MWI_TRY(project(c, &h, "key_kernel", "key_bias", key, h.n_kv, h.key, &k));
    MWI_TRY(project(c, &h, "value_kernel", "value_bias", value, h.n_kv, h.value, &v));
    MWI_TRY(spread_heads(c, &h, k, &k));
    MWI_TRY(spread_heads(c, &h, v, &v));
    MWI_TRY(mwi_keras_with(c, "MUL", q, 1.0 / sqrt((double)h.key), &q));
    MWI_TRY(mwi_keras_matmul(c, q, k, true, &q));
    MWI_TRY(all_masks(c, &h, query, value, key, q, &mask));
    MWI_TRY(mwi_keras_masked_softmax(c, q, mask, &k));
    MWI_TRY(mwi_keras_matmul(c, k, v, false, &q));
    if (mwi_keras_slot_of(c->layer, "gate_kernel") != NULL) {
        MWI_TRY(project(c, &h, "gate_kernel", "gate_bias", query, h.n, h.value, &v));
        MWI_TRY(mwi_keras_unary(c, "LOGISTIC", v, &v));
        MWI_TRY(mwi_keras_binary(c, "MUL", q, v, &q));
    }
    MWI_TRY(project_back(c, &h, q, query));
    MWI_TRY(forget_masks(c));
    if (!mwi_keras_call_flag(c, "return_attention_scores")) return MW_OK;
    if (h.rank != 3)
        return mwi_fail(c->ctx, MW_EUNSUPPORTED, "returns scores over inputs of rank %d", h.rank);
    return mwi_keras_return(c, k);
}

static const mwi_keras_weight_rule weights[] = {
    {.name = "query_kernel|kernel", .sub = "query_dense|_query_dense"},
    {.name = "query_bias|bias", .sub = "query_dense|_query_dense", .when = "use_bias"},
    {.name = "key_kernel|kernel", .sub = "key_dense|_key_dense"},
    {.name = "key_bias|bias", .sub = "key_dense|_key_dense", .when = "use_bias"},
    {.name = "gate_kernel|kernel", .sub = "gate_dense|_gate_dense", .when = "use_gate=true"},
    {.name = "gate_bias|bias", .sub = "gate_dense|_gate_dense", .when = "use_gate=true"},
    {.name = "value_kernel|kernel", .sub = "value_dense|_value_dense"},
    {.name = "value_bias|bias", .sub = "value_dense|_value_dense", .when = "use_bias"},
    {.name = "output_kernel|kernel", .sub = "output_dense|_output_dense"},
    {.name = "output_bias|bias", .sub = "output_dense|_output_dense", .when = "use_bias"},
    {.name = NULL}};
static const char *const classes[] = {"MultiHeadAttention", "GroupedQueryAttention",
                                      "GroupQueryAttention", NULL};
const mwi_keras_row mwi_keras_layer_multi_head_attention = {
    .classes = classes,
    .summary = "FULLY_CONNECTED, BATCH_MATMUL, SOFTMAX",
    .weights = weights,
    .flags = MWI_KERAS_PASSES_MASK,
    .check = check,
    .build = build,
};
