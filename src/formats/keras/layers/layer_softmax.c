/* formats/keras/layers/layer_softmax.c - Softmax over one axis, or over several that lie together
 * as one.
 * Depends: formats/keras/layer.  Used by: the list of layers only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/layer.h"

#include <string.h>

static mw_status read_axes(mw_ctx *ctx, const mwi_keras_layer *l, int32_t rank, bool *over)
{
    const json_t *const v = mwi_keras_key(l, "axis");
    int32_t axis;
    int64_t n = -1;

    memset(over, 0, MW_MAX_RANK * sizeof *over);
    for (size_t i = 0; i < (json_is_array(v) ? json_array_size(v) : 1); i++) {
        if (v != NULL && !mwi_keras_json_int(json_is_array(v) ? json_array_get(v, i) : v, &n))
            return mwi_fail(ctx, MW_EFORMAT, "axis is not an integer or a list of integers");
        MWI_TRY(mwi_keras_axis(ctx, "axis", n, rank, &axis));
        over[axis] = true;
    }
    return MW_OK;
}

/* The axes go to the end, become one there, and come back. */
static mw_status build(mwi_keras_call *c)
{
    static const mwi_keras_attr attrs[] = {{"beta", 1.0}, {NULL, 0}};
    const mwi_tensor *const in = mwi_keras_tensor(c, c->in[0]);
    int32_t perm[MW_MAX_RANK], back[MW_MAX_RANK], flat[MW_MAX_RANK], moved[MW_MAX_RANK],
        n = 0, together = 1, x;
    bool over[MW_MAX_RANK];

    MWI_TRY(mwi_keras_need_inputs(c, 1, 1));
    MWI_TRY(read_axes(c->ctx, c->layer, in->rank, over));
    if (over[0])
        return mwi_fail(c->ctx, MW_EUNSUPPORTED,
                        "takes the softmax over the batch; use another axis");
    for (int32_t i = 0; i < in->rank; i++)
        if (!over[i]) flat[n] = in->dims[i], perm[n++] = i;
    const int32_t kept = n;
    for (int32_t i = 0; i < in->rank; i++)
        if (over[i]) together *= in->dims[i], perm[n++] = i;
    flat[kept] = together;
    for (int32_t i = 0; i < n; i++) back[perm[i]] = i, moved[i] = in->dims[perm[i]];
    MWI_TRY(mwi_keras_transpose(c, c->in[0], perm, &x));
    MWI_TRY(mwi_keras_reshape(c, x, kept + 1, flat, &x));
    MWI_TRY(mwi_keras_op(c, "SOFTMAX", 1, &x, attrs, &x));
    MWI_TRY(mwi_keras_reshape(c, x, n, moved, &x));
    MWI_TRY(mwi_keras_transpose(c, x, back, &x));
    return mwi_keras_return(c, x);
}

static const char *const classes[] = {"Softmax", NULL};
const mwi_keras_row mwi_keras_layer_softmax = {
    .classes = classes,
    .summary = "SOFTMAX",
    .flags = MWI_KERAS_REFUSES_MASK | MWI_KERAS_PASSES_MASK | MWI_KERAS_FOLLOWS_INPUT,
    .build = build,
};
