/* ops/gather_nd.c - GATHER_ND: the slices of input 0 at the index vectors in the last dimension of
 * input 1.
 * Depends: ops/strided, ops/indices, ops/rules.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/indices.h"
#include "ops/rules.h"
#include "ops/strided.h"

#include <string.h>

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_view *const x = &call->in[0], *const indices = &call->in[1];
    int32_t rank = 0, dims[2 * MW_MAX_RANK];

    MWI_TRY(mwi_need_input(ctx, call, 0, 1, MW_MAX_RANK));
    MWI_TRY(mwi_need_input(ctx, call, 1, 1, MW_MAX_RANK));
    const int32_t depth = indices->dims[indices->rank - 1];
    if (depth > x->rank)
        return mwi_fail(ctx, MW_EFORMAT, "indices of %d for an input of rank %d", depth, x->rank);
    for (int32_t i = 0; i + 1 < indices->rank; i++) dims[rank++] = indices->dims[i];
    for (int32_t i = depth; i < x->rank; i++) dims[rank++] = x->dims[i];
    if (rank > MW_MAX_RANK)
        return mwi_fail(ctx, MW_ELIMIT, "an output of rank %d, limit %d", rank, MW_MAX_RANK);
    mwi_view_set_dims(&call->out[0], rank, dims);
    return MW_OK;
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_view *const x = &call->in[0], *const indices = &call->in[1];
    const size_t depth = (size_t)indices->dims[indices->rank - 1];
    size_t inner = mwi_element_bytes(x);
    char *to = call->out[0].data;

    if (call->out[0].bytes == 0) return MW_OK;
    for (int32_t i = (int32_t)depth; i < x->rank; i++) inner *= (size_t)x->dims[i];
    for (size_t i = 0, n = call->out[0].bytes / inner; i < n; i++, to += inner) {
        size_t at;
        MWI_TRY(mwi_index_vector(ctx, indices, i * depth, depth, x->dims, &at));
        memcpy(to, (const char *)x->data + at * inner, inner);
    }
    return MW_OK;
}

static int32_t version(const mwi_shape_call *call)
{
    if (call->in[0].dtype == MW_BOOL) return 5;
    if (call->in[1].dtype == MW_INT16) return 4;
    return call->in[0].dtype == MW_INT16 ? 3 : call->in[0].dtype == MW_STRING ? 2 : 1;
}

static const mwi_kernel kernels[] = {
    {.name = "any_gather_nd__ref", .types = MWI_MOVED "|str,i16|i32|i64>=", .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_gather_nd = {
    .name = "GATHER_ND",
    .tflite_code = 107,
    .options_type = 83,
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .kernels = kernels,
    .quant = &mwi_quant_same,
    .infer = infer,
    .version = version,
};
