/* formats/keras/layers/layer_merge.c - Add, Subtract, Multiply, Average, Maximum, Minimum,
 * Concatenate and Keras 1's Merge, of tensors and constants.
 * Depends: formats/keras/build.  Used by: the list of layers only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/build.h"

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

/* Steps of which every value counts: of an input without a mask. */
static mw_status all_steps(mwi_keras_call *c, int32_t x, int32_t *out)
{
    const mwi_tensor *const t = mwi_keras_tensor(c, x);
    int32_t begin[MW_MAX_RANK] = {0}, size[MW_MAX_RANK];
    const int32_t batch = t->dims[0], steps = t->dims[1];

    for (int32_t i = 0; i < t->rank; i++) size[i] = i < 2 ? -1 : 1;
    MWI_TRY(mwi_keras_slice(c, x, begin, size, &x));
    MWI_TRY(mwi_keras_reshape(c, x, 2, (const int32_t[]){batch, steps}, &x));
    return mwi_keras_binary(c, "EQUAL", x, x, out);
}

/* Joined along time, masks are joined too; along values Keras 3 keeps a step that counts in any
 * input, earlier ones what counts in all. Other axes lose the mask. */
static mw_status join_masks(mwi_keras_call *c, int32_t axis, int32_t rank, int32_t out)
{
    static const mwi_keras_attr attrs[] = {{"axis", 1}, {NULL, 0}};
    const char *const op = c->layer->keras_major < 3 ? "LOGICAL_AND" : "LOGICAL_OR";
    void *memory;
    size_t n = 0;
    int32_t mask = -1;

    for (size_t i = 0; i < c->n_in; i++) n += c->masks[i] >= 0;
    if (n == 0 || rank < 3 || (axis != 1 && axis != rank - 1)) return MW_OK;
    if (axis == 1) {
        MWI_TRY(mwi_arena_array(c->ctx, c->build->scratch, c->n_in, sizeof(int32_t), &memory));
        int32_t *const parts = memory;
        for (size_t i = 0; i < c->n_in; i++) {
            parts[i] = c->masks[i];
            if (parts[i] < 0) MWI_TRY(all_steps(c, c->in[i], &parts[i]));
        }
        MWI_TRY(mwi_keras_op(c, "CONCATENATION", c->n_in, parts, attrs, &mask));
        return mwi_keras_set_mask(c, out, mask);
    }
    if (n < c->n_in && c->layer->keras_major >= 3) return MW_OK; /* every step counts */
    for (size_t i = 0; i < c->n_in; i++) {
        if (c->masks[i] < 0) continue;
        if (mask < 0)
            mask = c->masks[i];
        else
            MWI_TRY(mwi_keras_binary(c, op, mask, c->masks[i], &mask));
    }
    return mwi_keras_set_mask(c, out, mask);
}

/* Keras 3: what counts in any input, when all have a mask; earlier ones: what counts in all that
 * have one. */
static mw_status merge_masks(mwi_keras_call *c, int32_t out)
{
    const bool old = c->layer->keras_major < 3;
    int32_t mask = -1;

    for (size_t i = 0; i < c->n_in; i++) {
        if (c->masks[i] < 0 && !old) return MW_OK;
        if (c->masks[i] < 0) continue;
        if (mask < 0)
            mask = c->masks[i];
        else if (mask != c->masks[i])
            MWI_TRY(
                mwi_keras_binary(c, old ? "LOGICAL_AND" : "LOGICAL_OR", mask, c->masks[i], &mask));
    }
    return mask < 0 ? MW_OK : mwi_keras_set_mask(c, out, mask);
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
    if (c->n_in > 1) {
        MWI_TRY(mwi_keras_op(c, "CONCATENATION", c->n_in, c->in, attrs, &x));
        MWI_TRY(join_masks(c, axis, rank, x));
    }
    return mwi_keras_return(c, x);
}

static bool is_constant(const mwi_keras_call *c, int32_t x)
{
    return mwi_keras_tensor(c, x)->data != NULL;
}

/* Dimensions of 1 stand behind the batch of what has fewer; constants are broadcast from the right,
 * which must leave the batch alone. */
static mw_status align(mwi_keras_call *c, int32_t rank, int32_t x, int32_t *out)
{
    const mwi_tensor *const t = mwi_keras_tensor(c, x);

    *out = x;
    if (!is_constant(c, x)) return same_rank(c, x, rank, out);
    if (t->rank < rank || (t->rank == rank && (rank == 0 || t->dims[0] == 1))) return MW_OK;
    return mwi_fail(c->ctx, MW_EUNSUPPORTED,
                    "is called with a constant that changes from sample to sample of a batch");
}

static mw_status merge(mwi_keras_call *c, int kind, size_t n, const int32_t *v)
{
    int32_t rank = 0, x, next;

    for (size_t i = 0; i < n; i++) {
        const mwi_tensor *const t = mwi_keras_tensor(c, v[i]);
        if (!is_constant(c, v[i]) && t->rank > rank) rank = t->rank;
    }
    MWI_TRY(align(c, rank, v[0], &x));
    for (size_t i = 1; i < n; i++) {
        MWI_TRY(align(c, rank, v[i], &next));
        MWI_TRY(mwi_keras_binary(c, kinds[kind].op, x, next, &x));
    }
    if (strcmp(kinds[kind].class_name, "Average") == 0)
        MWI_TRY(mwi_keras_with(c, "MUL", x, 1.0 / (double)n, &x));
    MWI_TRY(merge_masks(c, x));
    return mwi_keras_return(c, x);
}

static mw_status build(mwi_keras_call *c)
{
    const int kind = kind_of(c->layer);
    const int32_t *v;
    size_t n;

    MWI_TRY(mwi_keras_operands(c, &n, &v));
    const bool two = kind >= 0 && *kinds[kind].mode == '\0';
    if (n < (two ? 2 : 1) || (two && n > 2))
        return mwi_fail(c->ctx, MW_EFORMAT, "is called with %zu inputs, takes %s", n,
                        two ? "2" : "1 or more");
    return kind < 0 ? concatenate(c, "concat_axis") : merge(c, kind, n, v);
}

static const char *const classes[] = {"Add",     "Subtract", "Multiply", "Average",
                                      "Maximum", "Minimum",  "Merge",    NULL};
const mwi_keras_row mwi_keras_layer_merge = {
    .classes = classes,
    .summary = "ADD, SUB, MUL, MAXIMUM, MINIMUM",
    .flags = MWI_KERAS_TAKES_CONSTANTS | MWI_KERAS_FOLLOWS_INPUT,
    .check = check,
    .build = build,
};

static mw_status build_concatenate(mwi_keras_call *c) { return concatenate(c, "axis"); }

static const char *const concatenate_classes[] = {"Concatenate", NULL};
const mwi_keras_row mwi_keras_layer_concatenate = {
    .classes = concatenate_classes,
    .summary = "CONCATENATION",
    .flags = MWI_KERAS_FOLLOWS_INPUT,
    .build = build_concatenate,
};
