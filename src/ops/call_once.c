/* ops/call_once.c - CALL_ONCE: a subgraph without inputs and outputs that runs once in the life of
 * a session, to give variables and tables their first values.
 * Depends: ops/subgraph.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/subgraph.h"

typedef struct attr {
    int32_t init;
} attr;

static const mwi_field fields[] = {
    {"init_subgraph_index", offsetof(attr, init), MWI_FIELD_I32, 0, 0, 0, INT32_MAX, NULL},
    MWI_FIELDS_END,
};

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_host *const h = call->host;
    mwi_called called;

    if (h == NULL) return MW_OK;
    MWI_TRY(h->plan(h->self, ctx, ((const attr *)call->attr)->init, NULL, 0, &called));
    return called.n_out == 0
               ? MW_OK
               : mwi_fail(ctx, MW_EFORMAT, "the subgraph has %zu outputs, not 0", called.n_out);
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_host *const h = call->host;
    const int32_t init = ((const attr *)call->attr)->init;
    mwi_called called;

    if (h == NULL || h->was_run(h->self, init)) return MW_OK;
    MWI_TRY(h->run(h->self, ctx, init, NULL, 0, &called));
    h->set_run(h->self, init);
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "call_once__ref", .types = ">", .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_call_once = {
    .name = "CALL_ONCE",
    .tflite_code = 129,
    .options_type = 103,
    .min_in = 0,
    .max_in = 0,
    .min_out = 0,
    .max_out = 0,
    .traits = MWI_OP_STATEFUL,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .infer = infer,
};
