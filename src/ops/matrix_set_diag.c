/* ops/matrix_set_diag.c - MATRIX_SET_DIAG: input 0 with the rows of input 1 on the diagonals of
 * its matrices.
 * Depends: ops/strided.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/strided.h"

#include <string.h>

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_view *const x = &call->in[0], *const d = &call->in[1];

    MWI_TRY(mwi_need_input(ctx, call, 0, 2, MW_MAX_RANK));
    MWI_TRY(mwi_need_input(ctx, call, 1, x->rank - 1, x->rank - 1));
    const int32_t rows = x->dims[x->rank - 2], columns = x->dims[x->rank - 1];
    for (int32_t i = 0; i < d->rank; i++)
        if (d->dims[i] != (i < d->rank - 1 ? x->dims[i] : rows < columns ? rows : columns))
            return mwi_fail(ctx, MW_EFORMAT, "dimension %d of the diagonal is %d", i, d->dims[i]);
    return mwi_infer_same(ctx, call);
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_view *const x = &call->in[0], *const d = &call->in[1], *const out = &call->out[0];
    const size_t rows = (size_t)x->dims[x->rank - 2], columns = (size_t)x->dims[x->rank - 1];
    const size_t element = mwi_element_bytes(x), n = rows < columns ? rows : columns;

    (void)ctx;
    if (out->bytes == 0) return MW_OK;
    if (out->data != x->data) memcpy(out->data, x->data, out->bytes);
    for (size_t i = 0, count = mwi_view_count(d); i < count; i++) {
        const size_t at = i / n * rows * columns + i % n * (columns + 1);
        memcpy((char *)out->data + at * element, (const char *)d->data + i * element, element);
    }
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "any_matrix_set_diag__ref", .types = "f32|i8|u8|i16|i32|i64,=>=", .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_matrix_set_diag = {
    .name = "MATRIX_SET_DIAG",
    .tflite_code = 115,
    .options_type = 90,
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_INPLACE,
    .kernels = kernels,
    .infer = infer,
};
