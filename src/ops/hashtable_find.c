/* ops/hashtable_find.c - HASHTABLE_FIND: the values that a table has for keys (input 1); for a key
 * that it has not, input 2.
 * Depends: ops/table, ops/shapes.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/shapes.h"
#include "ops/table.h"

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    MWI_TRY(mwi_need_table(ctx, call));
    MWI_TRY(mwi_need_input(ctx, call, 1, 0, MW_MAX_RANK));
    MWI_TRY(mwi_need_input(ctx, call, 2, 0, MW_MAX_RANK));
    if (mwi_view_count(&call->in[2]) == 0)
        return mwi_fail(ctx, MW_EFORMAT, "input 2, the value of keys that are not there, is empty");
    mwi_view_set_dims(&call->out[0], call->in[1].rank, call->in[1].dims);
    return MW_OK;
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    mwi_table *table;

    MWI_TRY(mwi_table_of(ctx, call, &table));
    return mwi_table_find(ctx, table, &call->in[1], &call->in[2], &call->out[0]);
}

static const mwi_kernel kernels[] = {
    {.name = "s64_hashtable_find__ref", .types = "res,i64,str>str", .run = run},
    {.name = "str_hashtable_find__ref", .types = "res,str,i64>i64", .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_hashtable_find = {
    .name = "HASHTABLE_FIND",
    .tflite_code = 137,
    .options_type = 108,
    .min_in = 3,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_STATEFUL,
    .kernels = kernels,
    .infer = infer,
};
