/* ops/bitcast.c - BITCAST: the same bytes as another type; the last dimension takes up a
 * difference in size.
 * Depends: ops/view_op, ops/strided.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/strided.h"
#include "ops/view_op.h"

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_view *const x = &call->in[0];
    mwi_view *const out = &call->out[0];
    const size_t from = mwi_element_bytes(x), to = mwi_element_bytes(out);
    int32_t dims[MW_MAX_RANK + 1];

    MWI_TRY(mwi_need_input(ctx, call, 0, 0, MW_MAX_RANK));
    if (from == 0 || to == 0)
        return mwi_fail(ctx, MW_EUNSUPPORTED, "%s as %s", mw_dtype_name(x->dtype),
                        mw_dtype_name(out->dtype));
    for (int32_t i = 0; i < x->rank; i++) dims[i] = x->dims[i];
    if (from == to) {
        mwi_view_set_dims(out, x->rank, dims);
        return MW_OK;
    }
    if (from > to && x->rank < MW_MAX_RANK) {
        dims[x->rank] = (int32_t)(from / to);
        mwi_view_set_dims(out, x->rank + 1, dims);
        return MW_OK;
    }
    if (from > to || x->rank == 0 || (size_t)dims[x->rank - 1] != to / from)
        return mwi_fail(ctx, MW_EFORMAT, "%s as %s: the last dimension does not fit",
                        mw_dtype_name(x->dtype), mw_dtype_name(out->dtype));
    mwi_view_set_dims(out, x->rank - 1, dims);
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "any_bitcast__ref", .types = MWI_MOVED ">" MWI_MOVED, .run = mwi_view_op_run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_bitcast = {
    .name = "BITCAST",
    .tflite_code = 159,
    .options_type = 124,
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_INPLACE | MWI_OP_VIEW,
    .kernels = kernels,
    .infer = infer,
};
