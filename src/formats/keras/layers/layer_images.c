/* formats/keras/layers/layer_images.c - layers that prepare images: Resizing, CenterCrop,
 * RandomCrop; those that change images at random do nothing at inference.
 * Depends: formats/keras/layer.  Used by: the list of layers only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/layer.h"

typedef struct target {
    int32_t high, wide;
} target;

static mw_status read_target(mwi_keras_call *c, target *to)
{
    MWI_TRY(mwi_keras_need_inputs(c, 1, 1));
    MWI_TRY(mwi_keras_need_rank(c, 0, 4, 4));
    MWI_TRY(mwi_keras_int(c->ctx, c->layer, "height", MWI_KERAS_REQUIRED, 1, INT32_MAX, &to->high));
    return mwi_keras_int(c->ctx, c->layer, "width", MWI_KERAS_REQUIRED, 1, INT32_MAX, &to->wide);
}

static mw_status resize(mwi_keras_call *c, int32_t x, const target *to, bool nearest, int32_t *out)
{
    static const mwi_keras_attr attrs[] = {{"half_pixel_centers", 1}, {NULL, 0}};
    const int32_t *const d = mwi_keras_tensor(c, x)->dims;
    int32_t size;

    if (d[1] == to->high && d[2] == to->wide) return *out = x, MW_OK;
    MWI_TRY(mwi_keras_i32s(c, 2, (const int32_t[]){to->high, to->wide}, &size));
    return mwi_keras_op(c, nearest ? "RESIZE_NEAREST_NEIGHBOR" : "RESIZE_BILINEAR", 2,
                        (const int32_t[]){x, size}, attrs, out);
}

/* As Keras computes it, in float32: a * b / c, cut. */
static int32_t scaled(int32_t a, int32_t b, int32_t by)
{
    return (int32_t)((float)((int64_t)a * b) / (float)by);
}

static int32_t at_most(int32_t value, int32_t limit)
{
    return value > limit ? limit : value < 1 ? 1 : value;
}

/* The largest part in the middle that has the target's proportions. */
static mw_status crop_to_aspect(mwi_keras_call *c, int32_t x, const target *to, int32_t *out)
{
    const int32_t *const d = mwi_keras_tensor(c, x)->dims;
    const int32_t high = at_most(scaled(d[2], to->high, to->wide), d[1]);
    const int32_t wide = at_most(scaled(d[1], to->wide, to->high), d[2]);

    return mwi_keras_slice(c, x, (const int32_t[]){0, (d[1] - high) / 2, (d[2] - wide) / 2, 0},
                           (const int32_t[]){-1, high, wide, -1}, out);
}

/* Borders on both sides that give the image the target's proportions. */
static mw_status pad_to_aspect(mwi_keras_call *c, int32_t x, const target *to, int32_t *out)
{
    const int32_t *const d = mwi_keras_tensor(c, x)->dims, dims[2] = {4, 2};
    const int32_t wanted_high = scaled(d[2], to->high, to->wide);
    const int32_t wanted_wide = scaled(d[1], to->wide, to->high);
    const int32_t rows = wanted_high > d[1] ? (wanted_high - d[1]) / 2 : 0;
    const int32_t columns = wanted_wide > d[2] ? (wanted_wide - d[2]) / 2 : 0;
    const int32_t pads[8] = {0, 0, rows, rows, columns, columns, 0, 0};
    int32_t operands[3] = {x, -1, -1};
    double value;

    if (rows == 0 && columns == 0) return *out = x, MW_OK;
    MWI_TRY(mwi_keras_float(c->ctx, c->layer, "fill_value", 0.0, &value));
    MWI_TRY(mwi_keras_const(c, "paddings", MW_INT32, 2, dims, pads, &operands[1]));
    MWI_TRY(mwi_keras_scalar(c, value, &operands[2]));
    return mwi_keras_op(c, value == 0 ? "PAD" : "PADV2", value == 0 ? 2 : 3, operands, NULL, out);
}

/* ---- Resizing ---- */

static const char *const interpolations[] = {"bilinear", "nearest", NULL};

static mw_status check_resizing(mw_ctx *ctx, const mwi_keras_layer *l)
{
    bool antialias;
    int kind;

    MWI_TRY(mwi_keras_choice(ctx, l, "interpolation", interpolations, &kind));
    MWI_TRY(mwi_keras_bool(ctx, l, "antialias", false, &antialias));
    return antialias ? mwi_fail(ctx, MW_EUNSUPPORTED, "has antialias, which has no lowering here")
                     : MW_OK;
}

static mw_status build_resizing(mwi_keras_call *c)
{
    int32_t x = c->in[0];
    bool crop, pad;
    target to;
    int kind;

    MWI_TRY(read_target(c, &to));
    MWI_TRY(mwi_keras_bool(c->ctx, c->layer, "crop_to_aspect_ratio", false, &crop));
    MWI_TRY(mwi_keras_bool(c->ctx, c->layer, "pad_to_aspect_ratio", false, &pad));
    MWI_TRY(mwi_keras_choice(c->ctx, c->layer, "interpolation", interpolations, &kind));
    if (crop) MWI_TRY(crop_to_aspect(c, x, &to, &x));
    if (pad && !crop) MWI_TRY(pad_to_aspect(c, x, &to, &x));
    MWI_TRY(resize(c, x, &to, kind == 1, &x));
    return mwi_keras_return(c, x);
}

static const char *const resizing_classes[] = {"Resizing", NULL};
const mwi_keras_row mwi_keras_layer_resizing = {
    .classes = resizing_classes,
    .summary = "RESIZE_BILINEAR, RESIZE_NEAREST_NEIGHBOR",
    .flags = MWI_KERAS_SPATIAL,
    .check = check_resizing,
    .build = build_resizing,
};

/* ---- CenterCrop, RandomCrop ---- */

static mw_status smart_resize(mwi_keras_call *c, const target *to)
{
    int32_t x;

    MWI_TRY(crop_to_aspect(c, c->in[0], to, &x));
    MWI_TRY(resize(c, x, to, false, &x));
    return mwi_keras_return(c, x);
}

static mw_status build_center(mwi_keras_call *c)
{
    target to;
    int32_t x;

    MWI_TRY(read_target(c, &to));
    const int32_t *const d = mwi_keras_tensor(c, c->in[0])->dims;
    if (d[1] < to.high || d[2] < to.wide) return smart_resize(c, &to);
    MWI_TRY(mwi_keras_slice(c, c->in[0],
                            (const int32_t[]){0, (d[1] - to.high) / 2, (d[2] - to.wide) / 2, 0},
                            (const int32_t[]){-1, to.high, to.wide, -1}, &x));
    return mwi_keras_return(c, x);
}

static const char *const center_classes[] = {"CenterCrop", NULL};
const mwi_keras_row mwi_keras_layer_center_crop = {
    .classes = center_classes,
    .summary = "SLICE; RESIZE_BILINEAR of smaller images",
    .flags = MWI_KERAS_SPATIAL,
    .build = build_center,
};

/* Keras 2 resizes at inference, Keras 3 leaves the image. */
static mw_status build_random_crop(mwi_keras_call *c)
{
    target to;

    MWI_TRY(read_target(c, &to));
    return c->layer->keras_major < 3 ? smart_resize(c, &to) : mwi_keras_return(c, c->in[0]);
}

static const char *const crop_classes[] = {"RandomCrop", NULL};
const mwi_keras_row mwi_keras_layer_random_crop = {
    .classes = crop_classes,
    .summary = "nothing (Keras 3); SLICE and RESIZE_BILINEAR (Keras 2)",
    .flags = MWI_KERAS_SPATIAL,
    .build = build_random_crop,
};

static mw_status build_random(mwi_keras_call *c)
{
    MWI_TRY(mwi_keras_need_inputs(c, 1, 1));
    return mwi_keras_return(c, c->in[0]);
}

static const char *const random_classes[] = {"RandomFlip",
                                             "RandomRotation",
                                             "RandomZoom",
                                             "RandomContrast",
                                             "RandomTranslation",
                                             "RandomBrightness",
                                             "RandomHeight",
                                             "RandomWidth",
                                             "RandomColorDegeneration",
                                             "RandomColorJitter",
                                             "RandomElasticTransform",
                                             "RandomErasing",
                                             "RandomGaussianBlur",
                                             "RandomGrayscale",
                                             "RandomHue",
                                             "RandomInvert",
                                             "RandomPerspective",
                                             "RandomPosterization",
                                             "RandomSaturation",
                                             "RandomSharpness",
                                             "RandomShear",
                                             "RandAugment",
                                             "AugMix",
                                             "CutMix",
                                             "MixUp",
                                             NULL};
const mwi_keras_row mwi_keras_layer_random = {
    .classes = random_classes,
    .summary = "nothing: the layer does nothing at inference",
    .build = build_random,
};
