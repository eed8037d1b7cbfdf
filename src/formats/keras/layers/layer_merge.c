/* formats/keras/layers/layer_merge.c - Add, Subtract, Multiply, Average, Maximum, Minimum, and
 * Keras 1's Merge.
 * Depends: formats/keras/layer.  Used by: the list of layers only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/layer.h"

#include <string.h>

static const struct {
    const char *class_name, *mode, *op;
} kinds[] = {{"Add", "sum", "ADD"},         {"Subtract", "", "SUB"},
             {"Multiply", "mul", "MUL"},    {"Average", "ave", "ADD"},
             {"Maximum", "max", "MAXIMUM"}, {"Minimum", "min", "MINIMUM"}};

static int kind_of(const mwi_keras_layer *l)
{
    const char *const mode = json_string_value(mwi_keras_key(l, "mode"));

    for (int i = 0; i < (int)MWI_COUNT(kinds); i++) {
        if (mwi_keras_is_class(l, kinds[i].class_name)) return i;
        if (mwi_keras_is_class(l, "Merge") && mode != NULL && strcmp(mode, kinds[i].mode) == 0)
            return i;
    }
    return -1;
}

static mw_status check(mw_ctx *ctx, const mwi_keras_layer *l)
{
    const char *const mode = json_string_value(mwi_keras_key(l, "mode"));

    if (!mwi_keras_is_class(l, "Merge") || kind_of(l) >= 0 ||
        (mode != NULL && strcmp(mode, "concat") == 0))
        return MW_OK;
    return mwi_fail(ctx, MW_EUNSUPPORTED,
                    "has mode '%s', allowed are: sum, mul, ave, max, min, concat",
                    mode == NULL ? "?" : mode);
}

/* Keras puts dimensions of 1 behind the batch of what has fewer. */
static mw_status same_rank(mwi_keras_call *c, int32_t x, int32_t rank, int32_t *out)
{
    const mwi_tensor *const t = mwi_keras_tensor(c, x);
    int32_t dims[MW_MAX_RANK];

    dims[0] = t->dims[0];
    for (int32_t i = 1; i < rank; i++)
        dims[i] = i <= rank - t->rank ? 1 : t->dims[i - (rank - t->rank)];
    return mwi_keras_reshape(c, x, rank, dims, out);
}

static mw_status concatenate(mwi_keras_call *c, const char *key)
{
    const int32_t rank = mwi_keras_tensor(c, c->in[0])->rank;
    int32_t wanted, axis, x = c->in[0];

    MWI_TRY(mwi_keras_int(c->ctx, c->layer, key, -1, INT32_MIN, INT32_MAX, &wanted));
    MWI_TRY(mwi_keras_axis(c->ctx, "axis", wanted, rank, &axis));
    if (axis == 0)
        return mwi_fail(c->ctx, MW_EUNSUPPORTED, "joins along the batch; use another axis");
    const mwi_keras_attr attrs[] = {{"axis", axis}, {NULL, 0}};
    if (c->n_in > 1) MWI_TRY(mwi_keras_op(c, "CONCATENATION", c->n_in, c->in, attrs, &x));
    return mwi_keras_return(c, x);
}

static mw_status build(mwi_keras_call *c)
{
    const int kind = kind_of(c->layer);
    int32_t rank = 0, x, next;

    if (kind < 0) return concatenate(c, "concat_axis");
    const bool two = strcmp(kinds[kind].op, "SUB") == 0;
    MWI_TRY(mwi_keras_need_inputs(c, two ? 2 : 1, two ? 2 : SIZE_MAX));
    for (size_t i = 0; i < c->n_in; i++)
        rank =
            mwi_keras_tensor(c, c->in[i])->rank > rank ? mwi_keras_tensor(c, c->in[i])->rank : rank;
    MWI_TRY(same_rank(c, c->in[0], rank, &x));
    for (size_t i = 1; i < c->n_in; i++) {
        MWI_TRY(same_rank(c, c->in[i], rank, &next));
        MWI_TRY(mwi_keras_binary(c, kinds[kind].op, x, next, &x));
    }
    if (strcmp(kinds[kind].class_name, "Average") == 0)
        MWI_TRY(mwi_keras_with(c, "MUL", x, 1.0 / (double)c->n_in, &x));
    return mwi_keras_return(c, x);
}

static const char *const classes[] = {"Add",     "Subtract", "Multiply", "Average",
                                      "Maximum", "Minimum",  "Merge",    NULL};
const mwi_keras_row mwi_keras_layer_merge = {
    .classes = classes,
    .summary = "ADD, SUB, MUL, MAXIMUM, MINIMUM",
    .flags = MWI_KERAS_PASSES_MASK,
    .check = check,
    .build = build,
};

static mw_status build_concatenate(mwi_keras_call *c) { return concatenate(c, "axis"); }

static const char *const concatenate_classes[] = {"Concatenate", NULL};
const mwi_keras_row mwi_keras_layer_concatenate = {
    .classes = concatenate_classes,
    .summary = "CONCATENATION",
    .flags = MWI_KERAS_PASSES_MASK,
    .build = build_concatenate,
};
