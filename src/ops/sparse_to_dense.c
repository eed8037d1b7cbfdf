/* ops/sparse_to_dense.c - SPARSE_TO_DENSE: a tensor of a shape (input 1) with values (2) at
 * indices (0) and a default (3) elsewhere.
 * Depends: ops/strided, ops/indices, ops/pad.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/indices.h"
#include "ops/pad.h"

#include <string.h>

typedef struct attr {
    bool validate_indices;
} attr;

static const mwi_field fields[] = {
    {"validate_indices", offsetof(attr, validate_indices), MWI_FIELD_BOOL, 0, 0, 0, 1, NULL},
    MWI_FIELDS_END,
};

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_view *const indices = &call->in[0], *const values = &call->in[2];
    int64_t shape[MW_MAX_RANK];
    int32_t dims[MW_MAX_RANK];
    size_t n;

    MWI_TRY(mwi_need_input(ctx, call, 0, 0, 2));
    MWI_TRY(mwi_need_input(ctx, call, 1, 1, 1));
    MWI_TRY(mwi_need_input(ctx, call, 2, 0, 1));
    MWI_TRY(mwi_need_input(ctx, call, 3, 0, MW_MAX_RANK));
    MWI_TRY(mwi_param_ints(ctx, call, 1, MW_MAX_RANK, shape, &n));
    if (call->unknown) return MW_OK;
    const int32_t depth = indices->rank == 2 ? indices->dims[1] : 1;
    const int32_t count = indices->rank == 0 ? 1 : indices->dims[0];
    if (depth != (int32_t)n)
        return mwi_fail(ctx, MW_EFORMAT, "indices of %d for a shape of %zu", depth, n);
    if (values->rank == 1 && values->dims[0] != count)
        return mwi_fail(ctx, MW_EFORMAT, "%d values at %d indices", values->dims[0], count);
    if (mwi_view_count(&call->in[3]) != 1)
        return mwi_fail(ctx, MW_EFORMAT, "the default has %zu values, allowed 1",
                        mwi_view_count(&call->in[3]));
    for (size_t i = 0; i < n; i++) {
        if (shape[i] < 0 || shape[i] > INT32_MAX)
            return mwi_fail(ctx, MW_EFORMAT, "dimension %zu is %lld", i, (long long)shape[i]);
        dims[i] = (int32_t)shape[i];
    }
    mwi_view_set_dims(&call->out[0], (int32_t)n, dims);
    return MW_OK;
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_view *const indices = &call->in[0], *const values = &call->in[2],
                          *const out = &call->out[0];
    const size_t element = mwi_element_bytes(out), depth = (size_t)out->rank;
    const size_t n = indices->rank == 0 ? 1 : (size_t)indices->dims[0];

    mwi_fill(out->data, mwi_view_count(out), call->in[3].data, element);
    for (size_t i = 0; i < n; i++) {
        size_t at;
        MWI_TRY(mwi_index_vector(ctx, indices, i * depth, depth, out->dims, &at));
        const size_t from = values->rank == 0 ? 0 : i;
        memcpy((char *)out->data + at * element, (const char *)values->data + from * element,
               element);
    }
    return MW_OK;
}

static int32_t version(const mwi_shape_call *call)
{
    const mw_dtype t = call->in[2].dtype;
    return t == MW_INT8 || t == MW_UINT8 ? 3 : t == MW_INT64 ? 2 : 1;
}

static const mwi_kernel kernels[] = {
    {.name = "any_sparse_to_dense__ref",
     .types = "i32|i64,i32|i64,f32|i8|u8|i32|i64,=2>=2",
     .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_sparse_to_dense = {
    .name = "SPARSE_TO_DENSE",
    .tflite_code = 68,
    .options_type = 50,
    .min_in = 4,
    .max_in = 4,
    .min_out = 1,
    .max_out = 1,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .infer = infer,
    .version = version,
};
