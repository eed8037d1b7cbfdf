/* ops/stablehlo_composite.c - STABLEHLO_COMPOSITE: an operator of a higher level, run by the
 * subgraph that the file gives as its decomposition.
 * Depends: ops/subgraph.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/subgraph.h"

typedef struct attr {
    const char *name;
    int32_t decomposition;
    mwi_bytes attributes;
    int32_t format, version;
} attr;

static const mwi_field fields[] = {
    {"name", offsetof(attr, name), MWI_FIELD_STRING, 0, 0, 1, 0, NULL},
    {"decomposition_subgraph_index", offsetof(attr, decomposition), MWI_FIELD_I32, 1, 0, 0,
     INT32_MAX, NULL},
    {"composite_attributes", offsetof(attr, attributes), MWI_FIELD_BYTES, 2, 0, 1, 0, NULL},
    {"composite_attributes_format", offsetof(attr, format), MWI_FIELD_ENUM, 3, 0, 1, 0, NULL},
    {"version", offsetof(attr, version), MWI_FIELD_I32, 4, 0, 1, 0, NULL},
    MWI_FIELDS_END,
};

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    return mwi_infer_call(ctx, call, ((const attr *)call->attr)->decomposition, 0);
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    return mwi_run_subgraph(ctx, call, ((const attr *)call->attr)->decomposition, 0);
}

static const mwi_kernel kernels[] = {
    {.name = "any_stablehlo_composite__ref", .types = "*|str+>*|str+", .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_stablehlo_composite = {
    .name = "STABLEHLO_COMPOSITE",
    .tflite_code = 206,
    .options2_type = 21,
    .min_in = 1,
    .max_in = -1,
    .min_out = 1,
    .max_out = -1,
    .traits = MWI_OP_STATEFUL,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .infer = infer,
};
