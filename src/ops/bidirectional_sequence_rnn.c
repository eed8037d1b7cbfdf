/* ops/bidirectional_sequence_rnn.c - BIDIRECTIONAL_SEQUENCE_RNN: one RNN forward, one backward
 * over x. Inputs: x, forward {weights, recurrent weights, bias, state}, the same backward,
 * auxiliary x?, its weights forward?, backward?. Outputs: forward and backward, or both side by
 * side (merge_outputs).
 * Depends: ops/rnn_cell.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/rnn_cell.h"

typedef struct attr {
    bool time_major, merge, asymmetric;
    int32_t activation;
} attr;

static const mwi_field fields[] = {
    {"time_major", offsetof(attr, time_major), MWI_FIELD_BOOL, 0, 0, 0, 1, NULL},
    {"fused_activation_function", offsetof(attr, activation), MWI_FIELD_ENUM, 1, 0, 0, 5,
     mwi_activation_names},
    {"merge_outputs", offsetof(attr, merge), MWI_FIELD_BOOL, 2, 0, 0, 1, NULL},
    {"asymmetric_quantize_inputs", offsetof(attr, asymmetric), MWI_FIELD_BOOL, 3, 0, 0, 1, NULL},
    MWI_FIELDS_END,
};

enum { AUX = 9, FW_AUX_W = 10, BW_AUX_W = 11 };

/* Without auxiliary weights the auxiliary input is the backward cell's input (stacked layers): so
 * the reference does when time comes first, but not when the batch does. */
static void layouts(const mwi_view *in, const attr *a, mwi_rnn_layout *fw, mwi_rnn_layout *bw)
{
    const bool weighted = in[FW_AUX_W].tensor != NULL;
    const bool stacked = !weighted && in[AUX].tensor != NULL && a->time_major;

    *fw = (mwi_rnn_layout){
        .input = 0, .input_w = 1, .recurrent_w = 2, .bias = 3, .state = 4, .aux = -1, .aux_w = -1};
    *bw = (mwi_rnn_layout){.input = stacked ? AUX : 0,
                           .input_w = 5,
                           .recurrent_w = 6,
                           .bias = 7,
                           .state = 8,
                           .aux = -1,
                           .aux_w = -1};
    if (!weighted) return;
    fw->aux = bw->aux = AUX;
    fw->aux_w = FW_AUX_W;
    bw->aux_w = BW_AUX_W;
}

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const attr *const a = call->attr;
    mwi_rnn_layout fw, bw;
    mwi_rnn_state f, b;

    MWI_TRY(mwi_need_input(ctx, call, 0, 3, 3));
    if (call->n_out != (a->merge ? 1u : 2u))
        return mwi_fail(ctx, MW_EFORMAT, "%zu outputs, %d with these attributes", call->n_out,
                        a->merge ? 1 : 2);
    if ((call->in[FW_AUX_W].tensor == NULL) != (call->in[BW_AUX_W].tensor == NULL))
        return mwi_fail(ctx, MW_EFORMAT, "auxiliary weights of one direction only");
    layouts(call->in, a, &fw, &bw);
    MWI_TRY(mwi_rnn_check(ctx, call->in, call->n_in, &fw, a->time_major, &f));
    MWI_TRY(mwi_rnn_check(ctx, call->in, call->n_in, &bw, a->time_major, &b));
    if (f.n_time != b.n_time || f.n_batch != b.n_batch)
        return mwi_fail(ctx, MW_EFORMAT, "the backward input does not fit the forward one");
    const size_t widths[] = {f.n_units + (a->merge ? b.n_units : 0), b.n_units};
    for (size_t i = 0; i < call->n_out; i++) {
        if (widths[i] > INT32_MAX) return mwi_fail(ctx, MW_ELIMIT, "%zu units", widths[i]);
        mwi_view_set_dims(&call->out[i], 3, call->in[0].dims);
        call->out[i].dims[2] = (int32_t)widths[i];
    }
    return MW_OK;
}

static uint64_t macs(const mwi_shape_call *call)
{
    mwi_rnn_layout fw, bw;

    if (call->n_in <= BW_AUX_W) return 0;
    layouts(call->in, call->attr, &fw, &bw);
    return mwi_rnn_macs(call->in, call->n_in, &fw) + mwi_rnn_macs(call->in, call->n_in, &bw);
}

typedef struct state {
    mwi_rnn_state forward, backward;
} state;

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    const attr *const a = call->attr;
    mwi_rnn_options o = {
        .activation = a->activation, .asymmetric = a->asymmetric, .time_major = a->time_major};
    mwi_rnn_layout fw, bw;
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(state), &memory));
    state *const s = call->state = memory;
    layouts(call->in, a, &fw, &bw);
    MWI_TRY(mwi_rnn_prepare(ctx, call, &fw, &o, &s->forward));
    o.backward = true;
    o.output = a->merge ? 0 : 1;
    o.output_offset = a->merge ? s->forward.n_units : 0;
    MWI_TRY(mwi_rnn_prepare(ctx, call, &bw, &o, &s->backward));
    call->scratch_bytes = s->forward.scratch_bytes > s->backward.scratch_bytes
                              ? s->forward.scratch_bytes
                              : s->backward.scratch_bytes;
    return MW_OK;
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const state *const s = call->state;
    /* TFLite's hybrid kernel walks a time-major sequence as often as it has steps, its state
     * carried on: files in use were tuned with that, so that it is part of the operator. */
    const size_t walks = s->forward.hybrid && s->forward.o.time_major ? s->forward.n_time : 1;

    (void)ctx;
    for (size_t i = 0; i < walks; i++) {
        mwi_rnn_run(call, &s->forward, call->scratch);
        mwi_rnn_run(call, &s->backward, call->scratch);
    }
    return MW_OK;
}

static int32_t version(const mwi_shape_call *call)
{
    if (call->in[1].dtype != MW_INT8) return 1;
    return ((const attr *)call->attr)->asymmetric ? 3 : 2;
}

#define TYPES(w) "f32," w "," w ",f32,f32," w "," w ",f32,f32,f32?," w "?," w "?>f32,f32?"
static const mwi_kernel kernels[] = {
    {.name = "f32_bidirectional_sequence_rnn__ref",
     .types = TYPES("f32"),
     .prepare = prepare,
     .run = run},
    {.name = "f32_s8_bidirectional_sequence_rnn__ref",
     .types = TYPES("i8"),
     .prepare = prepare,
     .run = run},
    {.name = "f32_u8_bidirectional_sequence_rnn__ref",
     .types = TYPES("u8"),
     .prepare = prepare,
     .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_bidirectional_sequence_rnn = {
    .name = "BIDIRECTIONAL_SEQUENCE_RNN",
    .tflite_code = 46,
    .options_type = 70,
    .min_in = 12,
    .max_in = 12,
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
