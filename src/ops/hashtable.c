/* ops/hashtable.c - HASHTABLE: the number of a table of the session, told by the model's number of
 * it.
 * Depends: ops/table, ops/shapes.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/shapes.h"
#include "ops/table.h"

typedef struct attr {
    int32_t table_id, key_dtype, value_dtype;
} attr;

static const mwi_field fields[] = {
    {"table_id", offsetof(attr, table_id), MWI_FIELD_I32, 0, 0, 1, 0, NULL},
    {"key_dtype", offsetof(attr, key_dtype), MWI_FIELD_ENUM, 1, 0, 0, MW_N_DTYPES - 1, NULL},
    {"value_dtype", offsetof(attr, value_dtype), MWI_FIELD_ENUM, 2, 0, 0, MW_N_DTYPES - 1, NULL},
    MWI_FIELDS_END,
};

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    (void)ctx;
    mwi_view_set_dims(&call->out[0], 1, (const int32_t[1]){1});
    return MW_OK;
}

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    const attr *const a = call->attr;
    const mw_dtype key = (mw_dtype)a->key_dtype, value = (mw_dtype)a->value_dtype;
    void *memory;

    if (!mwi_table_has_types(key, value))
        return mwi_fail(ctx, MW_EUNSUPPORTED,
                        "a table of %s to %s, allowed are int64 to string and string to int64",
                        mw_dtype_name(key), mw_dtype_name(value));
    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(int32_t), &memory));
    call->state = memory;
    if (call->host == NULL) return MW_OK;
    return call->host->find_table(call->host->self, ctx, a->table_id, key, value, memory);
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    (void)ctx;
    memcpy(call->out[0].data, call->state, sizeof(int32_t));
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "hashtable__ref", .types = ">res", .prepare = prepare, .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_hashtable = {
    .name = "HASHTABLE",
    .tflite_code = 136,
    .options_type = 107,
    .min_in = 0,
    .max_in = 0,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_STATEFUL,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .infer = infer,
};
