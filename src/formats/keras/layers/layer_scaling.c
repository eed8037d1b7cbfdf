/* formats/keras/layers/layer_scaling.c - Rescaling and Normalization: fixed factors and offsets.
 * Depends: formats/keras/layer.  Used by: the list of layers only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/layer.h"

#include <math.h>
#include <string.h>

enum { MAX_VALUES = 65536 };

/* ---- Rescaling: x * scale + offset, each a number or one for each channel ---- */

static mw_status factor(mwi_keras_call *c, const char *key, double def, const char *op, int32_t x,
                        int32_t *out)
{
    const json_t *v = mwi_keras_key(c->layer, key);
    float values[1024];
    int32_t w;

    if (json_is_object(v))
        v = json_object_get(json_object_get(v, "config"), "value"); /* a NumPy array */
    const size_t n = json_array_size(v);
    if (v != NULL && !json_is_number(v) && (n == 0 || n > MWI_COUNT(values)))
        return mwi_fail(c->ctx, MW_EUNSUPPORTED,
                        "has a %s that is neither a number nor a list of up to %zu", key,
                        MWI_COUNT(values));
    if (!json_is_array(v)) {
        const double number = v == NULL ? def : json_number_value(v);
        if (number == def) return *out = x, MW_OK;
        return mwi_keras_with(c, op, x, number, out);
    }
    for (size_t i = 0; i < n; i++) {
        if (!json_is_number(json_array_get(v, i)))
            return mwi_fail(c->ctx, MW_EUNSUPPORTED, "has a %s of several dimensions", key);
        values[i] = (float)json_number_value(json_array_get(v, i));
    }
    MWI_TRY(mwi_keras_f32s(c, key, 1, (const int32_t[]){(int32_t)n}, values, &w));
    return mwi_keras_binary(c, op, x, w, out);
}

static mw_status build_rescaling(mwi_keras_call *c)
{
    int32_t x;

    MWI_TRY(mwi_keras_need_inputs(c, 1, 1));
    MWI_TRY(factor(c, "scale", 1.0, "MUL", c->in[0], &x));
    MWI_TRY(factor(c, "offset", 0.0, "ADD", x, &x));
    return mwi_keras_return(c, x);
}

static const char *const rescaling_classes[] = {"Rescaling", NULL};
const mwi_keras_row mwi_keras_layer_rescaling = {
    .classes = rescaling_classes,
    .summary = "MUL and ADD",
    .flags = MWI_KERAS_PASSES_MASK,
    .build = build_rescaling,
};

/* ---- Normalization: (x - mean) / max(sqrt(variance), 1e-7) over the axes that are kept ---- */

typedef struct axes {
    int32_t rank, n; /* of the weight: one dimension for each kept axis */
    int32_t dims[MW_MAX_RANK];
    int32_t spread[MW_MAX_RANK]; /* in the value's rank, without the batch */
    size_t count;
} axes;

static mw_status read_axes(mwi_keras_call *c, axes *a)
{
    const json_t *const raw = json_object_get(c->layer->config, "axis");
    const mwi_tensor *const x = mwi_keras_tensor(c, c->in[0]);
    bool kept[MW_MAX_RANK] = {false};
    int64_t v = -1;
    int32_t axis;

    for (size_t i = 0; i < (json_is_array(raw) ? json_array_size(raw) : 1) && !json_is_null(raw);
         i++) {
        if (raw != NULL &&
            !mwi_keras_json_int(json_is_array(raw) ? json_array_get(raw, i) : raw, &v))
            return mwi_fail(c->ctx, MW_EFORMAT, "axis is not an integer or a list of integers");
        MWI_TRY(mwi_keras_axis(c->ctx, "axis", v, x->rank, &axis));
        if (axis == 0)
            return mwi_fail(c->ctx, MW_EUNSUPPORTED, "keeps the batch axis; use another axis");
        kept[axis] = true;
    }
    *a = (axes){.n = x->rank - 1};
    for (int32_t i = 1; i < x->rank; i++) {
        a->spread[i - 1] = kept[i] ? x->dims[i] : 1;
        if (kept[i]) a->dims[a->rank++] = x->dims[i];
    }
    if (a->rank > MWI_KERAS_WEIGHT_RANK || !mwi_dims_count(a->rank, a->dims, &a->count) ||
        a->count > MAX_VALUES)
        return mwi_fail(c->ctx, MW_ELIMIT, "more than %d means", MAX_VALUES);
    return MW_OK;
}

/* Numbers of a nested list in order; false when it holds something else or another count. */
static bool flatten(const json_t *v, unsigned depth, float *out, size_t *n, size_t count)
{
    if (json_is_number(v)) {
        if (*n >= count) return false;
        out[(*n)++] = (float)json_number_value(v);
        return true;
    }
    if (!json_is_array(v) || depth > MW_MAX_RANK) return false;
    for (size_t i = 0; i < json_array_size(v); i++)
        if (!flatten(json_array_get(v, i), depth + 1, out, n, count)) return false;
    return true;
}

/* From the config where it has them, else from the file's weights. */
static mw_status read_moments(mwi_keras_call *c, const axes *a, const char *name, float *out)
{
    const json_t *v = mwi_keras_key(c->layer, name);
    const float *stored;
    size_t n = 0;

    if (v == NULL) {
        MWI_TRY(mwi_keras_values(c, name, a->rank, a->dims, &stored));
        memcpy(out, stored, a->count * sizeof *out);
        return MW_OK;
    }
    if (json_is_object(v)) v = json_object_get(json_object_get(v, "config"), "value");
    if (!flatten(v, 0, out, &n, a->count) || (n != a->count && n != 1))
        return mwi_fail(c->ctx, MW_EFORMAT, "%s does not hold %zu numbers", name, a->count);
    for (size_t i = n; i < a->count; i++) out[i] = out[0];
    return MW_OK;
}

static mw_status normalize(mwi_keras_call *c, const axes *a, float *mean, float *scale)
{
    int32_t x = c->in[0], m, s;
    bool invert;

    MWI_TRY(mwi_keras_bool(c->ctx, c->layer, "invert", false, &invert));
    MWI_TRY(read_moments(c, a, "mean", mean));
    MWI_TRY(read_moments(c, a, "variance", scale));
    for (size_t i = 0; i < a->count; i++) {
        const float deviation = fmaxf(sqrtf(scale[i]), 1e-7f);
        scale[i] = invert ? deviation : 1.0f / deviation;
    }
    MWI_TRY(mwi_keras_f32s(c, "mean", a->n, a->spread, mean, &m));
    MWI_TRY(mwi_keras_f32s(c, "scale", a->n, a->spread, scale, &s));
    MWI_TRY(mwi_keras_binary(c, invert ? "MUL" : "SUB", x, invert ? s : m, &x));
    MWI_TRY(mwi_keras_binary(c, invert ? "ADD" : "MUL", x, invert ? m : s, &x));
    return mwi_keras_return(c, x);
}

static mw_status build_normalization(mwi_keras_call *c)
{
    void *memory;
    axes a;

    MWI_TRY(mwi_keras_need_inputs(c, 1, 1));
    MWI_TRY(mwi_keras_need_rank(c, 0, 1, MW_MAX_RANK));
    MWI_TRY(read_axes(c, &a));
    const size_t bytes = 2 * a.count * sizeof(float);
    MWI_TRY(mwi_alloc(c->ctx, bytes, &memory));
    const mw_status st = normalize(c, &a, memory, (float *)memory + a.count);
    mwi_free(c->ctx, memory, bytes);
    return st;
}

static const char *const normalization_classes[] = {"Normalization", NULL};
static const mwi_keras_weight_rule weights[] = {
    {.name = "mean", .when = "!mean", .frozen = true},
    {.name = "variance", .when = "!mean", .frozen = true},
    {.name = "count", .when = "!mean", .frozen = true},
    {.name = NULL}};
const mwi_keras_row mwi_keras_layer_normalization = {
    .classes = normalization_classes,
    .summary = "SUB and MUL",
    .weights = weights,
    .flags = MWI_KERAS_PASSES_MASK,
    .build = build_normalization,
};
