/* ops/div.c - DIV: a / b with broadcast and a fused activation.
 * Depends: ops/binary.  Used by: the list of operators only.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/binary.h"

#include <string.h>

typedef struct attr {
    int32_t activation;
} attr;

static const mwi_field fields[] = {
    {"fused_activation_function", offsetof(attr, activation), MWI_FIELD_ENUM, 0, 0, 0, 5, mwi_activation_names},
    MWI_FIELDS_END,
};

#define CLAMP_F(v) ((v) < s->low_f ? s->low_f : (v) > s->high_f ? s->high_f : (v))
#define CLAMP_I(v) ((v) < s->low_i ? s->low_i : (v) > s->high_i ? s->high_i : (v))
MWI_BINARY_ROW(row_f32, float, float, mwi_arith, CLAMP_F(x / y))
MWI_BINARY_ROW(row_i32, int32_t, int32_t, mwi_arith, CLAMP_I((int64_t)x / y))
MWI_BINARY_RUN(run_f32, row_f32)

static mw_status run_i32(mw_ctx *ctx, const mwi_run_call *call)
{
    const int32_t *const b = call->in[1].data;

    for (size_t i = 0; i < call->in[1].bytes / sizeof *b; i++)
        if (b[i] == 0) return mwi_fail(ctx, MW_EINVAL, "division by zero");
    mwi_binary_run(call, row_i32);
    return MW_OK;
}

static mw_status prepare_plain(mw_ctx *ctx, mwi_prepare_call *call)
{
    return mwi_arith_prepare_plain(ctx, call, ((const attr *)call->attr)->activation);
}

static const mwi_kernel kernels[] = {
    {.name = "f32_div__ref", .types = "f32,f32>f32", .prepare = prepare_plain, .run = run_f32},
    {.name = "s32_div__ref", .types = "i32,i32>i32", .prepare = prepare_plain, .run = run_i32},
    {.name = NULL},
};

const mwi_op_desc mwi_op_div = {
    .name = "DIV",
    .tflite_code = 42,
    .options_type = 29,
    .min_in = 2, .max_in = 2, .min_out = 1, .max_out = 1,
    .traits = MWI_OP_INPLACE | MWI_OP_FUSES_ACT | MWI_OP_BINARY_BROADCAST,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .infer = mwi_infer_broadcast,
};
