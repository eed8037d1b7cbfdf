/* formats/keras/layers/layer_transposed.c - Conv1DTranspose and Conv2DTranspose: TRANSPOSE_CONV.
 * Depends: layers/convolve.  Used by: the list of layers only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/layers/convolve.h"

static mw_status check(mw_ctx *ctx, const mwi_keras_layer *l)
{
    mwi_keras_window w;

    MWI_TRY(mwi_keras_check_activation(ctx, l, "activation"));
    MWI_TRY(mwi_keras_read_window(ctx, l, &w));
    if (w.padding == 2)
        return mwi_fail(ctx, MW_EUNSUPPORTED, "has padding 'causal', allowed are: valid, same");
    if (w.dilation[0] == 1 && w.dilation[1] == 1) return MW_OK;
    return mwi_fail(ctx, MW_EUNSUPPORTED,
                    "has a dilation_rate, which TRANSPOSE_CONV does not have; use 1");
}

static mw_status build(mwi_keras_call *c)
{
    int32_t filters, x, operands[4] = {-1, -1, -1, -1}, extra[2] = {-1, -1}, shape[4], out;
    mwi_keras_window w;

    MWI_TRY(mwi_keras_read_window(c->ctx, c->layer, &w));
    MWI_TRY(mwi_keras_int(c->ctx, c->layer, "filters|nb_filter", MWI_KERAS_REQUIRED, 1, INT32_MAX,
                          &filters));
    MWI_TRY(mwi_keras_ints(c->ctx, c->layer, "output_padding", (size_t)w.n_dims, -1, 0, INT32_MAX,
                           extra + 2 - w.n_dims));
    MWI_TRY(mwi_keras_window_input(c, &w, &x));
    const mwi_tensor *const t = mwi_keras_tensor(c, x);
    shape[0] = t->dims[0];
    shape[3] = filters;
    for (int i = 0; i < 2; i++) {
        MWI_TRY(mwi_keras_transposed_length(c, t->dims[1 + i], w.kernel[i], w.strides[i],
                                            w.padding == 1, extra[i], &shape[1 + i]));
    }
    if (w.n_dims == 1) shape[1] = 1;
    MWI_TRY(mwi_keras_i32s(c, 4, shape, &operands[0]));
    mwi_keras_part p = {.weight = "kernel",
                        .rank = 4,
                        .dims = {w.kernel[0], w.kernel[1], filters, t->dims[3]},
                        .permuted = true,
                        .perm = {2, 0, 1, 3}};
    if (w.n_dims == 1)
        p = (mwi_keras_part){.weight = "kernel",
                             .rank = 3,
                             .dims = {w.kernel[1], filters, t->dims[3]},
                             .permuted = true,
                             .perm = {1, 0, 2},
                             .out_rank = 4,
                             .out_dims = {filters, 1, w.kernel[1], t->dims[3]}};
    MWI_TRY(mwi_keras_weight(c, &p, &operands[1]));
    operands[2] = x;
    const bool bias = mwi_keras_slot_of(c->layer, "bias") != NULL;
    if (bias) MWI_TRY(mwi_keras_vector(c, "bias", filters, &operands[3]));
    const mwi_keras_attr attrs[] = {
        {"padding", w.padding == 1 ? MWI_PADDING_SAME : MWI_PADDING_VALID},
        {"stride_h", w.strides[0]},
        {"stride_w", w.strides[1]},
        {NULL, 0}};
    MWI_TRY(mwi_keras_op(c, "TRANSPOSE_CONV", bias ? 4 : 3, operands, attrs, &out));
    return mwi_keras_window_return(c, &w, out);
}

static const char *const classes[] = {"Conv2DTranspose", "Conv1DTranspose",
                                      "Convolution2DTranspose", NULL};
static const mwi_keras_weight_rule weights[] = {
    {.name = "kernel"}, {.name = "bias", .when = "use_bias"}, {.name = NULL}};
const mwi_keras_row mwi_keras_layer_transposed = {
    .classes = classes,
    .summary = "TRANSPOSE_CONV",
    .weights = weights,
    .flags = MWI_KERAS_SPATIAL | MWI_KERAS_FOLLOWS_INPUT,
    .width_key = "filters|nb_filter",
    .check = check,
    .build = build,
};
