/* formats/keras/layers/convolution.c - Conv1D, Conv2D, depthwise and separable ones. One dimension is a row of two.
 * Depends: build.h.  Used by: the list of layers only.   SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/build.h"

#include <string.h>

static bool has_bias(const kr_layer *l) { return kr_bool(l, "use_bias", kr_bool(l, "bias", true)); }

static size_t weights(const kr_layer *l, kr_weight_spec *out)
{
    size_t n = 0;
    out[n++] = (kr_weight_spec){"kernel", true};
    if (has_bias(l)) out[n++] = (kr_weight_spec){"bias", true};
    return n;
}

static size_t separable_weights(const kr_layer *l, kr_weight_spec *out)
{
    size_t n = 0;
    out[n++] = (kr_weight_spec){"depthwise_kernel", true};
    out[n++] = (kr_weight_spec){"pointwise_kernel", true};
    if (has_bias(l)) out[n++] = (kr_weight_spec){"bias", true};
    return n;
}

static const char *refuses(const kr_layer *l)
{
    if (kr_channels_first(l)) return "data_format channels_first; save it with channels_last";
    return kr_activation_refuses(kr_value(l, "activation"));
}

/* A causal padding puts all zeros before. */
static mw_status pad_causal(kr_builder *b, kr_layer *l, int32_t x, int32_t before, int32_t *out)
{
    const int32_t pads[8] = {0, 0, 0, 0, before, 0, 0, 0};
    int32_t p;

    MWI_TRY(mwi_graph_add_const(b->ctx, b->model, b->graph, "paddings", MW_INT32, 2, (const int32_t[]){4, 2}, pads, &p));
    return kr_emit2(b, l, "PAD", x, p, out);
}

/* One convolution over [n,h,w,c]; dims 1 or 2 say how many of strides and dilations the configuration has. */
static mw_status convolve(kr_builder *b, kr_layer *l, const char *op_name, int32_t x, int32_t weight, int32_t bias, size_t dims,
                          int32_t *out)
{
    const int32_t operands[3] = {x, weight, bias};
    int32_t strides[2] = {1, 1}, dilation[2] = {1, 1}, padding = MWI_PADDING_VALID;
    const bool causal = strcmp(kr_text(l, "padding", "valid"), "causal") == 0;
    mwi_op *op;

    MWI_TRY(kr_ints(b, l, kr_value(l, "strides") != NULL ? "strides" : "subsample", dims, 1, strides + 2 - dims));
    MWI_TRY(kr_ints(b, l, "dilation_rate", dims, 1, dilation + 2 - dims));
    if (causal && dims == 1) {
        const int32_t before = (kr_tensor(b, weight)->dims[2] - 1) * dilation[1];
        MWI_TRY(pad_causal(b, l, x, before, (int32_t *)(uintptr_t)&operands[0]));
    } else {
        MWI_TRY(kr_padding(b, l, &padding));
    }
    MWI_TRY(kr_begin(b, l, op_name, operands, 3, &op));
    kr_set(op, "padding", padding);
    kr_set(op, "stride_h", strides[0]);
    kr_set(op, "stride_w", strides[1]);
    kr_set(op, "dilation_h_factor", dilation[0]);
    kr_set(op, "dilation_w_factor", dilation[1]);
    if (strcmp(op_name, "DEPTHWISE_CONV_2D") == 0 && kr_tensor(b, x)->dims[3] > 0)
        kr_set(op, "depth_multiplier", kr_tensor(b, weight)->dims[3] / kr_tensor(b, x)->dims[3]);
    return kr_end(b, op, out);
}

static mw_status need_rank(kr_builder *b, const kr_layer *l, int32_t in, int32_t rank)
{
    if (kr_tensor(b, in)->rank == rank) return MW_OK;
    return kr_fail(b, l, MW_EFORMAT, "takes an input of rank %d, gets %d", rank, kr_tensor(b, in)->rank);
}

static mw_status to_2d(kr_builder *b, const kr_layer *l, int32_t in, int32_t *out)
{
    MWI_TRY(need_rank(b, l, in, 3));
    const mwi_tensor *const t = kr_tensor(b, in);
    return kr_reshape(b, l, in, (const int32_t[]){1, t->dims[1], t->dims[2]}, 3, out);
}

static mw_status to_1d(kr_builder *b, const kr_layer *l, int32_t in, int32_t *out)
{
    const mwi_tensor *const t = kr_tensor(b, in);
    return kr_reshape(b, l, in, (const int32_t[]){t->dims[2], t->dims[3]}, 2, out);
}

static mw_status bias_of(kr_builder *b, kr_layer *l, size_t at, int32_t *out)
{
    *out = -1;
    return l->n_weights > at ? kr_constant(b, l, at, KR_AS_IS, out) : MW_OK;
}

static mw_status plain(kr_builder *b, kr_layer *l, int32_t x, const char *op, kr_transform t, size_t dims, int32_t *out)
{
    int32_t weight, bias;

    if (dims == 1) MWI_TRY(to_2d(b, l, x, &x));
    MWI_TRY(need_rank(b, l, x, 4));
    MWI_TRY(kr_constant(b, l, 0, t, &weight));
    MWI_TRY(bias_of(b, l, 1, &bias));
    MWI_TRY(convolve(b, l, op, x, weight, bias, dims, out));
    if (dims == 1) MWI_TRY(to_1d(b, l, *out, out));
    return kr_activation(b, l, kr_value(l, "activation"), *out, out);
}

static mw_status build_2d(kr_builder *b, kr_layer *l, const int32_t *in, size_t n_in, int32_t *out)
{
    (void)n_in;
    return plain(b, l, in[0], "CONV_2D", KR_CONV, 2, out);
}

static mw_status build_1d(kr_builder *b, kr_layer *l, const int32_t *in, size_t n_in, int32_t *out)
{
    (void)n_in;
    return plain(b, l, in[0], "CONV_2D", KR_CONV_1D, 1, out);
}

static mw_status build_depthwise(kr_builder *b, kr_layer *l, const int32_t *in, size_t n_in, int32_t *out)
{
    (void)n_in;
    return plain(b, l, in[0], "DEPTHWISE_CONV_2D", KR_DEPTHWISE, 2, out);
}

static mw_status build_depthwise_1d(kr_builder *b, kr_layer *l, const int32_t *in, size_t n_in, int32_t *out)
{
    (void)n_in;
    return plain(b, l, in[0], "DEPTHWISE_CONV_2D", KR_DEPTHWISE_1D, 1, out);
}

/* Depthwise with the layer's strides, then 1x1 with its bias. */
static mw_status separable(kr_builder *b, kr_layer *l, int32_t x, size_t dims, int32_t *out)
{
    int32_t depthwise, pointwise, bias;
    mwi_op *op;

    if (dims == 1) MWI_TRY(to_2d(b, l, x, &x));
    MWI_TRY(need_rank(b, l, x, 4));
    MWI_TRY(kr_constant(b, l, 0, dims == 1 ? KR_DEPTHWISE_1D : KR_DEPTHWISE, &depthwise));
    MWI_TRY(kr_constant(b, l, 1, dims == 1 ? KR_CONV_1D : KR_CONV, &pointwise));
    MWI_TRY(bias_of(b, l, 2, &bias));
    MWI_TRY(convolve(b, l, "DEPTHWISE_CONV_2D", x, depthwise, -1, dims, &x));
    MWI_TRY(kr_begin(b, l, "CONV_2D", (const int32_t[]){x, pointwise, bias}, 3, &op));
    kr_set(op, "padding", MWI_PADDING_VALID);
    kr_set(op, "stride_h", 1);
    kr_set(op, "stride_w", 1);
    MWI_TRY(kr_end(b, op, out));
    if (dims == 1) MWI_TRY(to_1d(b, l, *out, out));
    return kr_activation(b, l, kr_value(l, "activation"), *out, out);
}

static mw_status build_separable_2d(kr_builder *b, kr_layer *l, const int32_t *in, size_t n_in, int32_t *out)
{
    (void)n_in;
    return separable(b, l, in[0], 2, out);
}

static mw_status build_separable_1d(kr_builder *b, kr_layer *l, const int32_t *in, size_t n_in, int32_t *out)
{
    (void)n_in;
    return separable(b, l, in[0], 1, out);
}

const kr_row kr_conv_2d = {.classes = "Conv2D Convolution2D", .summary = "CONV_2D", .weights = weights, .refuses = refuses,
                           .build = build_2d};
const kr_row kr_conv_1d = {.classes = "Conv1D Convolution1D", .summary = "CONV_2D of one row", .weights = weights,
                           .refuses = refuses, .build = build_1d};
const kr_row kr_depthwise_conv_2d = {.classes = "DepthwiseConv2D", .summary = "DEPTHWISE_CONV_2D", .weights = weights,
                                     .refuses = refuses, .build = build_depthwise};
const kr_row kr_depthwise_conv_1d = {.classes = "DepthwiseConv1D", .summary = "DEPTHWISE_CONV_2D of one row",
                                     .weights = weights, .refuses = refuses, .build = build_depthwise_1d};
const kr_row kr_separable_conv_2d = {.classes = "SeparableConv2D SeparableConvolution2D",
                                     .summary = "DEPTHWISE_CONV_2D and CONV_2D", .weights = separable_weights,
                                     .refuses = refuses, .build = build_separable_2d};
const kr_row kr_separable_conv_1d = {.classes = "SeparableConv1D SeparableConvolution1D",
                                     .summary = "DEPTHWISE_CONV_2D and CONV_2D of one row", .weights = separable_weights,
                                     .refuses = refuses, .build = build_separable_1d};
