/* formats/keras/layers/layer_wrappers.c - TimeDistributed and Bidirectional: another layer run
 * over time.
 * Depends: layers/recurrent.  Used by: the list of layers only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/layers/recurrent.h"

#include <string.h>

/* ---- TimeDistributed: steps become samples of the batch, and steps again ---- */

static mw_status build_time_distributed(mwi_keras_call *c)
{
    const mwi_tensor *const x = mwi_keras_tensor(c, c->in[0]);
    int32_t dims[MW_MAX_RANK], in, out;
    const int32_t *results;
    size_t n;

    MWI_TRY(mwi_keras_need_inputs(c, 1, 1));
    MWI_TRY(mwi_keras_need_rank(c, 0, 3, MW_MAX_RANK));
    const int32_t batch = x->dims[0], steps = x->dims[1];
    if (batch > INT32_MAX / steps)
        return mwi_fail(c->ctx, MW_ELIMIT, "%d samples of %d steps", batch, steps);
    dims[0] = batch * steps;
    memcpy(dims + 1, x->dims + 2, (size_t)(x->rank - 2) * sizeof *dims);
    MWI_TRY(mwi_keras_reshape(c, c->in[0], x->rank - 1, dims, &in));
    MWI_TRY(mwi_keras_run(c, c->layer->children[0], 1, &in, &n, &results));
    for (size_t i = 0; i < n; i++) {
        const mwi_tensor *const y = mwi_keras_tensor(c, results[i]);
        if (y->rank + 1 > MW_MAX_RANK || y->dims[0] != batch * steps)
            return mwi_fail(c->ctx, MW_EUNSUPPORTED, "holds a layer that changes the batch");
        dims[0] = batch;
        dims[1] = steps;
        memcpy(dims + 2, y->dims + 1, (size_t)(y->rank - 1) * sizeof *dims);
        MWI_TRY(mwi_keras_reshape(c, results[i], y->rank + 1, dims, &out));
        MWI_TRY(mwi_keras_return(c, out));
    }
    return MW_OK;
}

static const char *const time_classes[] = {"TimeDistributed", NULL};
const mwi_keras_row mwi_keras_layer_time_distributed = {
    .classes = time_classes,
    .summary = "RESHAPE around the layer inside",
    .flags = MWI_KERAS_WRAPPER | MWI_KERAS_ANY_TYPE | MWI_KERAS_PASSES_MASK,
    .build = build_time_distributed,
};

/* ---- Bidirectional ---- */

static const char *const modes[] = {"concat", "sum", "mul", "ave", NULL};

static mw_status check(mw_ctx *ctx, const mwi_keras_layer *l)
{
    int mode;

    MWI_TRY(mwi_keras_choice(ctx, l, "merge_mode", modes, &mode));
    for (size_t i = 0; i < l->n_children; i++) {
        const mwi_keras_row *const row = l->children[i]->row;
        const bool fits = row == NULL || row->build == mwi_keras_build_recurrent ||
                          (row->open_cell != NULL && row->build != mwi_keras_refuse_cell);
        if (!fits) /* a class without a row is reported by itself */
            return mwi_fail(ctx, MW_EUNSUPPORTED, "holds a %s, allowed are recurrent layers",
                            l->children[i]->class_name);
    }
    return MW_OK;
}

/* The last dimension of the backward layer's steps, which come last first, turned round. */
static mw_status turn(mwi_keras_call *c, int32_t x, int32_t *out)
{
    int32_t axis;

    MWI_TRY(mwi_keras_i32s(c, 1, (const int32_t[]){1}, &axis));
    return mwi_keras_binary(c, "REVERSE_V2", x, axis, out);
}

static mw_status merge(mwi_keras_call *c, int32_t forward, int32_t backward)
{
    const json_t *const raw = json_object_get(c->layer->config, "merge_mode");
    const mwi_keras_attr attrs[] = {{"axis", mwi_keras_tensor(c, forward)->rank - 1}, {NULL, 0}};
    int32_t x;
    int mode;

    if (json_is_null(raw)) {
        MWI_TRY(mwi_keras_return(c, forward));
        return mwi_keras_return(c, backward);
    }
    MWI_TRY(mwi_keras_choice(c->ctx, c->layer, "merge_mode", modes, &mode));
    if (mode == 0)
        MWI_TRY(
            mwi_keras_op(c, "CONCATENATION", 2, (const int32_t[]){forward, backward}, attrs, &x));
    else
        MWI_TRY(mwi_keras_binary(c, mode == 2 ? "MUL" : "ADD", forward, backward, &x));
    if (mode == 3) MWI_TRY(mwi_keras_with(c, "MUL", x, 0.5, &x));
    return mwi_keras_return(c, x);
}

static mw_status build_bidirectional(mwi_keras_call *c)
{
    const int32_t *forward, *backward;
    size_t n_forward, n_backward;
    int32_t back;
    bool sequences;

    MWI_TRY(mwi_keras_need_rank(c, 0, 3, MW_MAX_RANK));
    if (c->n_in % 2 != 1)
        return mwi_fail(c->ctx, MW_EFORMAT, "is called with %zu initial states", c->n_in - 1);
    int32_t in[1 + MWI_KERAS_MAX_STATES];
    const size_t half = c->n_in / 2;
    if (half + 1 > MWI_COUNT(in))
        return mwi_fail(c->ctx, MW_EFORMAT, "is called with %zu initial states", c->n_in - 1);
    MWI_TRY(mwi_keras_set_mask(c, c->in[0], c->masks[0]));
    in[0] = c->in[0];
    for (size_t i = 0; i < half; i++) in[1 + i] = c->in[1 + i];
    MWI_TRY(mwi_keras_run(c, c->layer->children[0], 1 + half, in, &n_forward, &forward));
    for (size_t i = 0; i < half; i++) in[1 + i] = c->in[1 + half + i];
    MWI_TRY(mwi_keras_run(c, c->layer->children[1], 1 + half, in, &n_backward, &backward));
    back = backward[0];
    MWI_TRY(mwi_keras_bool(c->ctx, c->layer->children[0], "return_sequences", false, &sequences));
    if (sequences) MWI_TRY(turn(c, back, &back));
    MWI_TRY(merge(c, forward[0], back));
    for (size_t i = 0; i < c->n_out && sequences; i++)
        MWI_TRY(mwi_keras_set_mask(c, c->out[i], c->masks[0]));
    for (size_t i = 1; i < n_forward; i++) MWI_TRY(mwi_keras_return(c, forward[i]));
    for (size_t i = 1; i < n_backward; i++) MWI_TRY(mwi_keras_return(c, backward[i]));
    return MW_OK;
}

static const char *const bidirectional_classes[] = {"Bidirectional", NULL};
const mwi_keras_row mwi_keras_layer_bidirectional = {
    .classes = bidirectional_classes,
    .summary = "the layer inside twice, REVERSE_V2 and CONCATENATION",
    .flags = MWI_KERAS_WRAPPER,
    .check = check,
    .build = build_bidirectional,
};

/* ---- SpectralNormalization: only training divides the kernel ---- */

static mw_status build_spectral(mwi_keras_call *c)
{
    const int32_t *results;
    size_t n;

    MWI_TRY(mwi_keras_set_mask(c, c->in[0], c->masks[0]));
    MWI_TRY(mwi_keras_run(c, c->layer->children[0], c->n_in, c->in, &n, &results));
    for (size_t i = 0; i < n; i++) MWI_TRY(mwi_keras_return(c, results[i]));
    return MW_OK;
}

static const char *const spectral_classes[] = {"SpectralNormalization", NULL};
static const mwi_keras_weight_rule spectral_weights[] = {{.name = "vector_u|sn_u", .frozen = true},
                                                         {.name = NULL}};
const mwi_keras_row mwi_keras_layer_spectral_normalization = {
    .classes = spectral_classes,
    .summary = "the layer inside",
    .weights = spectral_weights,
    .flags = MWI_KERAS_WRAPPER | MWI_KERAS_ANY_TYPE,
    .build = build_spectral,
};
