/* formats/keras/layers/layer_categories.c - CategoryEncoding, Discretization, IntegerLookup:
 * comparisons and sums of integers, which quantization leaves alone, and ONE_HOT.
 * Depends: formats/keras/build.  Used by: the list of layers only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/build.h"

#include <string.h>

enum { MAX_ENTRIES = 1 << 16 };

static mw_status cast(mwi_keras_call *c, int32_t x, mw_dtype to, int32_t *out)
{
    const mw_dtype from = mwi_keras_tensor(c, x)->dtype;
    const mwi_keras_attr attrs[] = {
        {"in_data_type", (double)from}, {"out_data_type", (double)to}, {NULL, 0}};

    if (from == to) return *out = x, MW_OK;
    return mwi_keras_op(c, "CAST", 1, &x, attrs, out);
}

/* ---- how indices are given: int, one_hot, multi_hot, count ---- */

enum { AS_INT, AS_ONE_HOT, AS_MULTI_HOT, AS_COUNT };
static const char *const modes[] = {"int", "one_hot", "multi_hot", "count", "binary", NULL};

static mw_status read_mode(mw_ctx *ctx, const mwi_keras_layer *l, int def, int *out)
{
    *out = def;
    if (mwi_keras_key(l, "output_mode") == NULL) return MW_OK;
    MWI_TRY(mwi_keras_choice(ctx, l, "output_mode", modes, out));
    if (*out > AS_COUNT) *out = AS_MULTI_HOT; /* its name before Keras 2.6 */
    return MW_OK;
}

static mw_status one_hot(mwi_keras_call *c, int32_t x, int32_t depth, int32_t *out)
{
    const mwi_keras_attr attrs[] = {{"axis", -1}, {NULL, 0}};
    int32_t operands[4] = {x, -1, -1, -1};

    MWI_TRY(mwi_keras_const(c, "depth", MW_INT32, 0, NULL, &depth, &operands[1]));
    MWI_TRY(mwi_keras_scalar(c, 1.0, &operands[2]));
    MWI_TRY(mwi_keras_scalar(c, 0.0, &operands[3]));
    return mwi_keras_op(c, "ONE_HOT", 4, operands, attrs, out);
}

static mw_status encode(mwi_keras_call *c, int32_t x, int mode, int32_t depth)
{
    static const mwi_keras_attr drop[] = {{"keep_dims", 0}, {NULL, 0}};
    const mwi_tensor *const t = mwi_keras_tensor(c, x);
    int32_t axis;

    if (mode == AS_INT) {
        MWI_TRY(cast(c, x, MW_INT64, &x));
        return mwi_keras_return(c, x);
    }
    MWI_TRY(cast(c, x, MW_INT32, &x));
    if (mode == AS_ONE_HOT && t->rank > 1 && t->dims[t->rank - 1] == 1)
        MWI_TRY(mwi_keras_reshape(c, x, t->rank - 1, t->dims, &x));
    MWI_TRY(one_hot(c, x, depth, &x));
    if (mode != AS_ONE_HOT) {
        MWI_TRY(mwi_keras_i32s(c, 1, (const int32_t[]){1}, &axis));
        MWI_TRY(mwi_keras_op(c, mode == AS_COUNT ? "SUM" : "REDUCE_MAX", 2,
                             (const int32_t[]){x, axis}, drop, &x));
    }
    return mwi_keras_return(c, x);
}

/* ---- CategoryEncoding ---- */

static mw_status build_category(mwi_keras_call *c)
{
    int32_t depth;
    int mode;

    MWI_TRY(mwi_keras_need_inputs(c, 1, 1)); /* count_weights has no lowering */
    MWI_TRY(mwi_keras_need_rank(c, 0, 2, MW_MAX_RANK - 1));
    MWI_TRY(mwi_keras_int(c->ctx, c->layer, "num_tokens|max_tokens", MWI_KERAS_REQUIRED, 1,
                          INT32_MAX, &depth));
    MWI_TRY(read_mode(c->ctx, c->layer, AS_MULTI_HOT, &mode));
    return encode(c, c->in[0], mode, depth);
}

static const char *const category_classes[] = {"CategoryEncoding", NULL};
const mwi_keras_row mwi_keras_layer_category_encoding = {
    .classes = category_classes,
    .summary = "ONE_HOT, REDUCE_MAX, SUM",
    .flags = MWI_KERAS_ANY_TYPE,
    .build = build_category,
};

/* ---- where x stands among constants: a dimension more, compared, counted ---- */

/* sum over entries of (x op entry) * factor; factors NULL: 1 */
static mw_status count_matches(mwi_keras_call *c, int32_t x, const char *op, int32_t entries,
                               int32_t factors, int32_t *out)
{
    static const mwi_keras_attr drop[] = {{"keep_dims", 0}, {NULL, 0}};
    const mwi_tensor *const t = mwi_keras_tensor(c, x);
    int32_t dims[MW_MAX_RANK], axis;

    memcpy(dims, t->dims, sizeof dims);
    const int32_t rank = t->rank;
    dims[rank] = 1;
    MWI_TRY(mwi_keras_reshape(c, x, rank + 1, dims, &x));
    MWI_TRY(mwi_keras_binary(c, op, x, entries, &x));
    MWI_TRY(cast(c, x, MW_INT32, &x));
    if (factors >= 0) MWI_TRY(mwi_keras_binary(c, "MUL", x, factors, &x));
    MWI_TRY(mwi_keras_i32s(c, 1, &rank, &axis));
    return mwi_keras_op(c, "SUM", 2, (const int32_t[]){x, axis}, drop, out);
}

/* ---- Discretization ---- */

static mw_status check_bins(mw_ctx *ctx, const mwi_keras_layer *l)
{
    const json_t *const list = mwi_keras_key(l, "bin_boundaries");
    const size_t n = json_array_size(list);
    int mode;

    if (!json_is_array(list) || n == 0 || n > MAX_ENTRIES)
        return mwi_fail(ctx, MW_EUNSUPPORTED,
                        "has no bin_boundaries in its config; give 1 to %d when it is made",
                        MAX_ENTRIES);
    for (size_t i = 0; i < n; i++)
        if (!json_is_number(json_array_get(list, i)))
            return mwi_fail(ctx, MW_EFORMAT, "bin_boundaries holds what is no number");
    return read_mode(ctx, l, AS_INT, &mode);
}

static mw_status build_bins(mwi_keras_call *c)
{
    const json_t *const list = mwi_keras_key(c->layer, "bin_boundaries");
    const int32_t n = (int32_t)json_array_size(list);
    int32_t bounds, x;
    void *memory;
    int mode;

    MWI_TRY(mwi_keras_need_inputs(c, 1, 1));
    MWI_TRY(mwi_keras_need_rank(c, 0, 1, MW_MAX_RANK - 1));
    MWI_TRY(read_mode(c->ctx, c->layer, AS_INT, &mode));
    MWI_TRY(mwi_arena_array(c->ctx, c->build->scratch, (size_t)n, sizeof(float), &memory));
    for (int32_t i = 0; i < n; i++)
        ((float *)memory)[i] = (float)json_number_value(json_array_get(list, (size_t)i));
    MWI_TRY(mwi_keras_f32s(c, "boundaries", 1, &n, memory, &bounds));
    MWI_TRY(count_matches(c, c->in[0], "GREATER_EQUAL", bounds, -1, &x));
    return encode(c, x, mode, n + 1);
}

static const char *const bins_classes[] = {"Discretization", NULL};
const mwi_keras_row mwi_keras_layer_discretization = {
    .classes = bins_classes,
    .summary = "GREATER_EQUAL and SUM, ONE_HOT",
    .check = check_bins,
    .build = build_bins,
};

/* ---- IntegerLookup: its vocabulary is in the config ---- */

static mw_status check_lookup(mw_ctx *ctx, const mwi_keras_layer *l)
{
    const json_t *const list = mwi_keras_key(l, "vocabulary");
    int32_t unknown;
    bool invert;
    int64_t v;
    int mode;

    MWI_TRY(read_mode(ctx, l, AS_INT, &mode));
    MWI_TRY(mwi_keras_bool(ctx, l, "invert", false, &invert));
    if (invert) return mwi_fail(ctx, MW_EUNSUPPORTED, "has invert, which has no lowering here");
    MWI_TRY(mwi_keras_int(ctx, l, "num_oov_indices", 1, 0, INT32_MAX, &unknown));
    if (unknown > 1)
        return mwi_fail(ctx, MW_EUNSUPPORTED,
                        "has %d num_oov_indices, which are told apart by a hash; use 1", unknown);
    if (!json_is_array(list) || json_array_size(list) == 0 || json_array_size(list) > MAX_ENTRIES)
        return mwi_fail(ctx, MW_EUNSUPPORTED,
                        "has no vocabulary in its config; give 1 to %d entries when it is made",
                        MAX_ENTRIES);
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!mwi_keras_json_int(json_array_get(list, i), &v))
            return mwi_fail(ctx, MW_EFORMAT, "vocabulary holds what is no integer");
    return MW_OK;
}

/* What stands before the vocabulary: the token that masks, then the one for unknown values. */
typedef struct vocabulary {
    size_t first; /* entries of the list that are such tokens themselves */
    bool has_mask;
    int64_t mask;
    int32_t n_unknown, start;
} vocabulary;

static mw_status read_vocabulary(mwi_keras_call *c, int mode, vocabulary *v)
{
    const json_t *const list = mwi_keras_key(c->layer, "vocabulary");
    int64_t token[2] = {0, -1}, value;
    size_t n = 0;

    *v = (vocabulary){0};
    const json_t *const mask = mwi_keras_key(c->layer, "mask_token|mask_value");
    v->has_mask = mask != NULL && mwi_keras_json_int(mask, &v->mask);
    MWI_TRY(mwi_keras_int(c->ctx, c->layer, "num_oov_indices", 1, 0, 1, &v->n_unknown));
    const json_t *const unknown = mwi_keras_key(c->layer, "oov_token|oov_value");
    if (unknown != NULL) (void)mwi_keras_json_int(unknown, &token[1]);
    token[0] = v->mask;
    const size_t from = v->has_mask ? 0 : 1, to = v->n_unknown > 0 ? 2 : 1;
    for (size_t i = from; i < to; i++, n++)
        if (!mwi_keras_json_int(json_array_get(list, n), &value) || value != token[i]) break;
    if (to > from && n == to - from && n < json_array_size(list)) v->first = n;
    if (mode != AS_INT) v->has_mask = false;
    v->start = (v->has_mask ? 1 : 0) + v->n_unknown;
    return MW_OK;
}

static mw_status build_lookup(mwi_keras_call *c)
{
    const json_t *const list = mwi_keras_key(c->layer, "vocabulary");
    int32_t x, entries, factors, offset, depth;
    void *values, *places;
    vocabulary v;
    int mode;

    MWI_TRY(mwi_keras_need_inputs(c, 1, 1));
    MWI_TRY(mwi_keras_need_rank(c, 0, 1, MW_MAX_RANK - 1));
    MWI_TRY(read_mode(c->ctx, c->layer, AS_INT, &mode));
    MWI_TRY(read_vocabulary(c, mode, &v));
    const int32_t n_words = (int32_t)(json_array_size(list) - v.first);
    const int32_t unknown = v.n_unknown > 0 ? v.start - 1 : -1, n = n_words + v.has_mask;
    MWI_TRY(mwi_arena_array(c->ctx, c->build->scratch, (size_t)n, sizeof(int64_t), &values));
    MWI_TRY(mwi_arena_array(c->ctx, c->build->scratch, (size_t)n, sizeof(int32_t), &places));
    for (int32_t i = 0; i < n_words; i++) {
        (void)mwi_keras_json_int(json_array_get(list, v.first + (size_t)i), (int64_t *)values + i);
        ((int32_t *)places)[i] = v.start + i - unknown;
    }
    if (v.has_mask) ((int64_t *)values)[n_words] = v.mask, ((int32_t *)places)[n_words] = -unknown;
    MWI_TRY(cast(c, c->in[0], MW_INT64, &x));
    MWI_TRY(mwi_keras_const(c, "vocabulary", MW_INT64, 1, &n, values, &entries));
    MWI_TRY(mwi_keras_const(c, "places", MW_INT32, 1, &n, places, &factors));
    MWI_TRY(count_matches(c, x, "EQUAL", entries, factors, &x));
    MWI_TRY(mwi_keras_const(c, "unknown", MW_INT32, 0, NULL, &unknown, &offset));
    MWI_TRY(mwi_keras_binary(c, "ADD", x, offset, &x));
    MWI_TRY(mwi_keras_int(c->ctx, c->layer, "max_tokens", 0, 0, INT32_MAX, &depth));
    bool padded;
    MWI_TRY(mwi_keras_bool(c->ctx, c->layer, "pad_to_max_tokens", false, &padded));
    return encode(c, x, mode, padded && depth > 0 ? depth : v.start + n_words);
}

static const char *const lookup_classes[] = {"IntegerLookup", NULL};
const mwi_keras_row mwi_keras_layer_integer_lookup = {
    .classes = lookup_classes,
    .summary = "EQUAL, MUL and SUM, ONE_HOT",
    .flags = MWI_KERAS_ANY_TYPE,
    .check = check_lookup,
    .build = build_lookup,
};
