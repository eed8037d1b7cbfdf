/* formats/keras/layers/shaping.c - Flatten, Reshape, Permute, RepeatVector, padding, and layers that do nothing at
 * inference.
 * Depends: build.h.  Used by: the list of layers only.   SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/build.h"

#include <string.h>

static mw_status build_flatten(kr_builder *b, kr_layer *l, const int32_t *in, size_t n_in, int32_t *out)
{
    const mwi_tensor *const t = kr_tensor(b, in[0]);
    size_t n = 1;

    (void)n_in;
    (void)mwi_dims_count(t->rank - 1, t->dims + 1, &n);
    if (n > INT32_MAX) return kr_fail(b, l, MW_ELIMIT, "flattens %zu values", n);
    return kr_reshape(b, l, in[0], (const int32_t[]){(int32_t)n}, 1, out);
}

static const char *refuses_flatten(const kr_layer *l)
{
    return kr_channels_first(l) ? "data_format channels_first; save it with channels_last" : NULL;
}

static mw_status build_reshape(kr_builder *b, kr_layer *l, const int32_t *in, size_t n_in, int32_t *out)
{
    json_t *const v = kr_value(l, "target_shape");
    const mwi_tensor *const t = kr_tensor(b, in[0]);
    int32_t dims[MW_MAX_RANK], open = -1;
    size_t count = 1, product = 1;

    (void)n_in;
    if (!json_is_array(v) || json_array_size(v) > MW_MAX_RANK - 1)
        return kr_fail(b, l, MW_EFORMAT, "'target_shape' must be a list of at most %d", MW_MAX_RANK - 1);
    (void)mwi_dims_count(t->rank - 1, t->dims + 1, &count);
    for (size_t i = 0; i < json_array_size(v); i++) {
        const json_int_t d = json_integer_value(json_array_get(v, i));
        if (d < -1 || d > INT32_MAX) return kr_fail(b, l, MW_EFORMAT, "'target_shape' holds %lld", (long long)d);
        dims[i] = (int32_t)d;
        if (d == -1) open = (int32_t)i;
        else if (__builtin_mul_overflow(product, (size_t)d, &product)) return kr_fail(b, l, MW_ELIMIT, "'target_shape' is too large");
    }
    if (open >= 0 && product > 0) dims[open] = (int32_t)(count / product);
    return kr_reshape(b, l, in[0], dims, json_array_size(v), out);
}

static mw_status build_permute(kr_builder *b, kr_layer *l, const int32_t *in, size_t n_in, int32_t *out)
{
    const size_t rank = (size_t)kr_tensor(b, in[0])->rank;
    int32_t perm[MW_MAX_RANK] = {0}, p;

    (void)n_in;
    MWI_TRY(kr_ints(b, l, "dims", rank - 1, 1, perm + 1));
    MWI_TRY(kr_const_ints(b, l, perm, rank, &p));
    return kr_emit2(b, l, "TRANSPOSE", in[0], p, out);
}

static mw_status build_repeat(kr_builder *b, kr_layer *l, const int32_t *in, size_t n_in, int32_t *out)
{
    int32_t n, shape, x;

    (void)n_in;
    MWI_TRY(kr_int(b, l, "n", &n));
    if (kr_tensor(b, in[0])->rank != 2) return kr_fail(b, l, MW_EFORMAT, "takes an input of rank 2");
    MWI_TRY(kr_reshape(b, l, in[0], (const int32_t[]){1, kr_tensor(b, in[0])->dims[1]}, 2, &x));
    MWI_TRY(kr_const_ints(b, l, (const int32_t[]){1, n, 1}, 3, &shape));
    return kr_emit2(b, l, "TILE", x, shape, out);
}

static mw_status pad(kr_builder *b, kr_layer *l, int32_t x, const int32_t *pads, int32_t rank, int32_t *out)
{
    int32_t p;
    const char *name;

    MWI_TRY(mwi_arena_printf(b->ctx, b->scratch, &name, "%s/paddings", l->name));
    MWI_TRY(mwi_graph_add_const(b->ctx, b->model, b->graph, name, MW_INT32, 2, (const int32_t[]){rank, 2}, pads, &p));
    return kr_emit2(b, l, "PAD", x, p, out);
}

/* n, [h, w], or [[top, bottom], [left, right]]. */
static mw_status build_padding_2d(kr_builder *b, kr_layer *l, const int32_t *in, size_t n_in, int32_t *out)
{
    json_t *const v = kr_value(l, "padding");
    int32_t pads[8] = {0};

    (void)n_in;
    for (size_t axis = 0; axis < 2; axis++)
        for (size_t side = 0; side < 2; side++) {
            const json_t *item = json_is_array(v) ? json_array_get(v, axis) : v;
            if (json_is_array(item)) item = json_array_get(item, side);
            const json_int_t d = item == NULL ? 1 : json_integer_value(item);
            if (d < 0 || d > 1 << 20) return kr_fail(b, l, MW_EFORMAT, "'padding' holds %lld", (long long)d);
            pads[2 + 2 * axis + side] = (int32_t)d;
        }
    if (kr_tensor(b, in[0])->rank != 4) return kr_fail(b, l, MW_EFORMAT, "takes an input of rank 4");
    return pad(b, l, in[0], pads, 4, out);
}

static mw_status build_padding_1d(kr_builder *b, kr_layer *l, const int32_t *in, size_t n_in, int32_t *out)
{
    int32_t pads[6] = {0};

    (void)n_in;
    MWI_TRY(kr_ints(b, l, "padding", 2, 1, pads + 2));
    if (kr_tensor(b, in[0])->rank != 3) return kr_fail(b, l, MW_EFORMAT, "takes an input of rank 3");
    return pad(b, l, in[0], pads, 3, out);
}

static mw_status build_dropout(kr_builder *b, kr_layer *l, const int32_t *in, size_t n_in, int32_t *out)
{
    mwi_op *op;

    (void)n_in;
    MWI_TRY(kr_begin(b, l, "DROPOUT", in, 1, &op));
    kr_set_float(op, "rate", (float)kr_number(l, "rate", kr_number(l, "p", 0)));
    return kr_end(b, op, out);
}

static mw_status build_identity(kr_builder *b, kr_layer *l, const int32_t *in, size_t n_in, int32_t *out)
{
    (void)b;
    (void)l;
    (void)n_in;
    *out = in[0];
    return MW_OK;
}

static mw_status build_rescaling(kr_builder *b, kr_layer *l, const int32_t *in, size_t n_in, int32_t *out)
{
    int32_t s;

    (void)n_in;
    if (json_is_array(kr_value(l, "scale")) || json_is_array(kr_value(l, "offset")))
        return kr_fail(b, l, MW_EUNSUPPORTED, "scale and offset by channel");
    MWI_TRY(kr_scalar(b, (float)kr_number(l, "scale", 1), &s));
    MWI_TRY(kr_emit2(b, l, "MUL", in[0], s, out));
    MWI_TRY(kr_scalar(b, (float)kr_number(l, "offset", 0), &s));
    return kr_emit2(b, l, "ADD", *out, s, out);
}

const kr_row kr_flatten = {.classes = "Flatten", .summary = "RESHAPE", .refuses = refuses_flatten, .build = build_flatten};
const kr_row kr_reshape_ = {.classes = "Reshape", .summary = "RESHAPE", .build = build_reshape};
const kr_row kr_permute = {.classes = "Permute", .summary = "TRANSPOSE", .build = build_permute};
const kr_row kr_repeat_vector = {.classes = "RepeatVector", .summary = "TILE", .build = build_repeat};
const kr_row kr_dropout = {.classes = "Dropout SpatialDropout1D SpatialDropout2D SpatialDropout3D",
                           .summary = "nothing at inference", .build = build_dropout};
const kr_row kr_identity = {.classes = "GaussianNoise GaussianDropout AlphaDropout ActivityRegularization Identity",
                            .summary = "nothing at inference", .build = build_identity};
const kr_row kr_zero_padding_2d = {.classes = "ZeroPadding2D", .summary = "PAD", .refuses = refuses_flatten,
                                   .build = build_padding_2d};
const kr_row kr_zero_padding_1d = {.classes = "ZeroPadding1D", .summary = "PAD", .build = build_padding_1d};
const kr_row kr_rescaling = {.classes = "Rescaling", .summary = "MUL and ADD", .build = build_rescaling};
