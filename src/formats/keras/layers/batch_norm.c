/* formats/keras/layers/batch_norm.c - BatchNormalization over one axis; another than the last is brought
 * there and back.
 * Depends: build.h.  Used by: the list of layers only.   SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/build.h"

static size_t weights(const kr_layer *l, kr_weight_spec *out)
{
    size_t n = 0;
    if (kr_bool(l, "scale", true)) out[n++] = (kr_weight_spec){"gamma", true};
    if (kr_bool(l, "center", true)) out[n++] = (kr_weight_spec){"beta", true};
    out[n++] = (kr_weight_spec){"moving_mean", false};
    out[n++] = (kr_weight_spec){"moving_variance", false};
    return n;
}

static int32_t axis_of(const kr_layer *l)
{
    json_t *const v = kr_value(l, "axis");
    const json_t *const item = json_is_array(v) ? json_array_get(v, 0) : v;
    return item == NULL ? -1 : (int32_t)json_integer_value(item);
}

static const char *refuses(const kr_layer *l)
{
    json_t *const v = kr_value(l, "axis");
    return json_is_array(v) && json_array_size(v) > 1 ? "normalises over several axes" : NULL;
}

/* Swaps an axis and the last one. */
static mw_status swap_last(kr_builder *b, kr_layer *l, int32_t in, int32_t axis, int32_t *out)
{
    const int32_t rank = kr_tensor(b, in)->rank;
    int32_t perm[MW_MAX_RANK], p;

    for (int32_t i = 0; i < rank; i++) perm[i] = i == axis ? rank - 1 : i == rank - 1 ? axis : i;
    MWI_TRY(kr_const_ints(b, l, perm, (size_t)rank, &p));
    return kr_emit2(b, l, "TRANSPOSE", in, p, out);
}

static mw_status build(kr_builder *b, kr_layer *l, const int32_t *in, size_t n_in, int32_t *out)
{
    const int32_t rank = kr_tensor(b, in[0])->rank;
    int32_t operands[5] = {in[0], -1, -1, -1, -1}, axis = axis_of(l);
    size_t at = 0;
    mwi_op *op;

    (void)n_in;
    if (axis < 0) axis += rank;
    if (axis < 1 || axis >= rank) return kr_fail(b, l, MW_EFORMAT, "axis %d of an input of rank %d", axis, rank);
    if (axis != rank - 1) MWI_TRY(swap_last(b, l, in[0], axis, &operands[0]));
    if (kr_bool(l, "scale", true)) MWI_TRY(kr_constant(b, l, at++, KR_AS_IS, &operands[1]));
    if (kr_bool(l, "center", true)) MWI_TRY(kr_constant(b, l, at++, KR_AS_IS, &operands[2]));
    MWI_TRY(kr_constant(b, l, at++, KR_AS_IS, &operands[3]));
    MWI_TRY(kr_constant(b, l, at, KR_AS_IS, &operands[4]));
    MWI_TRY(kr_begin(b, l, "BATCH_NORMALIZATION", operands, 5, &op));
    kr_set_float(op, "epsilon", (float)kr_number(l, "epsilon", 1e-3));
    MWI_TRY(kr_end(b, op, out));
    return axis == rank - 1 ? MW_OK : swap_last(b, l, *out, axis, out);
}

const kr_row kr_batch_normalization = {.classes = "BatchNormalization BatchNormalizationV1 SyncBatchNormalization",
                                       .summary = "BATCH_NORMALIZATION, folded when a .tflite is written",
                                       .weights = weights, .refuses = refuses, .build = build};
