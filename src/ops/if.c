/* ops/if.c - IF: input 0 tells which of two subgraphs gets the other inputs. Where both give
 * outputs of the same shapes, these are planned; else the branch runs when the shapes are asked for
 * at run, and its outputs are held.
 * Depends: ops/subgraph.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/subgraph.h"
#include "ops/shapes.h"

#include <string.h>

typedef struct attr {
    int32_t branch[2]; /* then, else */
} attr;

static const mwi_field fields[] = {
    {"then_subgraph_index", offsetof(attr, branch[0]), MWI_FIELD_I32, 0, 0, 0, INT32_MAX, NULL},
    {"else_subgraph_index", offsetof(attr, branch[1]), MWI_FIELD_I32, 1, 0, 0, INT32_MAX, NULL},
    MWI_FIELDS_END,
};

static int32_t chosen(const attr *a, const mwi_view *condition)
{
    return a->branch[*(const uint8_t *)condition->data != 0 ? 0 : 1];
}

static bool same_shapes(const mwi_view *a, const mwi_view *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (a[i].rank != b[i].rank ||
            memcmp(a[i].dims, b[i].dims, (size_t)a[i].rank * sizeof *a->dims) != 0)
            return false;
    return true;
}

/* Both branches, for their outputs' numbers and types; out: the shapes, when they are the same. */
static mw_status plan_both(mw_ctx *ctx, mwi_shape_call *call, bool *same)
{
    const mwi_host *const h = call->host;
    const attr *const a = call->attr;
    mwi_called called;

    *same = true;
    for (size_t k = 0; k < 2; k++) {
        MWI_TRY(h->plan(h->self, ctx, a->branch[k], call->in + 1, call->n_in - 1, &called));
        if (called.n_out != call->n_out)
            return mwi_fail(ctx, MW_EFORMAT, "subgraph %d has %zu outputs, not %zu", a->branch[k],
                            called.n_out, call->n_out);
        *same =
            *same && called.known && (k == 0 || same_shapes(called.out, call->out, call->n_out));
        MWI_TRY(mwi_copy_shapes(ctx, called.out, call->out, call->n_out));
    }
    return MW_OK;
}

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_view *const condition = &call->in[0];
    bool same;

    MWI_TRY(mwi_need_input(ctx, call, 0, 0, MW_MAX_RANK));
    if (condition->dtype != MW_BOOL || mwi_view_count(condition) != 1)
        return mwi_fail(ctx, MW_EFORMAT, "the condition must be one bool");
    call->unknown = call->host == NULL;
    if (call->unknown) return MW_OK;
    MWI_TRY(plan_both(ctx, call, &same));
    if (same) return MW_OK;
    call->unknown = condition->data == NULL;
    return call->unknown ? MW_OK : mwi_infer_call(ctx, call, chosen(call->attr, condition), 1);
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    return mwi_run_subgraph(ctx, call, chosen(call->attr, &call->in[0]), 1);
}

static const mwi_kernel kernels[] = {
    {.name = "any_if__ref", .types = "bool,*|str+>*|str+", .run = run},
    {.name = "any_if_no_inputs__ref", .types = "bool>*|str+", .run = run},
    {.name = "any_if_no_outputs__ref", .types = "bool,*|str+>", .run = run},
    {.name = "any_if_alone__ref", .types = "bool>", .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_if = {
    .name = "IF",
    .tflite_code = 118,
    .options_type = 92,
    .min_in = 1,
    .max_in = -1,
    .min_out = 0,
    .max_out = -1,
    .traits = MWI_OP_STATEFUL,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .infer = infer,
};
