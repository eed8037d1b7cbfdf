/* formats/keras/layers/dense.c - InputLayer and Dense (on the last axis of any rank).
 * Depends: build.h.  Used by: the list of layers only.   SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/build.h"

static mw_status build_input(kr_builder *b, kr_layer *l, const int32_t *in, size_t n_in, int32_t *out)
{
    (void)b;
    (void)l;
    (void)n_in;
    *out = in[0];
    return MW_OK;
}

const kr_row kr_input_layer = {.classes = "InputLayer", .summary = "an input of the model", .build = build_input};

static size_t weights(const kr_layer *l, kr_weight_spec *out)
{
    size_t n = 0;
    out[n++] = (kr_weight_spec){"kernel", true};
    if (kr_bool(l, "use_bias", kr_bool(l, "bias", true))) out[n++] = (kr_weight_spec){"bias", true};
    return n;
}

static const char *refuses(const kr_layer *l) { return kr_activation_refuses(kr_value(l, "activation")); }

static mw_status build(kr_builder *b, kr_layer *l, const int32_t *in, size_t n_in, int32_t *out)
{
    int32_t operands[3] = {in[0], -1, -1};
    mwi_op *op;

    (void)n_in;
    MWI_TRY(kr_constant(b, l, 0, KR_MATRIX, &operands[1]));
    if (l->n_weights > 1) MWI_TRY(kr_constant(b, l, 1, KR_AS_IS, &operands[2]));
    MWI_TRY(kr_begin(b, l, "FULLY_CONNECTED", operands, 3, &op));
    kr_set_bool(op, "keep_num_dims", kr_tensor(b, in[0])->rank > 2);
    MWI_TRY(kr_end(b, op, out));
    return kr_activation(b, l, kr_value(l, "activation"), *out, out);
}

const kr_row kr_dense = {.classes = "Dense", .summary = "FULLY_CONNECTED", .weights = weights, .refuses = refuses, .build = build};
