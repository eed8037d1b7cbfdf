/* ops/hashtable_size.c - HASHTABLE_SIZE: how many keys a table has; 0 before it is filled.
 * Depends: ops/table, ops/shapes.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/shapes.h"
#include "ops/table.h"

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    MWI_TRY(mwi_need_table(ctx, call));
    mwi_view_set_dims(&call->out[0], 1, (const int32_t[1]){1});
    return MW_OK;
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    mwi_table *table;

    MWI_TRY(mwi_table_of(ctx, call, &table));
    *(int64_t *)call->out[0].data = table->is_set ? (int64_t)table->n : 0;
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "hashtable_size__ref", .types = "res>i64", .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_hashtable_size = {
    .name = "HASHTABLE_SIZE",
    .tflite_code = 139,
    .options_type = 110,
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_STATEFUL,
    .kernels = kernels,
    .infer = infer,
};
