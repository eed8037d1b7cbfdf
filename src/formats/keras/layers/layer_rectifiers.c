/* formats/keras/layers/layer_rectifiers.c - LeakyReLU, PReLU, ELU.
 * Depends: formats/keras/layer.  Used by: the list of layers only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/layer.h"

#include <string.h>

static mw_status build_leaky(mwi_keras_call *c)
{
    double slope;
    int32_t x;

    MWI_TRY(mwi_keras_need_inputs(c, 1, 1));
    MWI_TRY(mwi_keras_float(c->ctx, c->layer, "negative_slope|alpha", 0.3, &slope));
    MWI_TRY(mwi_keras_leaky(c, c->in[0], slope, &x));
    return mwi_keras_return(c, x);
}

static const char *const leaky_classes[] = {"LeakyReLU", NULL};
const mwi_keras_row mwi_keras_layer_leaky_relu = {
    .classes = leaky_classes,
    .summary = "LEAKY_RELU",
    .flags = MWI_KERAS_PASSES_MASK | MWI_KERAS_FOLLOWS_INPUT,
    .build = build_leaky,
};

static mw_status build_elu(mwi_keras_call *c)
{
    double alpha;
    int32_t x;

    MWI_TRY(mwi_keras_need_inputs(c, 1, 1));
    MWI_TRY(mwi_keras_float(c->ctx, c->layer, "alpha", 1.0, &alpha));
    MWI_TRY(mwi_keras_elu(c, c->in[0], alpha, &x));
    return mwi_keras_return(c, x);
}

static const char *const elu_classes[] = {"ELU", NULL};
const mwi_keras_row mwi_keras_layer_elu = {
    .classes = elu_classes,
    .summary = "ELU; with an alpha MINIMUM, MUL, RELU and ADD too",
    .flags = MWI_KERAS_PASSES_MASK | MWI_KERAS_FOLLOWS_INPUT,
    .build = build_elu,
};

/* Axes that share a value have one value in alpha. */
static mw_status alpha_dims(mwi_keras_call *c, int32_t *dims)
{
    const mwi_tensor *const x = mwi_keras_tensor(c, c->in[0]);
    const json_t *const shared = mwi_keras_key(c->layer, "shared_axes");
    int32_t axis;
    int64_t v;

    memcpy(dims, x->dims + 1, (size_t)(x->rank - 1) * sizeof *dims);
    for (size_t i = 0; shared != NULL && i < (json_is_array(shared) ? json_array_size(shared) : 1);
         i++) {
        if (!mwi_keras_json_int(json_is_array(shared) ? json_array_get(shared, i) : shared, &v))
            return mwi_fail(c->ctx, MW_EFORMAT, "shared_axes is not a list of integers");
        MWI_TRY(mwi_keras_axis(c->ctx, "shared_axes", v, x->rank, &axis));
        if (axis > 0) dims[axis - 1] = 1;
    }
    return MW_OK;
}

static mw_status build_prelu(mwi_keras_call *c)
{
    const int32_t rank = mwi_keras_tensor(c, c->in[0])->rank;
    mwi_keras_part p = {.weight = "alpha", .rank = rank - 1};
    int32_t alpha, x;

    MWI_TRY(mwi_keras_need_inputs(c, 1, 1));
    MWI_TRY(mwi_keras_need_rank(c, 0, 2, MWI_KERAS_WEIGHT_RANK + 1));
    MWI_TRY(alpha_dims(c, p.dims));
    MWI_TRY(mwi_keras_weight(c, &p, &alpha));
    MWI_TRY(mwi_keras_binary(c, "PRELU", c->in[0], alpha, &x));
    return mwi_keras_return(c, x);
}

static const char *const prelu_classes[] = {"PReLU", NULL};
static const mwi_keras_weight_rule prelu_weights[] = {{.name = "alpha|alphas"}, {.name = NULL}};
const mwi_keras_row mwi_keras_layer_prelu = {
    .classes = prelu_classes,
    .summary = "PRELU",
    .weights = prelu_weights,
    .flags = MWI_KERAS_PASSES_MASK | MWI_KERAS_FOLLOWS_INPUT,
    .build = build_prelu,
};
