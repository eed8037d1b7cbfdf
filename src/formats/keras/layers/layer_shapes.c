/* formats/keras/layers/layer_shapes.c - Flatten, Reshape, Permute, RepeatVector.
 * Depends: formats/keras/layer.  Used by: the list of layers only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/layer.h"

/* ---- Flatten ---- */

static mw_status build_flatten(mwi_keras_call *c)
{
    const mwi_tensor *const x = mwi_keras_tensor(c, c->in[0]);
    size_t n;
    int32_t out;

    MWI_TRY(mwi_keras_need_inputs(c, 1, 1));
    if (!mwi_dims_count(x->rank - 1, x->dims + 1, &n) || n > INT32_MAX)
        return mwi_fail(c->ctx, MW_ELIMIT, "flattens too many values");
    MWI_TRY(mwi_keras_reshape(c, c->in[0], 2, (const int32_t[]){x->dims[0], (int32_t)n}, &out));
    return mwi_keras_return(c, out);
}

/* channels_first: Keras flattens as if the channels were last; the builder brings them there. */
static const char *const flatten_classes[] = {"Flatten", NULL};
const mwi_keras_row mwi_keras_layer_flatten = {
    .classes = flatten_classes,
    .summary = "RESHAPE",
    .flags = MWI_KERAS_SPATIAL | MWI_KERAS_ANY_TYPE | MWI_KERAS_FOLLOWS_INPUT,
    .build = build_flatten,
};

/* ---- Reshape ---- */

/* One dimension may be -1: what is left. */
static mw_status target_dims(mwi_keras_call *c, const json_t *list, size_t count, int32_t *dims)
{
    size_t known = 1, open = SIZE_MAX;
    char text[80];

    for (size_t i = 0; i < json_array_size(list); i++) {
        int64_t d;
        if (json_is_null(json_array_get(list, i)))
            d = -1;
        else if (!mwi_keras_json_int(json_array_get(list, i), &d))
            d = 0;
        if ((d == -1 && open != SIZE_MAX) || d == 0 || d < -1 || d > INT32_MAX ||
            (d > 0 && __builtin_mul_overflow(known, (size_t)d, &known)))
            return mwi_fail(c->ctx, MW_EFORMAT,
                            "target_shape is %s, allowed are dimensions from 1 and one -1",
                            mwi_keras_show(list, text, sizeof text));
        dims[i] = (int32_t)d;
        if (d == -1) open = i;
    }
    if (open == SIZE_MAX ? known == count : count % known == 0) {
        if (open != SIZE_MAX) dims[open] = (int32_t)(count / known);
        return MW_OK;
    }
    return mwi_fail(c->ctx, MW_EFORMAT, "target_shape %s does not hold %zu values",
                    mwi_keras_show(list, text, sizeof text), count);
}

static mw_status build_reshape(mwi_keras_call *c)
{
    const json_t *const list = mwi_keras_key(c->layer, "target_shape");
    const mwi_tensor *const x = mwi_keras_tensor(c, c->in[0]);
    int32_t dims[MW_MAX_RANK], out;
    size_t count = 0;

    MWI_TRY(mwi_keras_need_inputs(c, 1, 1));
    if (!json_is_array(list) || json_array_size(list) > MW_MAX_RANK - 1)
        return mwi_fail(c->ctx, MW_EFORMAT, "target_shape is not a list of at most %d dimensions",
                        MW_MAX_RANK - 1);
    if (!mwi_dims_count(x->rank - 1, x->dims + 1, &count) || count > INT32_MAX)
        return mwi_fail(c->ctx, MW_ELIMIT, "reshapes too many values");
    dims[0] = x->dims[0];
    MWI_TRY(target_dims(c, list, count, dims + 1));
    MWI_TRY(mwi_keras_reshape(c, c->in[0], 1 + (int32_t)json_array_size(list), dims, &out));
    return mwi_keras_return(c, out);
}

static const char *const reshape_classes[] = {"Reshape", NULL};
const mwi_keras_row mwi_keras_layer_reshape = {
    .classes = reshape_classes,
    .summary = "RESHAPE",
    .flags = MWI_KERAS_ANY_TYPE | MWI_KERAS_FOLLOWS_INPUT,
    .shape_key = "target_shape",
    .build = build_reshape,
};

/* ---- Permute ---- */

static mw_status build_permute(mwi_keras_call *c)
{
    const int32_t rank = mwi_keras_tensor(c, c->in[0])->rank;
    int32_t perm[MW_MAX_RANK] = {0}, out;
    unsigned seen = 1;

    MWI_TRY(mwi_keras_need_inputs(c, 1, 1));
    MWI_TRY(mwi_keras_ints(c->ctx, c->layer, "dims", (size_t)rank - 1, MWI_KERAS_REQUIRED, 1,
                           rank - 1, perm + 1));
    for (int32_t i = 1; i < rank; i++) seen |= 1u << perm[i];
    if (seen != (1u << rank) - 1)
        return mwi_fail(c->ctx, MW_EFORMAT, "dims names a dimension twice");
    MWI_TRY(mwi_keras_transpose(c, c->in[0], perm, &out));
    return mwi_keras_return(c, out);
}

static const char *const permute_classes[] = {"Permute", NULL};
const mwi_keras_row mwi_keras_layer_permute = {
    .classes = permute_classes,
    .summary = "TRANSPOSE",
    .flags = MWI_KERAS_ANY_TYPE | MWI_KERAS_FOLLOWS_INPUT,
    .build = build_permute,
};

/* ---- RepeatVector ---- */

static mw_status build_repeat(mwi_keras_call *c)
{
    const mwi_tensor *const t = mwi_keras_tensor(c, c->in[0]);
    int32_t n, x, times;

    MWI_TRY(mwi_keras_need_inputs(c, 1, 1));
    MWI_TRY(mwi_keras_need_rank(c, 0, 2, 2));
    MWI_TRY(mwi_keras_int(c->ctx, c->layer, "n", MWI_KERAS_REQUIRED, 1, INT32_MAX, &n));
    MWI_TRY(mwi_keras_reshape(c, c->in[0], 3, (const int32_t[]){t->dims[0], 1, t->dims[1]}, &x));
    MWI_TRY(mwi_keras_i32s(c, 3, (const int32_t[]){1, n, 1}, &times));
    if (n > 1) MWI_TRY(mwi_keras_binary(c, "TILE", x, times, &x));
    return mwi_keras_return(c, x);
}

static const char *const repeat_classes[] = {"RepeatVector", NULL};
const mwi_keras_row mwi_keras_layer_repeat_vector = {
    .classes = repeat_classes,
    .summary = "RESHAPE and TILE",
    .flags = MWI_KERAS_ANY_TYPE | MWI_KERAS_FOLLOWS_INPUT,
    .build = build_repeat,
};
