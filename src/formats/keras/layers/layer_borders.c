/* formats/keras/layers/layer_borders.c - ZeroPadding and Cropping of one to three dimensions: PAD,
 * SLICE.
 * Depends: formats/keras/layer.  Used by: the list of layers only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/layer.h"

#include <string.h>

static mw_status one(mwi_keras_call *c, const char *key, const json_t *v, int32_t *out)
{
    char text[80];
    int64_t n;

    if (!mwi_keras_json_int(v, &n) || n < 0 || n > INT32_MAX / 4)
        return mwi_fail(c->ctx, MW_EFORMAT, "%s holds %s, allowed are integers from 0", key,
                        mwi_keras_show(v, text, sizeof text));
    *out = (int32_t)n;
    return MW_OK;
}

/* n; or one entry a dimension, each n or [before, after]; for one dimension also [before, after]
 * itself, and Keras 1's [top, bottom, left, right] for two. */
static mw_status read_borders(mwi_keras_call *c, const char *key, int32_t n, int32_t *before,
                              int32_t *after)
{
    const json_t *const v = mwi_keras_key(c->layer, key);
    const size_t size = json_array_size(v);
    char text[80];

    if (v != NULL && json_is_array(v) && size != (size_t)n && size != 2 * (size_t)n)
        return mwi_fail(c->ctx, MW_EFORMAT, "%s is %s, allowed is an integer or a list of %d", key,
                        mwi_keras_show(v, text, sizeof text), n);
    for (int32_t i = 0; i < n; i++) {
        const bool flat = json_is_array(v) && size == 2 * (size_t)n;
        const json_t *const item =
            !json_is_array(v) ? v : json_array_get(v, flat ? 2 * (size_t)i : (size_t)i);
        before[1 + i] = after[1 + i] = 1;
        if (v == NULL) continue;
        const json_t *const second = flat                  ? json_array_get(v, 2 * (size_t)i + 1)
                                     : json_is_array(item) ? json_array_get(item, 1)
                                                           : item;
        MWI_TRY(one(c, key, json_is_array(item) ? json_array_get(item, 0) : item, &before[1 + i]));
        MWI_TRY(one(c, key, second, &after[1 + i]));
    }
    return MW_OK;
}

static int32_t n_dims(const mwi_keras_call *c)
{
    return *strpbrk(c->layer->class_name, "123") - '0';
}

static mw_status build_padding(mwi_keras_call *c)
{
    int32_t before[MW_MAX_RANK] = {0}, after[MW_MAX_RANK] = {0}, x;
    const int32_t n = n_dims(c);

    MWI_TRY(mwi_keras_need_inputs(c, 1, 1));
    MWI_TRY(mwi_keras_need_rank(c, 0, n + 2, n + 2));
    MWI_TRY(read_borders(c, "padding", n, before, after));
    MWI_TRY(mwi_keras_pad(c, c->in[0], before, after, &x));
    return mwi_keras_return(c, x);
}

static const char *const padding_classes[] = {"ZeroPadding2D", "ZeroPadding1D", "ZeroPadding3D",
                                              NULL};
const mwi_keras_row mwi_keras_layer_zero_padding = {
    .classes = padding_classes,
    .summary = "PAD",
    .flags = MWI_KERAS_SPATIAL | MWI_KERAS_FOLLOWS_INPUT,
    .build = build_padding,
};

static mw_status build_cropping(mwi_keras_call *c)
{
    int32_t begin[MW_MAX_RANK] = {0}, after[MW_MAX_RANK] = {0}, size[MW_MAX_RANK], x;
    const mwi_tensor *const t = mwi_keras_tensor(c, c->in[0]);
    const int32_t n = n_dims(c);

    MWI_TRY(mwi_keras_need_inputs(c, 1, 1));
    MWI_TRY(mwi_keras_need_rank(c, 0, n + 2, n + 2));
    MWI_TRY(read_borders(c, "cropping", n, begin, after));
    size[0] = size[n + 1] = -1;
    for (int32_t i = 1; i <= n; i++) {
        size[i] = t->dims[i] - begin[i] - after[i];
        if (size[i] < 1)
            return mwi_fail(c->ctx, MW_EFORMAT, "cropping takes %d and %d of %d places", begin[i],
                            after[i], t->dims[i]);
    }
    MWI_TRY(mwi_keras_slice(c, c->in[0], begin, size, &x));
    return mwi_keras_return(c, x);
}

static const char *const cropping_classes[] = {"Cropping2D", "Cropping1D", "Cropping3D", NULL};
const mwi_keras_row mwi_keras_layer_cropping = {
    .classes = cropping_classes,
    .summary = "SLICE",
    .flags = MWI_KERAS_SPATIAL | MWI_KERAS_FOLLOWS_INPUT,
    .build = build_cropping,
};
