/* formats/keras/layers/layer_dot.c - Dot: products of two values along one axis of each:
 * BATCH_MATMUL.
 * Depends: formats/keras/layer.  Used by: the list of layers only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/layer.h"

/* x / sqrt(max(sum of squares, 1e-12)) along the axis. */
static mw_status unit(mwi_keras_call *c, int32_t x, int32_t axis, int32_t *out)
{
    static const mwi_keras_attr keep[] = {{"keep_dims", 1}, {NULL, 0}};
    int32_t s, a;

    MWI_TRY(mwi_keras_i32s(c, 1, &axis, &a));
    MWI_TRY(mwi_keras_unary(c, "SQUARE", x, &s));
    MWI_TRY(mwi_keras_op(c, "SUM", 2, (const int32_t[]){s, a}, keep, &s));
    MWI_TRY(mwi_keras_with(c, "MAXIMUM", s, 1e-12, &s));
    MWI_TRY(mwi_keras_unary(c, "RSQRT", s, &s));
    return mwi_keras_binary(c, "MUL", x, s, out);
}

static mw_status read_axes(mwi_keras_call *c, int32_t *axes)
{
    const json_t *const v = mwi_keras_key(c->layer, "axes");
    char text[80];

    for (size_t i = 0; i < 2; i++) {
        int64_t n;
        if ((json_is_array(v) && json_array_size(v) != 2) ||
            !mwi_keras_json_int(json_is_array(v) ? json_array_get(v, i) : v, &n))
            return mwi_fail(c->ctx, MW_EFORMAT,
                            "axes is %s, allowed is an integer or a list of two",
                            mwi_keras_show(v, text, sizeof text));
        MWI_TRY(mwi_keras_axis(c->ctx, "axes", n, mwi_keras_tensor(c, c->in[i])->rank, &axes[i]));
        if (axes[i] == 0)
            return mwi_fail(c->ctx, MW_EUNSUPPORTED, "sums over the batch; use other axes");
    }
    return MW_OK;
}

/* [batch, kept, summed] (last) or [batch, summed, kept]; a value of rank 2 keeps one. */
static mw_status as_matrix(mwi_keras_call *c, int32_t x, int32_t axis, bool summed_last,
                           int32_t *out)
{
    const mwi_tensor *const t = mwi_keras_tensor(c, x);
    const int32_t b = t->dims[0], n = t->dims[1];

    if (t->rank == 2)
        return mwi_keras_reshape(
            c, x, 3, summed_last ? (const int32_t[]){b, 1, n} : (const int32_t[]){b, n, 1}, out);
    return mwi_keras_transpose(
        c, x, (axis == 2) == summed_last ? (const int32_t[]){0, 1, 2} : (const int32_t[]){0, 2, 1},
        out);
}

static mw_status build(mwi_keras_call *c)
{
    int32_t axes[2], in[2], dims[3], x, rank = 1;
    bool normalize;

    MWI_TRY(mwi_keras_need_inputs(c, 2, 2));
    MWI_TRY(read_axes(c, axes));
    MWI_TRY(mwi_keras_bool(c->ctx, c->layer, "normalize", false, &normalize));
    for (size_t i = 0; i < 2; i++) {
        const int32_t r = mwi_keras_tensor(c, c->in[i])->rank;
        if (r < 2 || r > 3)
            return mwi_fail(c->ctx, MW_EUNSUPPORTED, "takes an input of rank %d, allowed 2 and 3",
                            r);
        in[i] = c->in[i];
        if (normalize) MWI_TRY(unit(c, in[i], axes[i], &in[i]));
        MWI_TRY(as_matrix(c, in[i], axes[i], i == 0, &in[i]));
    }
    MWI_TRY(mwi_keras_binary(c, "BATCH_MATMUL", in[0], in[1], &x));
    dims[0] = mwi_keras_tensor(c, x)->dims[0];
    for (size_t i = 0; i < 2; i++)
        if (mwi_keras_tensor(c, c->in[i])->rank == 3)
            dims[rank++] = mwi_keras_tensor(c, x)->dims[1 + i];
    if (rank == 1) dims[rank++] = 1;
    MWI_TRY(mwi_keras_reshape(c, x, rank, dims, &x));
    return mwi_keras_return(c, x);
}

static const char *const classes[] = {"Dot", NULL};
const mwi_keras_row mwi_keras_layer_dot = {
    .classes = classes,
    .summary = "BATCH_MATMUL",
    .build = build,
};
