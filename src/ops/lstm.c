/* ops/lstm.c - LSTM: one step, x [n,i] -> [n,o]. Two kernels: FULL (20 or 24 inputs, see
 * mwi_lstm_full; the states are variable tensors) and BASIC (5 inputs, 4 outputs, see
 * ops/lstm_basic.h).
 * Depends: ops/lstm_cell, ops/lstm_basic.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/lstm_basic.h"
#include "ops/lstm_cell.h"
#include "ops/lstm_types.h"

#include <float.h>

enum { FULL, BASIC };

typedef struct attr {
    int32_t activation, kernel_type;
    float cell_clip, proj_clip;
    bool asymmetric;
} attr;

static const char *const kernel_types[] = {"FULL", "BASIC"};
static const mwi_field fields[] = {
    {"fused_activation_function", offsetof(attr, activation), MWI_FIELD_ENUM, 0, 0, 0, 5,
     mwi_activation_names},
    {"cell_clip", offsetof(attr, cell_clip), MWI_FIELD_F32, 1, 0, 0, (double)FLT_MAX, NULL},
    {"proj_clip", offsetof(attr, proj_clip), MWI_FIELD_F32, 2, 0, 0, (double)FLT_MAX, NULL},
    {"kernel_type", offsetof(attr, kernel_type), MWI_FIELD_ENUM, 3, 0, 0, 1, kernel_types},
    {"asymmetric_quantize_inputs", offsetof(attr, asymmetric), MWI_FIELD_BOOL, 4, 0, 0, 1, NULL},
    MWI_FIELDS_END,
};

/* One step of all batch items: time comes first. */
static mwi_lstm_options options_of(const attr *a)
{
    return (mwi_lstm_options){.activation = a->activation,
                              .cell_clip = a->cell_clip,
                              .proj_clip = a->proj_clip,
                              .time_major = true,
                              .asymmetric = a->asymmetric};
}

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const attr *const a = call->attr;
    const mwi_lstm_options o = options_of(a);
    mwi_lstm_dims d;

    if (a->kernel_type == BASIC) {
        if (call->n_in != 5 || call->n_out != 4)
            return mwi_fail(ctx, MW_EFORMAT,
                            "%zu inputs and %zu outputs, the BASIC kernel has 5 and 4", call->n_in,
                            call->n_out);
        return mwi_lstm_basic_infer(ctx, call);
    }
    if ((call->n_in != 20 && call->n_in != 24) || call->n_out != 1)
        return mwi_fail(ctx, MW_EFORMAT,
                        "%zu inputs and %zu outputs, the FULL kernel has 20 or 24 and 1",
                        call->n_in, call->n_out);
    MWI_TRY(mwi_need_input(ctx, call, 0, 2, 2));
    MWI_TRY(mwi_lstm_check(ctx, call->in, call->n_in, &mwi_lstm_full, &o, &d));
    mwi_view_set_dims(&call->out[0], 2, (const int32_t[]){(int32_t)d.n_batch, (int32_t)d.n_output});
    return MW_OK;
}

static uint64_t macs(const mwi_shape_call *call)
{
    const uint64_t n = (uint64_t)call->in[0].dims[0];

    if (((const attr *)call->attr)->kernel_type == BASIC) return n * mwi_view_count(&call->in[2]);
    return n * mwi_lstm_macs_a_step(call->in, call->n_in, &mwi_lstm_full);
}

static mw_status prepare_float(mw_ctx *ctx, mwi_prepare_call *call)
{
    const mwi_lstm_options o = options_of(call->attr);
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(mwi_lstm_state), &memory));
    mwi_lstm_state *const s = call->state = memory;
    MWI_TRY(mwi_lstm_prepare_float(ctx, call, &mwi_lstm_full, &o, s));
    call->scratch_bytes = s->scratch_bytes;
    return MW_OK;
}

static mw_status prepare_int(mw_ctx *ctx, mwi_prepare_call *call)
{
    const mwi_lstm_options o = options_of(call->attr);
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(mwi_lstm_state), &memory));
    mwi_lstm_state *const s = call->state = memory;
    MWI_TRY(mwi_lstm_prepare_int(ctx, call, &mwi_lstm_full, &o, s));
    call->scratch_bytes = s->scratch_bytes;
    return MW_OK;
}

static mw_status run_float(mw_ctx *ctx, const mwi_run_call *call)
{
    (void)ctx;
    mwi_lstm_run_float(call, call->state, call->scratch);
    return MW_OK;
}

static mw_status run_int(mw_ctx *ctx, const mwi_run_call *call)
{
    (void)ctx;
    mwi_lstm_run_int(call, call->state, call->scratch);
    return MW_OK;
}

static int32_t version(const mwi_shape_call *call)
{
    const attr *const a = call->attr;

    if (a->kernel_type == BASIC) return 2;
    if (call->in[0].dtype == MW_FLOAT32 && call->n_in > 2 && call->in[2].dtype == MW_INT8)
        return a->asymmetric ? 4 : 3;
    return 1;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_lstm_basic__ref",
     .types = "f32,f32,f32,f32,f32>f32,f32,f32,f32",
     .run = mwi_lstm_basic_run_f32},
    {.name = "u8_lstm_basic__ref",
     .types = "u8,u8,u8,i32,i16>u8,i16,u8,i16",
     .prepare = mwi_lstm_basic_prepare_u8,
     .run = mwi_lstm_basic_run_u8},
    {.name = "f32_lstm__ref", .types = MWI_LSTM_F32, .prepare = prepare_float, .run = run_float},
    {.name = "f32_s8_lstm__ref",
     .types = MWI_LSTM_HYBRID("i8"),
     .prepare = prepare_float,
     .run = run_float},
    {.name = "f32_u8_lstm__ref",
     .types = MWI_LSTM_HYBRID("u8"),
     .prepare = prepare_float,
     .run = run_float},
    {.name = "s8_lstm__ref", .types = MWI_LSTM_INT, .prepare = prepare_int, .run = run_int},
    {.name = NULL},
};

const mwi_op_desc mwi_op_lstm = {
    .name = "LSTM",
    .tflite_code = 16,
    .options_type = 14,
    .min_in = 5,
    .max_in = 24,
    .min_out = 1,
    .max_out = 4,
    .traits = MWI_OP_STATEFUL,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .infer = infer,
    .macs = macs,
    .version = version,
};
