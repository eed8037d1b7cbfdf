/* formats/keras/layers/layer_batch_normalization.c - BATCH_NORMALIZATION over one axis; another
 * than the last is brought there and back.
 * Depends: formats/keras/layer.  Used by: the list of layers only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/layer.h"

/* An integer, or a list of one. */
static mw_status read_axis(mw_ctx *ctx, const mwi_keras_layer *l, int64_t *out)
{
    const json_t *v = mwi_keras_key(l, "axis");
    char text[80];

    *out = -1;
    if (v == NULL) return MW_OK;
    if (json_is_array(v) && json_array_size(v) == 1) v = json_array_get(v, 0);
    if (mwi_keras_json_int(v, out)) return MW_OK;
    return mwi_fail(ctx, MW_EUNSUPPORTED, "has axis %s, allowed is one axis",
                    mwi_keras_show(v, text, sizeof text));
}

static mw_status check(mw_ctx *ctx, const mwi_keras_layer *l)
{
    int64_t axis;
    return read_axis(ctx, l, &axis);
}

static void swap_last(int32_t rank, int32_t axis, int32_t *perm)
{
    for (int32_t i = 0; i < rank; i++) perm[i] = i == axis ? rank - 1 : i == rank - 1 ? axis : i;
}

/* TensorFlow's fused operator, which Keras 2 takes for images, has the variance of n - 1 in its
 * moving average. */
static bool is_fused(const mwi_keras_layer *l, int32_t rank, int32_t axis)
{
    return l->keras_major == 2 && rank == 4 && (axis == 1 || axis == 3);
}

static mw_status build(mwi_keras_call *c)
{
    const mwi_tensor *const x = mwi_keras_tensor(c, c->in[0]);
    static const char *const names[] = {"gamma", "beta", "moving_mean", "moving_variance"};
    int32_t operands[5] = {c->in[0], -1, -1, -1, -1}, perm[MW_MAX_RANK], axis, out;
    int64_t wanted;
    double epsilon, momentum;

    MWI_TRY(mwi_keras_need_inputs(c, 1, 1));
    MWI_TRY(mwi_keras_need_rank(c, 0, 2, MW_MAX_RANK));
    MWI_TRY(read_axis(c->ctx, c->layer, &wanted));
    MWI_TRY(mwi_keras_axis(c->ctx, "axis", wanted, x->rank, &axis));
    MWI_TRY(mwi_keras_float(c->ctx, c->layer, "epsilon", 1e-3, &epsilon));
    MWI_TRY(mwi_keras_float(c->ctx, c->layer, "momentum", 0.99, &momentum));
    swap_last(x->rank, axis, perm);
    MWI_TRY(mwi_keras_transpose(c, c->in[0], perm, &operands[0]));
    for (int i = 0; i < 4; i++)
        if (mwi_keras_slot_of(c->layer, names[i]) != NULL)
            MWI_TRY(mwi_keras_vector(c, names[i], x->dims[axis], &operands[1 + i]));
    const mwi_keras_attr attrs[] = {{"epsilon", epsilon},
                                    {"momentum", momentum},
                                    {"unbiased_variance", is_fused(c->layer, x->rank, axis)},
                                    {NULL, 0}};
    MWI_TRY(mwi_keras_op(c, "BATCH_NORMALIZATION", 5, operands, attrs, &out));
    MWI_TRY(mwi_keras_transpose(c, out, perm, &out));
    return mwi_keras_return(c, out);
}

static const char *const classes[] = {"BatchNormalization", "BatchNormalizationV1",
                                      "BatchNormalizationV2", "SyncBatchNormalization", NULL};
/* Keras 1 calls the variance running_std. */
static const mwi_keras_weight_rule weights[] = {
    {.name = "gamma", .when = "scale"},
    {.name = "beta", .when = "center"},
    {.name = "moving_mean|running_mean", .frozen = true},
    {.name = "moving_variance|running_std", .frozen = true},
    {.name = NULL}};
const mwi_keras_row mwi_keras_layer_batch_normalization = {
    .classes = classes,
    .summary = "BATCH_NORMALIZATION, folded when a .tflite is written",
    .weights = weights,
    .flags = MWI_KERAS_PASSES_MASK | MWI_KERAS_FOLLOWS_INPUT,
    .check = check,
    .build = build,
};
