/* ops/rnn.c - RNN: one step of a simple recurrent cell: x [n,i], weights [u,i], recurrent weights
 * [u,u], bias [u], state [n,u] (variable) -> [n,u].
 * Depends: ops/rnn_cell.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/rnn_cell.h"

typedef struct attr {
    int32_t activation;
    bool asymmetric;
} attr;

static const mwi_field fields[] = {
    {"fused_activation_function", offsetof(attr, activation), MWI_FIELD_ENUM, 0, 0, 0, 5,
     mwi_activation_names},
    {"asymmetric_quantize_inputs", offsetof(attr, asymmetric), MWI_FIELD_BOOL, 1, 0, 0, 1, NULL},
    MWI_FIELDS_END,
};

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    mwi_rnn_state s;

    MWI_TRY(mwi_need_input(ctx, call, 0, 2, 2));
    MWI_TRY(mwi_rnn_check(ctx, call->in, call->n_in, &mwi_rnn_plain, false, &s));
    mwi_view_set_dims(&call->out[0], 2, (const int32_t[]){(int32_t)s.n_batch, (int32_t)s.n_units});
    return MW_OK;
}

static uint64_t macs(const mwi_shape_call *call)
{
    return mwi_rnn_macs(call->in, call->n_in, &mwi_rnn_plain);
}

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    const attr *const a = call->attr;
    const mwi_rnn_options o = {.activation = a->activation, .asymmetric = a->asymmetric};
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(mwi_rnn_state), &memory));
    mwi_rnn_state *const s = call->state = memory;
    MWI_TRY(mwi_rnn_prepare(ctx, call, &mwi_rnn_plain, &o, s));
    call->scratch_bytes = s->scratch_bytes;
    return MW_OK;
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    (void)ctx;
    mwi_rnn_run(call, call->state, call->scratch);
    return MW_OK;
}

static int32_t version(const mwi_shape_call *call)
{
    if (call->in[1].dtype != MW_INT8) return 1;
    return ((const attr *)call->attr)->asymmetric ? 3 : 2;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_rnn__ref", .types = "f32,f32,f32,f32,f32>f32", .prepare = prepare, .run = run},
    {.name = "f32_s8_rnn__ref", .types = "f32,i8,i8,f32,f32>f32", .prepare = prepare, .run = run},
    {.name = "f32_u8_rnn__ref", .types = "f32,u8,u8,f32,f32>f32", .prepare = prepare, .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_rnn = {
    .name = "RNN",
    .tflite_code = 24,
    .options_type = 7,
    .min_in = 5,
    .max_in = 5,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_STATEFUL,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .infer = infer,
    .macs = macs,
    .version = version,
};
