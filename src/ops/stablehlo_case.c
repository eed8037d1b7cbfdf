/* ops/stablehlo_case.c - STABLEHLO_CASE: input 0 tells which of several subgraphs gets the other
 * inputs; a number that names none stands for the last.
 * Depends: ops/subgraph.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/shapes.h"
#include "ops/subgraph.h"

#include <string.h>

typedef struct attr {
    mwi_i32s branches;
} attr;

static const mwi_field fields[] = {
    {"branch_subgraph_indices", offsetof(attr, branches), MWI_FIELD_I32S, 0, 0, 1, 0, NULL},
    MWI_FIELDS_END,
};

static int32_t chosen(const attr *a, const mwi_view *which)
{
    const int32_t i = *(const int32_t *)which->data;
    return a->branches.v[i < 0 || (size_t)i >= a->branches.n ? a->branches.n - 1 : (size_t)i];
}

static bool same_shapes(const mwi_view *a, const mwi_view *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (a[i].rank != b[i].rank ||
            memcmp(a[i].dims, b[i].dims, (size_t)a[i].rank * sizeof *a->dims) != 0)
            return false;
    return true;
}

/* All branches, for their outputs' numbers and types; out: the shapes, when they are the same. */
static mw_status plan_all(mw_ctx *ctx, mwi_shape_call *call, bool *same)
{
    const mwi_host *const h = call->host;
    const attr *const a = call->attr;
    mwi_called called;

    *same = true;
    for (size_t k = 0; k < a->branches.n; k++) {
        const int32_t branch = a->branches.v[k];
        MWI_TRY(h->plan(h->self, ctx, branch, call->in + 1, call->n_in - 1, &called));
        if (called.n_out != call->n_out)
            return mwi_fail(ctx, MW_EFORMAT, "subgraph %d has %zu outputs, not %zu", branch,
                            called.n_out, call->n_out);
        *same =
            *same && called.known && (k == 0 || same_shapes(called.out, call->out, call->n_out));
        MWI_TRY(mwi_copy_shapes(ctx, called.out, call->out, call->n_out));
    }
    return MW_OK;
}

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_view *const which = &call->in[0];
    const attr *const a = call->attr;
    bool same;

    MWI_TRY(mwi_need_input(ctx, call, 0, 0, MW_MAX_RANK));
    if (which->dtype != MW_INT32 || mwi_view_count(which) != 1 || a->branches.n == 0)
        return mwi_fail(ctx, MW_EFORMAT,
                        "the first input must be one int32, and there must be "
                        "branches");
    call->unknown = call->host == NULL;
    if (call->unknown) return MW_OK;
    MWI_TRY(plan_all(ctx, call, &same));
    if (same) return MW_OK;
    call->unknown = which->data == NULL;
    return call->unknown ? MW_OK : mwi_infer_call(ctx, call, chosen(a, which), 1);
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    return mwi_run_subgraph(ctx, call, chosen(call->attr, &call->in[0]), 1);
}

static const mwi_kernel kernels[] = {
    {.name = "any_stablehlo_case__ref", .types = "i32,*|str+>*|str+", .run = run},
    {.name = "any_stablehlo_case_no_inputs__ref", .types = "i32>*|str+", .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_stablehlo_case = {
    .name = "STABLEHLO_CASE",
    .tflite_code = 209,
    .options2_type = 23,
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
