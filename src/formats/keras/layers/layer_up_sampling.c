/* formats/keras/layers/layer_up_sampling.c - UpSampling1D and UpSampling2D:
 * RESIZE_NEAREST_NEIGHBOR, RESIZE_BILINEAR.
 * Depends: formats/keras/layer.  Used by: the list of layers only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/layer.h"

static const char *const interpolations[] = {"nearest", "bilinear", NULL};

static mw_status check(mw_ctx *ctx, const mwi_keras_layer *l)
{
    int kind;
    return mwi_keras_choice(ctx, l, "interpolation", interpolations, &kind);
}

static mw_status resize(mwi_keras_call *c, int32_t x, const int32_t *times, bool bilinear,
                        int32_t *out)
{
    const mwi_keras_attr attrs[] = {{"half_pixel_centers", bilinear}, {NULL, 0}};
    const int32_t *const dims = mwi_keras_tensor(c, x)->dims;
    int32_t size[2], s;

    for (int i = 0; i < 2; i++) {
        if (dims[1 + i] > INT32_MAX / times[i])
            return mwi_fail(c->ctx, MW_ELIMIT, "size is %d for %d places", times[i], dims[1 + i]);
        size[i] = dims[1 + i] * times[i];
    }
    MWI_TRY(mwi_keras_i32s(c, 2, size, &s));
    return mwi_keras_op(c, bilinear ? "RESIZE_BILINEAR" : "RESIZE_NEAREST_NEIGHBOR", 2,
                        (const int32_t[]){x, s}, attrs, out);
}

static mw_status build(mwi_keras_call *c)
{
    int32_t times[2] = {2, 2}, x = c->in[0];
    int kind;

    MWI_TRY(mwi_keras_need_inputs(c, 1, 1));
    if (mwi_keras_is_class(c->layer, "UpSampling2D")) {
        MWI_TRY(mwi_keras_need_rank(c, 0, 4, 4));
        MWI_TRY(mwi_keras_ints(c->ctx, c->layer, "size", 2, 2, 1, INT32_MAX, times));
        MWI_TRY(mwi_keras_choice(c->ctx, c->layer, "interpolation", interpolations, &kind));
        MWI_TRY(resize(c, x, times, kind == 1, &x));
        return mwi_keras_return(c, x);
    }
    MWI_TRY(mwi_keras_need_rank(c, 0, 3, 3));
    MWI_TRY(mwi_keras_ints(c->ctx, c->layer, "size|length", 1, 2, 1, INT32_MAX, &times[1]));
    times[0] = 1;
    MWI_TRY(mwi_keras_to_2d(c, x, &x));
    MWI_TRY(resize(c, x, times, false, &x));
    MWI_TRY(mwi_keras_to_1d(c, x, &x));
    return mwi_keras_return(c, x);
}

static const char *const classes[] = {"UpSampling2D", "UpSampling1D", NULL};
const mwi_keras_row mwi_keras_layer_up_sampling = {
    .classes = classes,
    .summary = "RESIZE_NEAREST_NEIGHBOR, RESIZE_BILINEAR",
    .flags = MWI_KERAS_SPATIAL | MWI_KERAS_FOLLOWS_INPUT,
    .check = check,
    .build = build,
};
