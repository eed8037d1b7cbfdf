/* formats/keras/arguments.c - what a call takes besides tensors: numbers and arrays that stand in
 * its node. Keras 3 writes {"class_name": "__numpy__" or "__tensor__", "config": {"value": ...}}
 * and plain numbers, Keras 2 writes ["_CONSTANT_VALUE", -1, value, {}]. Depends:
 * formats/keras/build.  Used by: formats/keras/. Trust:   nodes are hostile: depth is bounded, a
 * value is read only when its lists are of one size. SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/build.h"

#include <string.h>

static const char *class_of(const json_t *json)
{
    return json_string_value(json_object_get(json, "class_name"));
}

static bool is_tensor(const json_t *json)
{
    const char *const c = class_of(json);
    const char *const layer = json_string_value(json_array_get(json, 0));

    return (c != NULL && strcmp(c, "__keras_tensor__") == 0) ||
           (layer != NULL && strcmp(layer, "_CONSTANT_VALUE") != 0);
}

/* The numbers of a constant; NULL: it is none. */
static const json_t *value_of(const json_t *json)
{
    const char *const c = class_of(json);

    if (c != NULL && (strcmp(c, "__numpy__") == 0 || strcmp(c, "__tensor__") == 0))
        return json_object_get(json_object_get(json, "config"), "value");
    if (json_is_string(json_array_get(json, 0))) return json_array_get(json, 2);
    return json_is_number(json) || json_is_boolean(json) || json_is_array(json) ? json : NULL;
}

/* ---- refusals ---- */

/* A constant among tensors: found in `json` or in its lists. */
static const json_t *find_constant(const json_t *json, uint32_t depth)
{
    const json_t *found = NULL;

    if (json == NULL || json_is_null(json) || json_is_false(json) || is_tensor(json)) return NULL;
    if (!json_is_array(json) || json_is_string(json_array_get(json, 0)) || depth > 8) return json;
    for (size_t i = 0; i < json_array_size(json) && found == NULL; i++)
        found = find_constant(json_array_get(json, i), depth + 1);
    return found;
}

static const json_t *find_named_constant(const json_t *kwargs)
{
    const json_t *found = NULL;
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)kwargs, name, value) /* read only */
        if (found == NULL && (json_is_object(value) || json_is_array(value))) found =
            find_constant(value, 0);
    return found;
}

static mw_status refuse_constant(mw_ctx *ctx, const json_t *found)
{
    char text[120];

    if (found == NULL) return MW_OK;
    if (class_of(found) != NULL && value_of(found) != NULL) found = value_of(found);
    return mwi_fail(ctx, MW_EUNSUPPORTED,
                    "is called with a constant, %s, which it cannot take here; make it an input or "
                    "part of a layer",
                    mwi_keras_show(found, text, sizeof text));
}

/* In Keras 2 a call that says so trains in predictions too. Keras 3 puts it into every call of a
 * layer that trains by default, and its predictions override it. */
static mw_status refuse_training(mw_ctx *ctx, const json_t *kwargs)
{
    if (!json_is_true(json_object_get(kwargs, "training"))) return MW_OK;
    return mwi_fail(ctx, MW_EUNSUPPORTED,
                    "is called with training=True: it would use statistics of the batch or noise; "
                    "save the model without it");
}

mw_status mwi_keras_check_arguments(mw_ctx *ctx, const mwi_keras_row *row, const json_t *node)
{
    const bool takes = (row->flags & MWI_KERAS_TAKES_CONSTANTS) != 0;

    if (json_is_object(node)) {
        const json_t *const kwargs = json_object_get(node, "kwargs");
        if (takes) return MW_OK;
        MWI_TRY(refuse_constant(ctx, find_constant(json_object_get(node, "args"), 0)));
        return refuse_constant(ctx, find_named_constant(kwargs));
    }
    const bool one = json_is_string(json_array_get(node, 0)); /* a lone reference */
    for (size_t i = 0; i < (one ? 1 : json_array_size(node)); i++) {
        const json_t *const entry = one ? node : json_array_get(node, i);
        MWI_TRY(refuse_training(ctx, json_array_get(entry, 3)));
        if (takes) continue;
        if (!is_tensor(entry)) MWI_TRY(refuse_constant(ctx, value_of(entry)));
        MWI_TRY(refuse_constant(ctx, find_named_constant(json_array_get(entry, 3))));
    }
    return MW_OK;
}

/* ---- operands ---- */

bool mwi_keras_is_function(const mwi_keras_call *c)
{
    const json_t *const args = json_object_get(c->args, "args");
    const json_t *const first = json_array_get(args, 0);

    if (!json_is_object(c->args)) return false;
    return strncmp(c->layer->class_name, "ops.", 4) == 0 || json_array_size(args) != 1 ||
           !json_is_array(first);
}

/* Dims of nested lists by their first entries. */
static mw_status dims_of(mw_ctx *ctx, const json_t *v, int32_t *rank, int32_t *dims)
{
    for (*rank = 0; json_is_array(v); v = json_array_get(v, 0)) {
        const size_t n = json_array_size(v);
        if (*rank == MW_MAX_RANK || n == 0 || n > INT32_MAX)
            return mwi_fail(ctx, MW_EFORMAT, "a constant has no entries or more than %d dimensions",
                            MW_MAX_RANK);
        dims[(*rank)++] = (int32_t)n;
    }
    return MW_OK;
}

static mw_status flatten(mw_ctx *ctx, const json_t *v, int32_t rank, const int32_t *dims,
                         float **next)
{
    if (rank == 0) {
        if (!json_is_number(v) && !json_is_boolean(v))
            return mwi_fail(ctx, MW_EFORMAT, "a constant holds an entry that is no number");
        *(*next)++ = json_is_boolean(v) ? (float)json_is_true(v) : (float)json_number_value(v);
        return MW_OK;
    }
    if (json_array_size(v) != (size_t)dims[0])
        return mwi_fail(ctx, MW_EFORMAT, "a constant's lists differ in size: %zu and %d",
                        json_array_size(v), dims[0]);
    for (size_t i = 0; i < (size_t)dims[0]; i++)
        MWI_TRY(flatten(ctx, json_array_get(v, i), rank - 1, dims + 1, next));
    return MW_OK;
}

mw_status mwi_keras_constant(mwi_keras_call *c, const json_t *json, int32_t *out)
{
    const json_t *const v = value_of(json);
    int32_t rank, dims[MW_MAX_RANK];
    size_t bytes;
    void *memory;
    char text[120];

    if (v == NULL)
        return mwi_fail(c->ctx, MW_EUNSUPPORTED, "is called with %s, which is no number or array",
                        mwi_keras_show(json, text, sizeof text));
    MWI_TRY(dims_of(c->ctx, v, &rank, dims));
    if (!mwi_dims_bytes(MW_FLOAT32, rank, dims, &bytes) || bytes > mwi_limits(c->ctx)->max_ops * 64)
        return mwi_fail(c->ctx, MW_ELIMIT, "a constant of a call is too large");
    MWI_TRY(
        mwi_arena_array(c->ctx, c->build->scratch, bytes / sizeof(float), sizeof(float), &memory));
    float *next = memory;
    MWI_TRY(flatten(c->ctx, v, rank, dims, &next));
    return mwi_keras_f32s(c, "constant", rank, dims, memory, out);
}

static mw_status add_operand(mwi_keras_call *c, const json_t *json, size_t *used, size_t *n,
                             int32_t *out)
{
    if (!is_tensor(json)) return mwi_keras_constant(c, json, &out[(*n)++]);
    if (*used == c->n_in) return mwi_fail(c->ctx, MW_EFORMAT, "a tensor of its call is missing");
    out[(*n)++] = c->in[(*used)++];
    return MW_OK;
}

mw_status mwi_keras_operands(mwi_keras_call *c, size_t *n, const int32_t **out)
{
    static const char *const names[] = {"x1", "x2"};
    const bool function = mwi_keras_is_function(c);
    const json_t *list = c->args;
    size_t used = 0;
    void *memory;

    *n = c->n_in;
    *out = c->in;
    if (c->args == NULL || json_is_string(json_array_get(c->args, 0))) return MW_OK;
    if (json_is_object(list)) list = json_object_get(list, "args");
    if (!function && json_is_object(c->args)) list = json_array_get(list, 0);
    MWI_TRY(mwi_arena_array(c->ctx, c->build->scratch, json_array_size(list) + MWI_COUNT(names),
                            sizeof(int32_t), &memory));
    *n = 0;
    *out = memory;
    for (size_t i = 0; i < json_array_size(list); i++)
        MWI_TRY(add_operand(c, json_array_get(list, i), &used, n, memory));
    for (size_t i = 0; function && i < MWI_COUNT(names); i++) {
        const json_t *const v = json_object_get(json_object_get(c->args, "kwargs"), names[i]);
        if (v != NULL) MWI_TRY(add_operand(c, v, &used, n, memory));
    }
    return MW_OK;
}
