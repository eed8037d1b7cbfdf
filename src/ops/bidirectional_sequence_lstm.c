/* ops/bidirectional_sequence_lstm.c - BIDIRECTIONAL_SEQUENCE_LSTM: one LSTM forward, one backward
 * over x. Outputs: forward and backward, or both side by side (merge_outputs). An auxiliary input
 * has weights of its own, or without them is the backward cell's input (stacked layers).
 * Depends: ops/lstm_cell.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/lstm_cell.h"

#include <float.h>

typedef struct attr {
    int32_t activation;
    float cell_clip, proj_clip;
    bool merge, time_major, asymmetric;
} attr;

static const mwi_field fields[] = {
    {"fused_activation_function", offsetof(attr, activation), MWI_FIELD_ENUM, 0, 0, 0, 5,
     mwi_activation_names},
    {"cell_clip", offsetof(attr, cell_clip), MWI_FIELD_F32, 1, 0, 0, (double)FLT_MAX, NULL},
    {"proj_clip", offsetof(attr, proj_clip), MWI_FIELD_F32, 2, 0, 0, (double)FLT_MAX, NULL},
    {"merge_outputs", offsetof(attr, merge), MWI_FIELD_BOOL, 3, 0, 0, 1, NULL},
    {"time_major", offsetof(attr, time_major), MWI_FIELD_BOOL, 4, 1, 0, 1, NULL},
    {"asymmetric_quantize_inputs", offsetof(attr, asymmetric), MWI_FIELD_BOOL, 5, 0, 0, 1, NULL},
    MWI_FIELDS_END,
};

enum { AUX = 39, FW_AUX_W = 41 }; /* the auxiliary input; the forward forget gate's weights of it */

/* Operands of one direction from `first` on; its states, and its auxiliary weights. */
#define NONE4                                                                                      \
    {                                                                                              \
        -1, -1, -1, -1                                                                             \
    }
#define FORWARD                                                                                    \
    .input_w = {1, 2, 3, 4}, .recurrent_w = {5, 6, 7, 8}, .peephole = {9, 10, -1, 11},             \
    .bias = {12, 13, 14, 15}, .projection_w = 16, .projection_b = 17, .output_state = 35,          \
    .cell_state = 36, .norm = NONE4
#define BACKWARD                                                                                   \
    .input_w = {18, 19, 20, 21}, .recurrent_w = {22, 23, 24, 25}, .peephole = {26, 27, -1, 28},    \
    .bias = {29, 30, 31, 32}, .projection_w = 33, .projection_b = 34, .output_state = 37,          \
    .cell_state = 38, .norm = NONE4
static const mwi_lstm_layout forward = {.input = 0, FORWARD, .aux = -1, .aux_w = NONE4};
static const mwi_lstm_layout backward = {.input = 0, BACKWARD, .aux = -1, .aux_w = NONE4};
static const mwi_lstm_layout backward_stacked = {.input = AUX, BACKWARD, .aux = -1, .aux_w = NONE4};
static const mwi_lstm_layout forward_aux = {
    .input = 0, FORWARD, .aux = AUX, .aux_w = {40, 41, 42, 43}};
static const mwi_lstm_layout backward_aux = {
    .input = 0, BACKWARD, .aux = AUX, .aux_w = {44, 45, 46, 47}};

static const mwi_lstm_layout *forward_of(const mwi_view *in)
{
    return in[FW_AUX_W].tensor != NULL ? &forward_aux : &forward;
}

static const mwi_lstm_layout *backward_of(const mwi_view *in)
{
    if (in[FW_AUX_W].tensor != NULL) return &backward_aux;
    return in[AUX].tensor != NULL ? &backward_stacked : &backward;
}

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
    const attr *const a = call->attr;
    const mwi_lstm_options o = options_of(a);
    mwi_lstm_dims f, b;

    MWI_TRY(mwi_need_input(ctx, call, 0, 3, 3));
    if (call->n_out != (a->merge ? 1u : 2u))
        return mwi_fail(ctx, MW_EFORMAT, "%zu outputs, %d with these attributes", call->n_out,
                        a->merge ? 1 : 2);
    MWI_TRY(mwi_lstm_check(ctx, call->in, call->n_in, forward_of(call->in), &o, &f));
    MWI_TRY(mwi_lstm_check(ctx, call->in, call->n_in, backward_of(call->in), &o, &b));
    if (f.n_time != b.n_time || f.n_batch != b.n_batch)
        return mwi_fail(ctx, MW_EFORMAT, "the backward input does not fit the forward one");
    const size_t widths[] = {f.n_output + (a->merge ? b.n_output : 0), b.n_output};
    for (size_t i = 0; i < call->n_out; i++) {
        if (widths[i] > INT32_MAX) return mwi_fail(ctx, MW_ELIMIT, "%zu outputs", widths[i]);
        mwi_view_set_dims(&call->out[i], 3, call->in[0].dims);
        call->out[i].dims[2] = (int32_t)widths[i];
    }
    return MW_OK;
}

static uint64_t macs(const mwi_shape_call *call)
{
    if (call->n_in <= AUX + 8) return 0;
    return (uint64_t)call->in[0].dims[0] * (uint64_t)call->in[0].dims[1] *
           (mwi_lstm_macs_a_step(call->in, call->n_in, forward_of(call->in)) +
            mwi_lstm_macs_a_step(call->in, call->n_in, backward_of(call->in)));
}

typedef struct state {
    mwi_lstm_state forward, backward;
} state;

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    const attr *const a = call->attr;
    mwi_lstm_options o = options_of(a);
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(state), &memory));
    state *const s = call->state = memory;
    MWI_TRY(mwi_lstm_prepare_float(ctx, call, forward_of(call->in), &o, &s->forward));
    o.backward = true;
    o.output = a->merge ? 0 : 1;
    o.output_offset = a->merge ? s->forward.d.n_output : 0;
    MWI_TRY(mwi_lstm_prepare_float(ctx, call, backward_of(call->in), &o, &s->backward));
    call->scratch_bytes = s->forward.scratch_bytes > s->backward.scratch_bytes
                              ? s->forward.scratch_bytes
                              : s->backward.scratch_bytes;
    return MW_OK;
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const state *const s = call->state;

    (void)ctx;
    mwi_lstm_run_float(call, &s->forward, call->scratch);
    mwi_lstm_run_float(call, &s->backward, call->scratch);
    return MW_OK;
}

static int32_t version(const mwi_shape_call *call)
{
    /* LiteRT looks at input 1; without an input gate the forget gate's weights say the same. */
    const mwi_view *const w = call->in[1].tensor != NULL ? &call->in[1] : &call->in[2];

    if (w->dtype != MW_INT8) return 1;
    return ((const attr *)call->attr)->asymmetric ? 3 : 2;
}

#define WEIGHTS(w)                                                                                 \
    w "?," w "," w "," w "," w "?," w "," w "," w "," w "?," w "?," w "?,f32?,f32,f32,f32," w      \
      "?,f32?,"
#define AUX_WEIGHTS(w) w "?," w "?," w "?," w "?,"
#define TYPES(w)                                                                                   \
    "f32," WEIGHTS(w) WEIGHTS(w) "f32,f32,f32,f32,f32?," AUX_WEIGHTS(w) w "?," w "?," w "?," w     \
                                                                          "?>f32,f32?"
static const mwi_kernel kernels[] = {
    {.name = "f32_bidirectional_sequence_lstm__ref",
     .types = TYPES("f32"),
     .prepare = prepare,
     .run = run},
    {.name = "f32_s8_bidirectional_sequence_lstm__ref",
     .types = TYPES("i8"),
     .prepare = prepare,
     .run = run},
    {.name = "f32_u8_bidirectional_sequence_lstm__ref",
     .types = TYPES("u8"),
     .prepare = prepare,
     .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_bidirectional_sequence_lstm = {
    .name = "BIDIRECTIONAL_SEQUENCE_LSTM",
    .tflite_code = 52,
    .options_type = 69,
    .min_in = 48,
    .max_in = 48,
    .min_out = 1,
    .max_out = 2,
    .traits = MWI_OP_STATEFUL,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .infer = infer,
    .macs = macs,
    .version = version,
};
