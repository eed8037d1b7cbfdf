/* ops/var_handle.c - VAR_HANDLE: the number of a variable of the session, told by container and
 * name.
 * Depends: ops/shapes.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/shapes.h"

#include <string.h>

typedef struct attr {
    const char *container, *shared_name;
} attr;

static const mwi_field fields[] = {
    {"container", offsetof(attr, container), MWI_FIELD_STRING, 0, 0, 1, 0, NULL},
    {"shared_name", offsetof(attr, shared_name), MWI_FIELD_STRING, 1, 0, 1, 0, NULL},
    MWI_FIELDS_END,
};

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    (void)ctx;
    mwi_view_set_dims(&call->out[0], 0, NULL);
    return MW_OK;
}

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    const attr *const a = call->attr;
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(int32_t), &memory));
    call->state = memory;
    return call->host == NULL
               ? MW_OK
               : call->host->find(call->host->self, ctx, a->container, a->shared_name, memory);
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    (void)ctx;
    memcpy(call->out[0].data, call->state, sizeof(int32_t));
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "var_handle__ref", .types = ">res|i32", .prepare = prepare, .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_var_handle = {
    .name = "VAR_HANDLE",
    .tflite_code = 142,
    .options_type = 111,
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
