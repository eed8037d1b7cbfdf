/* ops/squared_difference.c - SQUARED_DIFFERENCE: (x - y)^2 with broadcast.
 * Depends: ops/binary, ops/rules.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/binary.h"
#include "ops/rules.h"

enum { SHIFT = 7 }; /* bits kept below the scaled inputs */

typedef struct state {
    mwi_multiplier a, b, out;
    int32_t zero_a, zero_b, zero_out;
} state;

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    float scale_a, scale_b, scale_out;
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(state), &memory));
    state *const s = call->state = memory;
    MWI_TRY(mwi_need_quant(ctx, &call->in[0], "first input", &scale_a, &s->zero_a));
    MWI_TRY(mwi_need_quant(ctx, &call->in[1], "second input", &scale_b, &s->zero_b));
    MWI_TRY(mwi_need_quant(ctx, &call->out[0], "output", &scale_out, &s->zero_out));
    const double twice = (double)(2 * (scale_a > scale_b ? scale_a : scale_b));
    s->a = mwi_multiplier_of((double)scale_a / twice);
    s->b = mwi_multiplier_of((double)scale_b / twice);
    s->out = mwi_multiplier_of(twice * twice / (double)((float)(1 << SHIFT * 2) * scale_out));
    return MW_OK;
}

static int32_t quantized(const state *s, int32_t x, int32_t y)
{
    const int32_t a = mwi_scale((x - s->zero_a) * (1 << SHIFT), s->a);
    const int32_t b = mwi_scale((y - s->zero_b) * (1 << SHIFT), s->b);
    const int32_t d = mwi_sub32(a, b);
    return mwi_quantized(mwi_scale(mwi_mul32(d, d), s->out), s->zero_out, -128, 127);
}

MWI_BINARY_ROW(row_f32, float, float, void, (x - y) * (x - y))
MWI_BINARY_ROW(row_i32, int32_t, int32_t, void,
               ((uint32_t)x - (uint32_t)y) * ((uint32_t)x - (uint32_t)y))
MWI_BINARY_ROW(row_i8, int8_t, int8_t, state, quantized(s, x, y))
MWI_BINARY_RUN(run_f32, row_f32)
MWI_BINARY_RUN(run_i32, row_i32)
MWI_BINARY_RUN(run_i8, row_i8)

static const mwi_kernel kernels[] = {
    {.name = "f32_squared_difference__ref", .types = "f32,f32>f32", .run = run_f32},
    {.name = "s32_squared_difference__ref", .types = "i32,i32>i32", .run = run_i32},
    {.name = "s8_squared_difference__ref", .types = "i8,i8>i8", .prepare = prepare, .run = run_i8},
    {.name = NULL},
};

/* 2 * (a - b) * dy, and its negative. */
static mw_status gradient(mw_ctx *ctx, mwi_gradient_call *call)
{
    const int32_t *const in = call->at.op->in;
    int32_t d;

    MWI_TRY(mwi_emit2(ctx, &call->at, &mwi_op_sub, in[0], in[1], &d));
    MWI_TRY(mwi_emit2(ctx, &call->at, &mwi_op_mul, d, call->d_out[0], &d));
    MWI_TRY(mwi_emit_scaled(ctx, &call->at, d, 2, &d));
    MWI_TRY(mwi_gradient_to_input(ctx, call, 0, d));
    if (!call->wanted[1]) return MW_OK;
    MWI_TRY(mwi_emit1(ctx, &call->at, &mwi_op_neg, d, &d));
    return mwi_gradient_to_input(ctx, call, 1, d);
}

const mwi_op_desc mwi_op_squared_difference = {
    .name = "SQUARED_DIFFERENCE",
    .tflite_code = 99,
    .options_type = 76,
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_INPLACE | MWI_OP_BINARY_BROADCAST | MWI_OP_COMMUTATIVE,
    .kernels = kernels,
    .quant = &mwi_quant_own,
    .infer = mwi_infer_broadcast,
    .gradient = gradient,
    .version = mwi_version_i8,
};
