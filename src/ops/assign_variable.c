/* ops/assign_variable.c - ASSIGN_VARIABLE: gives a variable of the session a value, with its type
 * and shape.
 * Depends: ops/subgraph.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/subgraph.h"
#include "ops/shapes.h"

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_view *const handle = &call->in[0];

    MWI_TRY(mwi_need_input(ctx, call, 0, 0, MW_MAX_RANK));
    MWI_TRY(mwi_need_input(ctx, call, 1, 0, MW_MAX_RANK));
    if ((handle->dtype != MW_RESOURCE && handle->dtype != MW_INT32) || mwi_view_count(handle) != 1)
        return mwi_fail(ctx, MW_EFORMAT, "input 0 must be one variable");
    return MW_OK;
}

/* Which variable it is only the run knows for certain; where the graph names it, its memory is made
 * before. */
static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    const mwi_host *const h = call->host;
    const mwi_graph *const g = call->graph;
    int32_t id;

    for (size_t i = 0; h != NULL && g != NULL && i < g->n_ops; i++) {
        const mwi_op *const op = g->ops[i];
        if (op->desc != &mwi_op_var_handle || op->out[0] != call->op->in[0]) continue;
        const mwi_field *const f = op->desc->fields; /* container, shared_name */
        const char *const attr = op->attr;
        MWI_TRY(h->find(h->self, ctx, *(const char *const *)(const void *)(attr + f[0].offset),
                        *(const char *const *)(const void *)(attr + f[1].offset), &id));
        return h->reserve(h->self, ctx, id, call->in[1].bytes);
    }
    return MW_OK;
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_host *const h = call->host;

    if (h == NULL) return mwi_fail(ctx, MW_EINVAL, "variables need a session");
    return h->assign(h->self, ctx, *(const int32_t *)call->in[0].data, &call->in[1]);
}

static const mwi_kernel kernels[] = {
    {.name = "assign_variable__ref", .types = "res|i32,*>", .prepare = prepare, .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_assign_variable = {
    .name = "ASSIGN_VARIABLE",
    .tflite_code = 144,
    .options_type = 113,
    .min_in = 2,
    .max_in = 2,
    .min_out = 0,
    .max_out = 0,
    .traits = MWI_OP_STATEFUL,
    .kernels = kernels,
    .infer = infer,
};
