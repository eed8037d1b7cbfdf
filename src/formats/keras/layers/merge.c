/* formats/keras/layers/merge.c - Add, Subtract, Multiply, Average, Maximum, Minimum, Concatenate.
 * Depends: build.h.  Used by: the list of layers only.   SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/build.h"

/* Keras broadcasts as NumPy does, but puts missing dimensions behind the batch. */
static mw_status align(kr_builder *b, kr_layer *l, const int32_t *in, size_t n, int32_t *out)
{
    int32_t rank = 0;

    for (size_t i = 0; i < n; i++)
        if (kr_tensor(b, in[i])->rank > rank) rank = kr_tensor(b, in[i])->rank;
    for (size_t i = 0; i < n; i++) {
        const mwi_tensor *const t = kr_tensor(b, in[i]);
        int32_t dims[MW_MAX_RANK];
        out[i] = in[i];
        if (t->rank == rank || t->rank == 0) continue;
        for (int32_t k = 0; k < rank - 1; k++) dims[k] = k < rank - t->rank ? 1 : t->dims[k - (rank - t->rank) + 1];
        MWI_TRY(kr_reshape(b, l, in[i], dims, (size_t)rank - 1, &out[i]));
    }
    return MW_OK;
}

static mw_status fold(kr_builder *b, kr_layer *l, const char *op, const int32_t *in, size_t n, int32_t *out)
{
    int32_t v[KR_MAX_INPUTS];

    if (n < 2 || n > KR_MAX_INPUTS) return kr_fail(b, l, MW_EFORMAT, "merges %zu inputs, allowed 2 to %d", n, KR_MAX_INPUTS);
    MWI_TRY(align(b, l, in, n, v));
    *out = v[0];
    for (size_t i = 1; i < n; i++) MWI_TRY(kr_emit2(b, l, op, *out, v[i], out));
    return MW_OK;
}

#define FOLD(id, op)                                                                                \
    static mw_status id(kr_builder *b, kr_layer *l, const int32_t *in, size_t n, int32_t *out)      \
    {                                                                                               \
        return fold(b, l, op, in, n, out);                                                          \
    }
FOLD(build_add, "ADD")
FOLD(build_subtract, "SUB")
FOLD(build_multiply, "MUL")
FOLD(build_maximum, "MAXIMUM")
FOLD(build_minimum, "MINIMUM")

static mw_status build_average(kr_builder *b, kr_layer *l, const int32_t *in, size_t n, int32_t *out)
{
    int32_t s;
    MWI_TRY(fold(b, l, "ADD", in, n, out));
    MWI_TRY(kr_scalar(b, 1.0f / (float)n, &s));
    return kr_emit2(b, l, "MUL", *out, s, out);
}

static mw_status build_concatenate(kr_builder *b, kr_layer *l, const int32_t *in, size_t n, int32_t *out)
{
    mwi_op *op;
    MWI_TRY(kr_begin(b, l, "CONCATENATION", in, n, &op));
    kr_set(op, "axis", (int32_t)kr_number(l, "axis", kr_number(l, "concat_axis", -1)));
    return kr_end(b, op, out);
}

const kr_row kr_add = {.classes = "Add", .summary = "ADD", .build = build_add};
const kr_row kr_subtract = {.classes = "Subtract", .summary = "SUB", .build = build_subtract};
const kr_row kr_multiply = {.classes = "Multiply", .summary = "MUL", .build = build_multiply};
const kr_row kr_average = {.classes = "Average", .summary = "ADD and MUL", .build = build_average};
const kr_row kr_maximum = {.classes = "Maximum", .summary = "MAXIMUM", .build = build_maximum};
const kr_row kr_minimum = {.classes = "Minimum", .summary = "MINIMUM", .build = build_minimum};
const kr_row kr_concatenate = {.classes = "Concatenate", .summary = "CONCATENATION", .build = build_concatenate};
