/* formats/keras/layers/layer_dense.c - Dense over the last dimension: FULLY_CONNECTED.
 * Depends: formats/keras/layer.  Used by: the list of layers only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/layer.h"

static mw_status check(mw_ctx *ctx, const mwi_keras_layer *l)
{
    return mwi_keras_check_activation(ctx, l, "activation");
}

static mw_status build(mwi_keras_call *c)
{
    const mwi_tensor *const x = mwi_keras_tensor(c, c->in[0]);
    int32_t operands[3] = {c->in[0], -1, -1}, units, out;

    MWI_TRY(mwi_keras_need_inputs(c, 1, 1));
    MWI_TRY(mwi_keras_need_rank(c, 0, 2, MW_MAX_RANK));
    const mwi_keras_attr attrs[] = {{"keep_num_dims", x->rank > 2}, {NULL, 0}};
    const int32_t n_in = x->dims[x->rank - 1];
    MWI_TRY(mwi_keras_int(c->ctx, c->layer, "units|output_dim", MWI_KERAS_REQUIRED, 1, INT32_MAX,
                          &units));
    MWI_TRY(mwi_keras_weight(
        c,
        &(mwi_keras_part){
            .weight = "kernel", .rank = 2, .dims = {n_in, units}, .permuted = true, .perm = {1, 0}},
        &operands[1]));
    if (mwi_keras_slot_of(c->layer, "bias") != NULL)
        MWI_TRY(mwi_keras_vector(c, "bias", units, &operands[2]));
    MWI_TRY(mwi_keras_op(c, "FULLY_CONNECTED", 3, operands, attrs, &out));
    MWI_TRY(mwi_keras_activate(c, "activation", out, &out));
    return mwi_keras_return(c, out);
}

static const char *const classes[] = {"Dense", NULL};
static const mwi_keras_weight_rule weights[] = {
    {.name = "kernel|W"}, {.name = "bias|b", .when = "use_bias|bias"}, {.name = NULL}};
const mwi_keras_row mwi_keras_layer_dense = {
    .classes = classes,
    .summary = "FULLY_CONNECTED",
    .weights = weights,
    .flags = MWI_KERAS_PASSES_MASK | MWI_KERAS_FOLLOWS_INPUT,
    .width_key = "units|output_dim",
    .check = check,
    .build = build,
};
