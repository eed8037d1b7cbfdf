/* ops/matrix_diag.c - MATRIX_DIAG: each row of the input as the diagonal of a square of zeros.
 * Depends: ops/strided.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/strided.h"

#include <string.h>

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_view *const x = &call->in[0];
    int32_t dims[MW_MAX_RANK];

    MWI_TRY(mwi_need_input(ctx, call, 0, 1, MW_MAX_RANK - 1));
    for (int32_t i = 0; i < x->rank; i++) dims[i] = x->dims[i];
    dims[x->rank] = x->dims[x->rank - 1];
    mwi_view_set_dims(&call->out[0], x->rank + 1, dims);
    return MW_OK;
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_view *const x = &call->in[0], *const out = &call->out[0];
    const size_t n = (size_t)x->dims[x->rank - 1], element = mwi_element_bytes(x);

    (void)ctx;
    if (out->bytes == 0) return MW_OK;
    memset(out->data, 0, out->bytes);
    for (size_t i = 0, count = mwi_view_count(x); i < count; i++)
        memcpy((char *)out->data + (i * n + i % n) * element, (const char *)x->data + i * element,
               element);
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "any_matrix_diag__ref", .types = "f32|i8|u8|i16|i32|i64>=", .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_matrix_diag = {
    .name = "MATRIX_DIAG",
    .tflite_code = 113,
    .options_type = 88,
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .kernels = kernels,
    .infer = infer,
};
