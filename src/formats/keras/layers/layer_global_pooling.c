/* formats/keras/layers/layer_global_pooling.c - the mean or maximum over all places: MEAN,
 * REDUCE_MAX.
 * Depends: formats/keras/layer.  Used by: the list of layers only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/layer.h"

#include <string.h>

static mw_status build(mwi_keras_call *c)
{
    static const int32_t axes[] = {1, 2, 3};
    const bool average = strncmp(c->layer->class_name, "GlobalAv", 8) == 0;
    const int32_t n = *strpbrk(c->layer->class_name, "123") - '0';
    int32_t a, x = c->in[0];
    bool keep;

    MWI_TRY(mwi_keras_need_inputs(c, 1, 1));
    MWI_TRY(mwi_keras_need_rank(c, 0, n + 2, n + 2));
    MWI_TRY(mwi_keras_bool(c->ctx, c->layer, "keepdims", false, &keep));
    const mwi_keras_attr attrs[] = {{"keep_dims", keep}, {NULL, 0}};
    MWI_TRY(mwi_keras_i32s(c, (size_t)n, axes, &a));
    MWI_TRY(
        mwi_keras_op(c, average ? "MEAN" : "REDUCE_MAX", 2, (const int32_t[]){x, a}, attrs, &x));
    return mwi_keras_return(c, x);
}

static const char *const classes[] = {
    "GlobalAveragePooling2D", "GlobalMaxPooling2D", "GlobalMaxPooling1D",
    "GlobalAveragePooling3D", "GlobalMaxPooling3D", "GlobalAvgPool2D",
    "GlobalMaxPool2D",        "GlobalMaxPool1D",    NULL};
const mwi_keras_row mwi_keras_layer_global_pooling = {
    .classes = classes,
    .summary = "MEAN, REDUCE_MAX",
    .flags = MWI_KERAS_SPATIAL,
    .build = build,
};

/* Leaves out masked steps, where there is a mask. */
static const char *const masked[] = {"GlobalAveragePooling1D", "GlobalAvgPool1D", NULL};
const mwi_keras_row mwi_keras_layer_global_average_1d = {
    .classes = masked,
    .summary = "MEAN",
    .flags = MWI_KERAS_SPATIAL | MWI_KERAS_USES_MASK,
    .build = build,
};
