/* ops/unidirectional_sequence_lstm.c - UNIDIRECTIONAL_SEQUENCE_LSTM: x [n,t,i] (or [t,n,i]) ->
 * [n,t,o]. Inputs: see mwi_lstm_full. The two states are variable tensors.
 * Depends: ops/lstm_cell.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/lstm_cell.h"
#include "ops/lstm_types.h"

#include <float.h>

typedef struct attr {
    int32_t activation;
    float cell_clip, proj_clip;
    bool time_major, asymmetric, diagonal;
} attr;

static const mwi_field fields[] = {
    {"fused_activation_function", offsetof(attr, activation), MWI_FIELD_ENUM, 0, 0, 0, 5,
     mwi_activation_names},
    {"cell_clip", offsetof(attr, cell_clip), MWI_FIELD_F32, 1, 0, 0, (double)FLT_MAX, NULL},
    {"proj_clip", offsetof(attr, proj_clip), MWI_FIELD_F32, 2, 0, 0, (double)FLT_MAX, NULL},
    {"time_major", offsetof(attr, time_major), MWI_FIELD_BOOL, 3, 0, 0, 1, NULL},
    {"asymmetric_quantize_inputs", offsetof(attr, asymmetric), MWI_FIELD_BOOL, 4, 0, 0, 1, NULL},
    {"diagonal_recurrent_tensors", offsetof(attr, diagonal), MWI_FIELD_BOOL, 5, 0, 0, 1, NULL},
    MWI_FIELDS_END,
};

static mwi_lstm_options options_of(const attr *a)
{
    return (mwi_lstm_options){.activation = a->activation,
                              .cell_clip = a->cell_clip,
                              .proj_clip = a->proj_clip,
                              .time_major = a->time_major,
                              .asymmetric = a->asymmetric};
}

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_lstm_options o = options_of(call->attr);
    mwi_lstm_dims d;

    MWI_TRY(mwi_need_input(ctx, call, 0, 3, 3));
    MWI_TRY(mwi_lstm_check(ctx, call->in, call->n_in, &mwi_lstm_full, &o, &d));
    mwi_view_set_dims(&call->out[0], 3, call->in[0].dims);
    call->out[0].dims[2] = (int32_t)d.n_output;
    return MW_OK;
}

static uint64_t macs(const mwi_shape_call *call)
{
    const mwi_view *const x = &call->in[0];
    return (uint64_t)x->dims[0] * (uint64_t)x->dims[1] *
           mwi_lstm_macs_a_step(call->in, call->n_in, &mwi_lstm_full);
}

static mw_status make_state(mw_ctx *ctx, mwi_prepare_call *call, mwi_lstm_state **out)
{
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof **out, &memory));
    call->state = *out = memory;
    return MW_OK;
}

static mw_status prepare_float(mw_ctx *ctx, mwi_prepare_call *call)
{
    const mwi_lstm_options o = options_of(call->attr);
    mwi_lstm_state *s;

    MWI_TRY(make_state(ctx, call, &s));
    MWI_TRY(mwi_lstm_prepare_float(ctx, call, &mwi_lstm_full, &o, s));
    call->scratch_bytes = s->scratch_bytes;
    return MW_OK;
}

static mw_status prepare_int(mw_ctx *ctx, mwi_prepare_call *call)
{
    const mwi_lstm_options o = options_of(call->attr);
    mwi_lstm_state *s;

    MWI_TRY(make_state(ctx, call, &s));
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

    if (a->diagonal) return 4;
    if (call->in[0].dtype == MW_FLOAT32 && call->n_in > 2 && call->in[2].dtype == MW_INT8)
        return a->asymmetric ? 3 : 2;
    return 1;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_unidirectional_sequence_lstm__ref",
     .types = MWI_LSTM_F32,
     .prepare = prepare_float,
     .run = run_float},
    {.name = "f32_s8_unidirectional_sequence_lstm__ref",
     .types = MWI_LSTM_HYBRID("i8"),
     .prepare = prepare_float,
     .run = run_float},
    {.name = "f32_u8_unidirectional_sequence_lstm__ref",
     .types = MWI_LSTM_HYBRID("u8"),
     .prepare = prepare_float,
     .run = run_float},
    {.name = "f32_s8_unidirectional_sequence_lstm_diagonal__ref",
     .types = MWI_LSTM_HYBRID_DIAGONAL,
     .accepts = mwi_lstm_is_diagonal,
     .prepare = prepare_float,
     .run = run_float},
    {.name = "s8_unidirectional_sequence_lstm__ref",
     .types = MWI_LSTM_INT,
     .prepare = prepare_int,
     .run = run_int},
    {.name = NULL},
};

const mwi_op_desc mwi_op_unidirectional_sequence_lstm = {
    .name = "UNIDIRECTIONAL_SEQUENCE_LSTM",
    .tflite_code = 44,
    .options_type = 71,
    .min_in = 20,
    .max_in = 24,
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
