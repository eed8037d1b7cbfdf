/* ops/split_copy.c - see split.h.
 * Depends: ops/strided.  Used by: ops/split, ops/split_v.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/split.h"

#include "ops/gradient.h"

const mwi_field mwi_split_fields[] = {
    {"num_splits", offsetof(mwi_split_attr, num_splits), MWI_FIELD_I32, 0, 1, 1, 1e6, NULL},
    MWI_FIELDS_END,
};

mw_status mwi_split_run(mw_ctx *ctx, const mwi_run_call *call, const mwi_view *x,
                        const mwi_view *axis)
{
    size_t outer = 1, inner = mwi_element_bytes(x);
    const char *from = x->data;
    int64_t value = 0;
    int32_t at;

    (void)mwi_run_ints(axis, &value, 1);
    MWI_TRY(mwi_axis(ctx, value, x->rank, &at));
    for (int32_t i = 0; i < at; i++) outer *= (size_t)x->dims[i];
    for (int32_t i = at + 1; i < x->rank; i++) inner *= (size_t)x->dims[i];
    const size_t row = (size_t)x->dims[at] * inner;
    for (size_t k = 0; k < call->n_out; k++) {
        const size_t part = (size_t)call->out[k].dims[at] * inner;
        mwi_copy_rows(from, row, call->out[k].data, part, part, outer);
        from += part;
    }
    return MW_OK;
}

mw_status mwi_split_gradient(mw_ctx *ctx, mwi_gradient_call *call, size_t input, size_t axis)
{
    const size_t n = call->at.op->n_out;
    void *memory;
    int32_t at;

    MWI_TRY(mwi_gradient_ints(ctx, call, axis, 1, &at, NULL));
    MWI_TRY(mwi_arena_array(ctx, &call->at.model->arena, n, sizeof(int32_t), &memory));
    int32_t *const parts = memory;
    for (size_t k = 0; k < n; k++) MWI_TRY(mwi_gradient_or_zeros(ctx, call, k, &parts[k]));
    return mwi_emit(ctx, &call->at, &mwi_op_concatenation, parts, n, MWI_SET({"axis", at, NULL}),
                    &call->d_in[input]);
}
