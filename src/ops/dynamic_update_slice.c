/* ops/dynamic_update_slice.c - DYNAMIC_UPDATE_SLICE: input 0 with input 1 written over it at the
 * place in input 2, moved inside where it would stick out.
 * Depends: ops/strided, ops/indices.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/indices.h"
#include "ops/strided.h"

#include <string.h>

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_view *const x = &call->in[0], *const update = &call->in[1];

    MWI_TRY(mwi_need_input(ctx, call, 0, 0, MW_MAX_RANK));
    MWI_TRY(mwi_need_input(ctx, call, 1, x->rank, x->rank));
    MWI_TRY(mwi_need_input(ctx, call, 2, 1, 1));
    if (call->in[2].dims[0] != x->rank)
        return mwi_fail(ctx, MW_EFORMAT, "%d starts for an input of rank %d", call->in[2].dims[0],
                        x->rank);
    for (int32_t i = 0; i < x->rank; i++)
        if (update->dims[i] > x->dims[i])
            return mwi_fail(ctx, MW_EFORMAT, "dimension %d of the update is %d, of the input %d", i,
                            update->dims[i], x->dims[i]);
    return mwi_infer_same(ctx, call);
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_view *const update = &call->in[1], *const out = &call->out[0];
    const size_t element = mwi_element_bytes(out);
    mwi_strided s = {.rank = out->rank};
    int64_t at = 0;

    (void)ctx;
    if (out->bytes == 0) return MW_OK;
    if (out->data != call->in[0].data) memcpy(out->data, call->in[0].data, out->bytes);
    mwi_dense_strides(update->rank, update->dims, s.in_strides);
    mwi_dense_strides(out->rank, out->dims, s.out_strides);
    for (int32_t i = 0; i < out->rank; i++) {
        const int64_t most = out->dims[i] - update->dims[i],
                      start = mwi_index_at(&call->in[2], (size_t)i);
        s.dims[i] = (size_t)update->dims[i];
        at += (start < 0 ? 0 : start > most ? most : start) * s.out_strides[i];
    }
    mwi_strided_copy(call->pool, &s, update->data, (char *)out->data + at * (int64_t)element,
                     element);
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "any_dynamic_update_slice__ref", .types = MWI_MOVED ",=,i32|i64>=", .run = run},
    {.name = NULL},
};

static const mwi_quant_rule quant = {.quantizable = true,
                                     .weight = -1,
                                     .axis = -1,
                                     .bias = -1,
                                     .flags = MWI_QUANT_INPUTS_SAME,
                                     .data_inputs = {0, 1, -1}};

const mwi_op_desc mwi_op_dynamic_update_slice = {
    .name = "DYNAMIC_UPDATE_SLICE",
    .tflite_code = 151,
    .options_type = 117,
    .min_in = 3,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_INPLACE,
    .kernels = kernels,
    .quant = &quant,
    .infer = infer,
};
