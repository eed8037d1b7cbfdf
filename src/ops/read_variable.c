/* ops/read_variable.c - READ_VARIABLE: the value of a variable of the session. A file that gives
 * its shape is believed and checked at run; else the shape is known when it is read.
 * Depends: ops/subgraph.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/subgraph.h"
#include "ops/shapes.h"

static bool is_declared(const mwi_tensor *t)
{
    for (int32_t i = 0; i < t->rank; i++)
        if (t->signature[i] < 0) return false;
    return t->has_rank;
}

static mw_status value_of(mw_ctx *ctx, const mwi_host *h, const mwi_view *handle, mwi_view *out)
{
    return h->read(h->self, ctx, *(const int32_t *)handle->data, out);
}

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_view *const handle = &call->in[0];
    mwi_view *const out = &call->out[0], value;

    MWI_TRY(mwi_need_input(ctx, call, 0, 0, MW_MAX_RANK));
    if ((handle->dtype != MW_RESOURCE && handle->dtype != MW_INT32) || mwi_view_count(handle) != 1)
        return mwi_fail(ctx, MW_EFORMAT, "input 0 must be one variable");
    call->unknown = call->host == NULL;
    if (call->unknown) return MW_OK;
    if (is_declared(out->tensor)) {
        mwi_view_set_dims(out, out->tensor->rank, out->tensor->dims);
        return MW_OK;
    }
    call->unknown = handle->data == NULL || !call->running;
    if (call->unknown) return MW_OK;
    MWI_TRY(value_of(ctx, call->host, handle, &value));
    return mwi_copy_shapes(ctx, &value, out, 1);
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    mwi_view value;

    if (call->host == NULL) return mwi_fail(ctx, MW_EINVAL, "variables need a session");
    MWI_TRY(value_of(ctx, call->host, &call->in[0], &value));
    return mwi_copy_values(ctx, &value, call->out, 1);
}

static const mwi_kernel kernels[] = {
    {.name = "read_variable__ref", .types = "res|i32>*", .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_read_variable = {
    .name = "READ_VARIABLE",
    .tflite_code = 143,
    .options_type = 112,
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_STATEFUL,
    .kernels = kernels,
    .infer = infer,
};
