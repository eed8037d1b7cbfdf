/* formats/keras/layers/layer_pooling_3d.c - pools and upsampling of three dimensions, which TFLite
 * does not have: rows and columns first, then depth, each as two dimensions.
 * Depends: layers/convolve.  Used by: the list of layers only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/layers/convolve.h"

#include <string.h>

/* [batch, depth, height, width, channels] as [batch * depth, height, width, channels]. */
static mw_status as_planes(mwi_keras_call *c, int32_t x, int32_t *out)
{
    const int32_t *const d = mwi_keras_tensor(c, x)->dims;

    if (d[0] > INT32_MAX / d[1]) return mwi_fail(c->ctx, MW_ELIMIT, "too many values");
    return mwi_keras_reshape(c, x, 4, (const int32_t[]){d[0] * d[1], d[2], d[3], d[4]}, out);
}

/* Planes of n samples as [batch, depth, height * width, channels]. */
static mw_status as_columns(mwi_keras_call *c, int32_t x, int32_t batch, int32_t depth,
                            int32_t *out)
{
    const int32_t *const d = mwi_keras_tensor(c, x)->dims;

    if (d[1] > INT32_MAX / d[2]) return mwi_fail(c->ctx, MW_ELIMIT, "too many values");
    return mwi_keras_reshape(c, x, 4, (const int32_t[]){batch, depth, d[1] * d[2], d[3]}, out);
}

static mw_status pool(mwi_keras_call *c, int32_t x, const char *op, int padding,
                      const int32_t *size, const int32_t *strides, int32_t *out)
{
    const mwi_keras_attr attrs[] = {
        {"padding", padding == 1 ? MWI_PADDING_SAME : MWI_PADDING_VALID},
        {"stride_h", strides[0]},
        {"stride_w", strides[1]},
        {"filter_height", size[0]},
        {"filter_width", size[1]},
        {NULL, 0}};

    if (size[0] == 1 && size[1] == 1 && strides[0] == 1 && strides[1] == 1) return *out = x, MW_OK;
    return mwi_keras_op(c, op, 1, &x, attrs, out);
}

/* A mean of means over equally many places is the mean: a border cuts each dimension by itself. */
static mw_status build(mwi_keras_call *c)
{
    const bool average = strncmp(c->layer->class_name, "Av", 2) == 0;
    const char *const op = average ? "AVERAGE_POOL_2D" : "MAX_POOL_2D";
    const int32_t *const d = mwi_keras_tensor(c, c->in[0])->dims;
    int32_t size[3], strides[3], x;
    int padding;

    MWI_TRY(mwi_keras_need_inputs(c, 1, 1));
    MWI_TRY(mwi_keras_need_rank(c, 0, 5, 5));
    MWI_TRY(mwi_keras_ints(c->ctx, c->layer, "pool_size", 3, 2, 1, INT32_MAX, size));
    memcpy(strides, size, sizeof strides);
    if (mwi_keras_key(c->layer, "strides") != NULL)
        MWI_TRY(mwi_keras_ints(c->ctx, c->layer, "strides", 3, 1, 1, INT32_MAX, strides));
    MWI_TRY(mwi_keras_padding(c->ctx, c->layer, false, &padding));
    const int32_t batch = d[0], depth = d[1], channels = d[4];
    MWI_TRY(as_planes(c, c->in[0], &x));
    MWI_TRY(pool(c, x, op, padding, size + 1, strides + 1, &x));
    const int32_t high = mwi_keras_tensor(c, x)->dims[1], wide = mwi_keras_tensor(c, x)->dims[2];
    MWI_TRY(as_columns(c, x, batch, depth, &x));
    MWI_TRY(pool(c, x, op, padding, (const int32_t[]){size[0], 1}, (const int32_t[]){strides[0], 1},
                 &x));
    MWI_TRY(mwi_keras_reshape(
        c, x, 5, (const int32_t[]){batch, mwi_keras_tensor(c, x)->dims[1], high, wide, channels},
        &x));
    return mwi_keras_return(c, x);
}

static const char *const classes[] = {"AveragePooling3D", "MaxPooling3D", "AvgPool3D", "MaxPool3D",
                                      NULL};
const mwi_keras_row mwi_keras_layer_pooling_3d = {
    .classes = classes,
    .summary = "AVERAGE_POOL_2D, MAX_POOL_2D twice",
    .flags = MWI_KERAS_SPATIAL | MWI_KERAS_FOLLOWS_INPUT,
    .build = build,
};

/* ---- UpSampling3D ---- */

static mw_status resize(mwi_keras_call *c, int32_t x, int32_t high, int32_t wide, int32_t *out)
{
    int32_t size;

    MWI_TRY(mwi_keras_i32s(c, 2, (const int32_t[]){high, wide}, &size));
    return mwi_keras_binary(c, "RESIZE_NEAREST_NEIGHBOR", x, size, out);
}

static mw_status build_up_sampling(mwi_keras_call *c)
{
    const int32_t *const d = mwi_keras_tensor(c, c->in[0])->dims;
    int32_t times[3], to[3], x;

    MWI_TRY(mwi_keras_need_inputs(c, 1, 1));
    MWI_TRY(mwi_keras_need_rank(c, 0, 5, 5));
    MWI_TRY(mwi_keras_ints(c->ctx, c->layer, "size", 3, 2, 1, INT32_MAX, times));
    for (int i = 0; i < 3; i++) {
        if (d[1 + i] > INT32_MAX / times[i])
            return mwi_fail(c->ctx, MW_ELIMIT, "size is %d for %d places", times[i], d[1 + i]);
        to[i] = d[1 + i] * times[i];
    }
    const int32_t batch = d[0], depth = d[1], channels = d[4];
    MWI_TRY(as_planes(c, c->in[0], &x));
    MWI_TRY(resize(c, x, to[1], to[2], &x));
    MWI_TRY(as_columns(c, x, batch, depth, &x));
    MWI_TRY(resize(c, x, to[0], mwi_keras_tensor(c, x)->dims[2], &x));
    MWI_TRY(
        mwi_keras_reshape(c, x, 5, (const int32_t[]){batch, to[0], to[1], to[2], channels}, &x));
    return mwi_keras_return(c, x);
}

static const char *const up_classes[] = {"UpSampling3D", NULL};
const mwi_keras_row mwi_keras_layer_up_sampling_3d = {
    .classes = up_classes,
    .summary = "RESIZE_NEAREST_NEIGHBOR twice",
    .flags = MWI_KERAS_SPATIAL | MWI_KERAS_FOLLOWS_INPUT,
    .build = build_up_sampling,
};

/* ---- adaptive pools: bins of in/out places, rounded outwards ---- */

static mw_status one_bin(mwi_keras_call *c, int32_t x, int32_t axis, int32_t from, int32_t to,
                         const char *op, int32_t *out)
{
    static const mwi_keras_attr keep[] = {{"keep_dims", 1}, {NULL, 0}};
    int32_t begin[MW_MAX_RANK] = {0}, size[MW_MAX_RANK], a;

    for (int i = 0; i < MW_MAX_RANK; i++) size[i] = -1;
    begin[axis] = from;
    size[axis] = to - from;
    MWI_TRY(mwi_keras_slice(c, x, begin, size, &x));
    if (to - from == 1) return *out = x, MW_OK;
    MWI_TRY(mwi_keras_i32s(c, 1, &axis, &a));
    return mwi_keras_op(c, op, 2, (const int32_t[]){x, a}, keep, out);
}

enum { MAX_BINS = 1024 };

static mw_status one_axis(mwi_keras_call *c, int32_t x, int32_t axis, int32_t bins, const char *op,
                          int32_t *out)
{
    const mwi_keras_attr join[] = {{"axis", axis}, {NULL, 0}};
    const int64_t n = mwi_keras_tensor(c, x)->dims[axis];
    int32_t parts[MAX_BINS];

    for (int32_t i = 0; i < bins; i++)
        MWI_TRY(one_bin(c, x, axis, (int32_t)(i * n / bins),
                        (int32_t)(((i + 1) * n + bins - 1) / bins), op, &parts[i]));
    if (bins == 1) return *out = parts[0], MW_OK;
    return mwi_keras_op(c, "CONCATENATION", (size_t)bins, parts, join, out);
}

static mw_status build_adaptive(mwi_keras_call *c)
{
    const bool average = strncmp(c->layer->class_name, "AdaptiveAv", 10) == 0;
    const int32_t n = mwi_keras_n_dims(c->layer);
    int32_t bins[3], x = c->in[0];

    MWI_TRY(mwi_keras_need_inputs(c, 1, 1));
    MWI_TRY(mwi_keras_need_rank(c, 0, n + 2, n + 2));
    MWI_TRY(mwi_keras_ints(c->ctx, c->layer, "output_size", (size_t)n, MWI_KERAS_REQUIRED, 1,
                           MAX_BINS, bins));
    for (int32_t i = 0; i < n; i++)
        MWI_TRY(one_axis(c, x, 1 + i, bins[i], average ? "MEAN" : "REDUCE_MAX", &x));
    return mwi_keras_return(c, x);
}

static const char *const adaptive_classes[] = {"AdaptiveAveragePooling1D",
                                               "AdaptiveAveragePooling2D",
                                               "AdaptiveAveragePooling3D",
                                               "AdaptiveMaxPooling1D",
                                               "AdaptiveMaxPooling2D",
                                               "AdaptiveMaxPooling3D",
                                               NULL};
const mwi_keras_row mwi_keras_layer_adaptive_pooling = {
    .classes = adaptive_classes,
    .summary = "SLICE, MEAN or REDUCE_MAX, CONCATENATION",
    .flags = MWI_KERAS_SPATIAL,
    .build = build_adaptive,
};
