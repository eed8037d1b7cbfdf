/* formats/keras/layers/layer_convolution_3d.c - Conv3D and Conv3DTranspose: CONV_3D,
 * CONV_3D_TRANSPOSE.
 * Depends: layers/convolve_3d.  Used by: the list of layers only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/layers/convolve_3d.h"

#include <string.h>

static mw_status check(mw_ctx *ctx, const mwi_keras_layer *l)
{
    if (l->keras_major == 1)
        return mwi_fail(ctx, MW_EUNSUPPORTED, "is of Keras 1; save it with Keras 2 or 3");
    return mwi_keras_check_activation(ctx, l, "activation");
}

/* CONV_3D has no groups: each has its own part of the kernel, and results are joined. */
static mw_status one_group(mwi_keras_call *c, const mwi_keras_window_3d *w, int32_t x,
                           int32_t groups, int32_t group, int32_t *out)
{
    const int32_t in = mwi_keras_tensor(c, x)->dims[4], n = w->filters / groups;
    mwi_keras_part kernel = {.weight = "kernel",
                             .rank = 5,
                             .dims = {w->kernel[0], w->kernel[1], w->kernel[2], in, w->filters},
                             .begin = {0, 0, 0, 0, group * n}};
    mwi_keras_part bias = {
        .weight = "bias", .rank = 1, .dims = {w->filters}, .begin = {group * n}, .size = {n}};
    int32_t operands[3] = {x, -1, -1};

    memcpy(kernel.size, kernel.dims, sizeof kernel.size);
    kernel.size[4] = n;
    MWI_TRY(mwi_keras_weight(c, &kernel, &operands[1]));
    const bool has_bias = mwi_keras_slot_of(c->layer, "bias") != NULL;
    if (has_bias) MWI_TRY(mwi_keras_weight(c, &bias, &operands[2]));
    return mwi_keras_convolve_3d(c, w, "CONV_3D", has_bias ? 3 : 2, operands, out);
}

enum { MAX_GROUPS = 1024 };

static mw_status all_groups(mwi_keras_call *c, const mwi_keras_window_3d *w, int32_t groups,
                            int32_t *out)
{
    const mwi_keras_attr pieces[] = {{"num_splits", groups}, {NULL, 0}};
    const mwi_keras_attr join[] = {{"axis", 4}, {NULL, 0}};
    int32_t parts[MAX_GROUPS], axis;

    MWI_TRY(mwi_keras_i32s(c, 1, (const int32_t[]){4}, &axis));
    MWI_TRY(mwi_keras_ops(c, "SPLIT", 2, (const int32_t[]){axis, c->in[0]}, pieces, (size_t)groups,
                          parts));
    for (int32_t i = 0; i < groups; i++) MWI_TRY(one_group(c, w, parts[i], groups, i, &parts[i]));
    return mwi_keras_op(c, "CONCATENATION", (size_t)groups, parts, join, out);
}

static mw_status build(mwi_keras_call *c)
{
    int32_t groups, x;
    mwi_keras_window_3d w;

    MWI_TRY(mwi_keras_need_inputs(c, 1, 1));
    MWI_TRY(mwi_keras_need_rank(c, 0, 5, 5));
    MWI_TRY(mwi_keras_read_window_3d(c->ctx, c->layer, &w));
    MWI_TRY(mwi_keras_int(c->ctx, c->layer, "groups", 1, 1, MAX_GROUPS, &groups));
    const int32_t channels = mwi_keras_tensor(c, c->in[0])->dims[4];
    if (channels % groups != 0 || w.filters % groups != 0)
        return mwi_fail(c->ctx, MW_EFORMAT,
                        "groups is %d, allowed is a divisor of %d channels and %d filters", groups,
                        channels, w.filters);
    if (groups == 1)
        MWI_TRY(one_group(c, &w, c->in[0], 1, 0, &x));
    else
        MWI_TRY(all_groups(c, &w, groups, &x));
    MWI_TRY(mwi_keras_activate(c, "activation", x, &x));
    return mwi_keras_return(c, x);
}

static const char *const classes[] = {"Conv3D", "Convolution3D", NULL};
static const mwi_keras_weight_rule weights[] = {
    {.name = "kernel"}, {.name = "bias", .when = "use_bias"}, {.name = NULL}};
const mwi_keras_row mwi_keras_layer_convolution_3d = {
    .classes = classes,
    .summary = "CONV_3D",
    .weights = weights,
    .flags = MWI_KERAS_SPATIAL | MWI_KERAS_FOLLOWS_INPUT,
    .width_key = "filters|nb_filter",
    .check = check,
    .build = build,
};

/* ---- Conv3DTranspose ---- */

static mw_status check_transposed(mw_ctx *ctx, const mwi_keras_layer *l)
{
    mwi_keras_window_3d w;

    MWI_TRY(check(ctx, l));
    MWI_TRY(mwi_keras_read_window_3d(ctx, l, &w));
    if (w.dilation[0] == 1 && w.dilation[1] == 1 && w.dilation[2] == 1) return MW_OK;
    return mwi_fail(ctx, MW_EUNSUPPORTED,
                    "has a dilation_rate, which CONV_3D_TRANSPOSE does not have; use 1");
}

static mw_status build_transposed(mwi_keras_call *c)
{
    int32_t extra[3], shape[5], operands[4] = {-1, -1, -1, -1}, x;
    mwi_keras_window_3d w;

    MWI_TRY(mwi_keras_need_inputs(c, 1, 1));
    MWI_TRY(mwi_keras_need_rank(c, 0, 5, 5));
    MWI_TRY(mwi_keras_read_window_3d(c->ctx, c->layer, &w));
    MWI_TRY(mwi_keras_ints(c->ctx, c->layer, "output_padding", 3, -1, 0, INT32_MAX, extra));
    const mwi_tensor *const t = mwi_keras_tensor(c, c->in[0]);
    shape[0] = t->dims[0];
    shape[4] = w.filters;
    for (int i = 0; i < 3; i++)
        MWI_TRY(mwi_keras_transposed_length(c, t->dims[1 + i], w.kernel[i], w.strides[i],
                                            w.padding == 1, extra[i], &shape[1 + i]));
    MWI_TRY(mwi_keras_i32s(c, 5, shape, &operands[0]));
    MWI_TRY(mwi_keras_weight(
        c,
        &(mwi_keras_part){.weight = "kernel",
                          .rank = 5,
                          .dims = {w.kernel[0], w.kernel[1], w.kernel[2], w.filters, t->dims[4]}},
        &operands[1]));
    operands[2] = c->in[0];
    const bool bias = mwi_keras_slot_of(c->layer, "bias") != NULL;
    if (bias) MWI_TRY(mwi_keras_vector(c, "bias", w.filters, &operands[3]));
    MWI_TRY(mwi_keras_convolve_3d(c, &w, "CONV_3D_TRANSPOSE", bias ? 4 : 3, operands, &x));
    MWI_TRY(mwi_keras_activate(c, "activation", x, &x));
    return mwi_keras_return(c, x);
}

static const char *const transposed_classes[] = {"Conv3DTranspose", NULL};
const mwi_keras_row mwi_keras_layer_transposed_3d = {
    .classes = transposed_classes,
    .summary = "CONV_3D_TRANSPOSE",
    .weights = weights,
    .flags = MWI_KERAS_SPATIAL | MWI_KERAS_FOLLOWS_INPUT,
    .width_key = "filters|nb_filter",
    .check = check_transposed,
    .build = build_transposed,
};
