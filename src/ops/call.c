/* ops/call.c - CALL: runs a subgraph.
 * Depends: ops/subgraph.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/subgraph.h"

typedef struct attr {
    int32_t subgraph;
} attr;

static const mwi_field fields[] = {
    {"subgraph_index", offsetof(attr, subgraph), MWI_FIELD_I32, 0, 0, 0, INT32_MAX, NULL},
    MWI_FIELDS_END,
};

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    return mwi_infer_call(ctx, call, ((const attr *)call->attr)->subgraph, 0);
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    return mwi_run_subgraph(ctx, call, ((const attr *)call->attr)->subgraph, 0);
}

static const mwi_kernel kernels[] = {
    {.name = "any_call__ref", .types = "*|str+>*|str+", .run = run},
    {.name = "any_call_no_inputs__ref", .types = ">*|str+", .run = run},
    {.name = "any_call_no_outputs__ref", .types = "*|str+>", .run = run},
    {.name = "any_call_alone__ref", .types = ">", .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_call = {
    .name = "CALL",
    .tflite_code = 31,
    .options_type = 16,
    .min_in = 0,
    .max_in = -1,
    .min_out = 0,
    .max_out = -1,
    .traits = MWI_OP_STATEFUL,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .infer = infer,
};
