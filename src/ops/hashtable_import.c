/* ops/hashtable_import.c - HASHTABLE_IMPORT: fills a table with keys and values (inputs 1 and 2),
 * once; the first of equal keys counts.
 * Depends: ops/table, ops/shapes.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/shapes.h"
#include "ops/table.h"

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    MWI_TRY(mwi_need_table(ctx, call));
    MWI_TRY(mwi_need_input(ctx, call, 1, 0, MW_MAX_RANK));
    MWI_TRY(mwi_need_input(ctx, call, 2, 0, MW_MAX_RANK));
    const mwi_view *const keys = &call->in[1], *const values = &call->in[2];
    if (keys->rank == values->rank &&
        memcmp(keys->dims, values->dims, (size_t)keys->rank * sizeof *keys->dims) == 0)
        return MW_OK;
    return mwi_fail(ctx, MW_EFORMAT, "%zu keys for %zu values, or in another shape",
                    mwi_view_count(keys), mwi_view_count(values));
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    mwi_table *table;

    MWI_TRY(mwi_table_of(ctx, call, &table));
    return mwi_table_import(ctx, table, &call->in[1], &call->in[2]);
}

static const mwi_kernel kernels[] = {
    {.name = "s64_hashtable_import__ref", .types = "res,i64,str>", .run = run},
    {.name = "str_hashtable_import__ref", .types = "res,str,i64>", .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_hashtable_import = {
    .name = "HASHTABLE_IMPORT",
    .tflite_code = 138,
    .options_type = 109,
    .min_in = 3,
    .max_in = 3,
    .min_out = 0,
    .max_out = 0,
    .traits = MWI_OP_STATEFUL,
    .kernels = kernels,
    .infer = infer,
};
