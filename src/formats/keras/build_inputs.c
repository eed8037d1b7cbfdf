/* formats/keras/build_inputs.c - the inputs of a model: where in its config their shapes and types
 * stand, and open dimensions that the caller fills.
 * Depends: formats/keras/build.  Used by: formats/keras/.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/build.h"

#include <stdio.h>
#include <string.h>

/* Where the shape of an input stands. */
typedef struct input_spec {
    const mwi_keras_layer *layer; /* whose name it bears */
    const json_t *shape;          /* with the batch */
    bool from_build;
} input_spec;

static const json_t *shape_in(const mwi_keras_layer *l)
{
    const json_t *const s = mwi_keras_key(l, "batch_shape|batch_input_shape");
    return json_is_array(s) ? s : NULL;
}

/* The tree is no deeper than limits.max_depth: the config's reader saw to that. */
static void find_spec(const mwi_keras_layer *l, size_t index, input_spec *out)
{
    out->layer = l;
    out->shape = l->net != NULL && json_is_array(l->config) ? NULL : shape_in(l);
    if (l->net == NULL || out->shape != NULL || l->n_children == 0) return;
    if (!l->net->sequential) {
        if (index < l->net->inputs.n) find_spec(l->children[l->net->inputs.v[index].layer], 0, out);
        return;
    }
    find_spec(l->children[0], index, out);
    if (out->shape == NULL && json_is_array(l->net->build_shape)) out->shape = l->net->build_shape;
}

static mw_status input_dtype(mwi_keras_build *b, const mwi_keras_layer *l, mw_dtype *out)
{
    static const struct {
        const char *name;
        mw_dtype dtype;
    } types[] = {{"float32", MW_FLOAT32},
                 {"float16", MW_FLOAT32},
                 {"bfloat16", MW_FLOAT32},
                 {"float64", MW_FLOAT32},
                 {"mixed_float16", MW_FLOAT32},
                 {"mixed_bfloat16", MW_FLOAT32},
                 {"int8", MW_INT8},
                 {"uint8", MW_UINT8},
                 {"int16", MW_INT16},
                 {"uint16", MW_UINT16},
                 {"int32", MW_INT32},
                 {"uint32", MW_UINT32},
                 {"int64", MW_INT64},
                 {"bool", MW_BOOL}};
    const bool is_input = l->row != NULL && (l->row->flags & MWI_KERAS_NO_DATA) != 0;
    const json_t *const v = mwi_keras_key(l, is_input ? "dtype|input_dtype" : "input_dtype");
    const char *const name =
        json_is_object(v) ? json_string_value(json_object_get(json_object_get(v, "config"), "name"))
                          : json_string_value(v);

    *out = MW_FLOAT32;
    if (v == NULL) return MW_OK;
    for (size_t i = 0; i < MWI_COUNT(types) && name != NULL; i++)
        if (strcmp(types[i].name, name) == 0) return *out = types[i].dtype, MW_OK;
    return mwi_fail(
        b->ctx, MW_EUNSUPPORTED,
        "layer '%s' (%s): inputs of type %s are not supported, allowed are numbers and bool",
        l->path, l->class_name, name == NULL ? "unknown" : name);
}

static mw_status spec_dims(mwi_keras_build *b, const input_spec *s, int32_t *rank, int32_t *dims)
{
    const size_t n = json_array_size(s->shape);
    char text[120];

    if (s->shape == NULL)
        return mwi_fail(b->ctx, MW_EUNSUPPORTED,
                        "layer '%s' (%s): the model has no input shape; build it before saving, or "
                        "add an Input layer",
                        s->layer->path, s->layer->class_name);
    bool good = n >= 1 && n <= MW_MAX_RANK;
    for (size_t i = 0; i < n && good; i++) {
        const json_t *const d = json_array_get(s->shape, i);
        int64_t v = -1;
        good = json_is_null(d) || (mwi_keras_json_int(d, &v) && v >= 1 && v <= INT32_MAX);
        dims[i] = (int32_t)v;
    }
    *rank = (int32_t)n;
    if (good) return MW_OK;
    return mwi_fail(
        b->ctx, MW_EFORMAT,
        "layer '%s' (%s): the input's shape is %s, allowed are 1 to %d dimensions from 1, or null",
        s->layer->path, s->layer->class_name, mwi_keras_show(s->shape, text, sizeof text),
        MW_MAX_RANK);
}

/* "?,8,8,1": open dimensions as `open` says. */
static void show_shape(int32_t rank, const int32_t *dims, const char *open, char *text, size_t n)
{
    size_t at = 0;

    *text = '\0';
    for (int32_t i = 0; i < rank && at < n; i++) {
        if (dims[i] < 0)
            at += (size_t)snprintf(text + at, n - at, "%s%s", i == 0 ? "" : ",",
                                   i == 0 && strcmp(open, "?") != 0 ? "1" : open);
        else
            at += (size_t)snprintf(text + at, n - at, i == 0 ? "%d" : ",%d", dims[i]);
    }
}

/* Fills open dimensions from the caller's shape, which may leave out the batch. */
static mw_status fill_open(mwi_keras_build *b, const input_spec *s, size_t index, int32_t rank,
                           int32_t *dims)
{
    const mw_shape *const given =
        index < b->options->n_input_shapes ? &b->options->input_shapes[index] : NULL;
    char text[120], example[120];
    bool open = false;

    show_shape(rank, dims, "?", text, sizeof text);
    show_shape(rank, dims, "32", example, sizeof example);
    if (given != NULL) {
        const int32_t skip = given->rank == rank - 1 ? 1 : 0;
        if (given->rank != rank && !skip)
            return mwi_fail(b->ctx, MW_EINVAL,
                            "input '%s' has shape [%s]: the given shape has %d dimensions",
                            s->layer->name, text, given->rank);
        for (int32_t i = skip; i < rank; i++) {
            const int32_t d = given->dims[i - skip];
            if (d < 1 || (dims[i] >= 0 && dims[i] != d))
                return mwi_fail(b->ctx, MW_EINVAL,
                                "input '%s' has shape [%s]: the given dimension %d is %d",
                                s->layer->name, text, i, d);
            if (i > 0 || d > 1) dims[i] = d;
        }
    }
    for (int32_t i = 1; i < rank; i++) open |= dims[i] < 0;
    if (!open) return MW_OK;
    return mwi_fail(
        b->ctx, MW_EINVAL,
        "input '%s' has open dimensions, [%s]: load it with its shape (input_shapes), e.g. %s",
        s->layer->name, text, example);
}

mw_status mwi_keras_add_input(mwi_keras_build *b, const mwi_keras_layer *root, size_t index,
                              int32_t *out)
{
    input_spec s = {0};
    int32_t rank, dims[MW_MAX_RANK] = {0};
    mw_dtype dtype;
    mwi_tensor *t;

    find_spec(root, index, &s);
    MWI_TRY(spec_dims(b, &s, &rank, dims));
    MWI_TRY(input_dtype(b, s.layer, &dtype));
    MWI_TRY(fill_open(b, &s, index, rank, dims));
    MWI_TRY(mwi_graph_add_tensor(b->ctx, b->model, b->graph, s.layer->name, &t, out));
    t->dtype = dtype;
    t->rank = rank;
    memcpy(t->dims, dims, sizeof t->dims);
    memcpy(t->signature, dims, sizeof t->signature);
    if (dims[0] < 0) t->dims[0] = 1;
    if (index == 0) b->batch_open = dims[0] < 0;
    return MW_OK;
}
