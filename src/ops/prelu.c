/* ops/prelu.c - PRELU: alpha * x below zero; alpha broadcasts to the input.
 * Depends: ops/binary, ops/rules.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/binary.h"
#include "ops/rules.h"

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_view *const x = &call->in[0], *const out = &call->out[0];
    bool same;

    MWI_TRY(mwi_infer_broadcast(ctx, call));
    same = out->rank == x->rank;
    for (int32_t i = 0; i < x->rank && same; i++) same = out->dims[i] == x->dims[i];
    return same ? MW_OK : mwi_fail(ctx, MW_EFORMAT, "alpha does not broadcast to the input");
}

typedef struct state {
    mwi_multiplier identity, alpha;
    int32_t zero_in, zero_alpha, zero_out, low, high;
} state;

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    float scale_in, scale_alpha, scale_out;
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(state), &memory));
    state *const s = call->state = memory;
    MWI_TRY(mwi_need_quant(ctx, &call->in[0], "input", &scale_in, &s->zero_in));
    MWI_TRY(mwi_need_quant(ctx, &call->in[1], "alpha", &scale_alpha, &s->zero_alpha));
    MWI_TRY(mwi_need_quant(ctx, &call->out[0], "output", &scale_out, &s->zero_out));
    mwi_type_range(call->out[0].dtype, &s->low, &s->high);
    s->identity = mwi_multiplier_of((double)(scale_in / scale_out));
    s->alpha = mwi_multiplier_of((double)(scale_in * scale_alpha / scale_out));
    return MW_OK;
}

static int32_t quantized(const state *s, int32_t value, int32_t alpha)
{
    const int32_t x = value - s->zero_in;
    const int32_t y =
        x >= 0 ? mwi_scale(x, s->identity) : mwi_scale(x * (alpha - s->zero_alpha), s->alpha);
    return mwi_clamp(y + s->zero_out, s->low, s->high);
}

MWI_BINARY_ROW(row_f32, float, float, void, x >= 0 ? x : x * y)
MWI_BINARY_ROW(row_i8, int8_t, int8_t, state, quantized(s, x, y))
MWI_BINARY_ROW(row_u8, uint8_t, uint8_t, state, quantized(s, x, y))
MWI_BINARY_ROW2(row_i16, int16_t, int8_t, int16_t, state, quantized(s, x, y))
MWI_BINARY_RUN(run_f32, row_f32)
MWI_BINARY_RUN(run_i8, row_i8)
MWI_BINARY_RUN(run_u8, row_u8)
MWI_BINARY_RUN(run_i16, row_i16)

static const mwi_kernel kernels[] = {
    {.name = "f32_prelu__ref", .types = "f32,f32>f32", .run = run_f32},
    {.name = "s8_prelu__ref", .types = "i8,i8>i8", .prepare = prepare, .run = run_i8},
    {.name = "u8_prelu__ref", .types = "u8,u8>u8", .prepare = prepare, .run = run_u8},
    {.name = "s16_prelu__ref",
     .types = "i16,i8>i16",
     .flags = MWI_KERNEL_NOT_LITERT,
     .prepare = prepare,
     .run = run_i16},
    {.name = NULL},
};

/* dy where x > 0, else alpha * dy; for alpha x * dy below zero. */
static mw_status gradient(mw_ctx *ctx, mwi_gradient_call *call)
{
    const int32_t x = call->at.op->in[0], alpha = call->at.op->in[1], dy = call->d_out[0];
    int32_t zero, one, positive, t;

    MWI_TRY(mwi_emit_float(ctx, &call->at, 0, &zero));
    if (call->wanted[0]) {
        MWI_TRY(mwi_emit_float(ctx, &call->at, 1, &one));
        MWI_TRY(mwi_emit2(ctx, &call->at, &mwi_op_greater, x, zero, &positive));
        MWI_TRY(
            mwi_emit(ctx, &call->at, &mwi_op_select_v2, MWI_IN(positive, one, alpha), NULL, &t));
        MWI_TRY(mwi_emit2(ctx, &call->at, &mwi_op_mul, t, dy, &call->d_in[0]));
    }
    if (!call->wanted[1]) return MW_OK;
    MWI_TRY(mwi_emit2(ctx, &call->at, &mwi_op_minimum, x, zero, &t));
    MWI_TRY(mwi_emit2(ctx, &call->at, &mwi_op_mul, t, dy, &t));
    return mwi_gradient_to_input(ctx, call, 1, t);
}

const mwi_op_desc mwi_op_prelu = {
    .name = "PRELU",
    .tflite_code = 54,
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_INPLACE | MWI_OP_PER_SAMPLE | MWI_OP_SCALES_BY_CHANNEL,
    .kernels = kernels,
    .quant = &mwi_quant_own,
    .infer = infer,
    .gradient = gradient,
};
