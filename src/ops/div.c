/* ops/div.c - DIV: a / b with broadcast and a fused activation.
 * Depends: ops/binary.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/binary.h"

typedef struct attr {
    int32_t activation;
} attr;

static const mwi_field fields[] = {
    {"fused_activation_function", offsetof(attr, activation), MWI_FIELD_ENUM, 0, 0, 0, 5,
     mwi_activation_names},
    MWI_FIELDS_END,
};

#define CLAMP_F(v) ((v) < s->low_f ? s->low_f : (v) > s->high_f ? s->high_f : (v))
#define CLAMP_I(v) ((v) < s->low_i ? s->low_i : (v) > s->high_i ? s->high_i : (v))
MWI_BINARY_ROW(row_f32, float, float, mwi_arith, CLAMP_F(x / y))
MWI_BINARY_ROW(row_i32, int32_t, int32_t, mwi_arith, CLAMP_I((int64_t)x / y))
MWI_BINARY_RUN(run_f32, row_f32)

static mw_status run_i32(mw_ctx *ctx, const mwi_run_call *call)
{
    MWI_TRY(mwi_binary_no_zero(ctx, call, 0));
    mwi_binary_run(call, row_i32);
    return MW_OK;
}

static mw_status prepare_plain(mw_ctx *ctx, mwi_prepare_call *call)
{
    return mwi_arith_prepare_plain(ctx, call, ((const attr *)call->attr)->activation);
}

/* ---- quantized ---- */

static mw_status prepare_quantized(mw_ctx *ctx, mwi_prepare_call *call)
{
    float scale_a, scale_b, scale_out;
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(mwi_arith), &memory));
    mwi_arith *const s = call->state = memory;
    MWI_TRY(mwi_need_quant(ctx, &call->in[0], "first input", &scale_a, &s->zero_a));
    MWI_TRY(mwi_need_quant(ctx, &call->in[1], "second input", &scale_b, &s->zero_b));
    MWI_TRY(mwi_need_quant(ctx, &call->out[0], "output", &scale_out, &s->zero_out));
    MWI_TRY(mwi_act_range(ctx, ((const attr *)call->attr)->activation, &call->out[0], &s->low,
                          &s->high));
    s->out = mwi_multiplier_of((double)(scale_a / (scale_b * scale_out)));
    return MW_OK;
}

/* mwi_round_shift, where the count may leave 0 to 31: TFLite's build for x86 then takes it modulo
 * 32, and its mask modulo 64. A dividend near zero gets there, and its results are kept equal. */
static int32_t round_shift_modulo(int32_t x, int32_t count)
{
    const int32_t mask = (int32_t)(((uint64_t)1 << (count & 63)) - 1);
    const int32_t rest = x & mask, threshold = (mask >> 1) + (x < 0 ? 1 : 0);
    return (x >> (count & 31)) + (rest > threshold ? 1 : 0);
}

/* The dividend is shifted up as far as it goes, times 1 / divisor in fixed point, shifted back. */
static int32_t quotient_of(const mwi_arith *s, int32_t x, int32_t y)
{
    int32_t a = x - s->zero_a, b = y - s->zero_b;

    if (b < 0) {
        a = -a;
        b = -b;
    }
    const int32_t zeros = __builtin_clz((uint32_t)b); /* b > 0: zero is refused before */
    const int32_t over_one = 31 - zeros;
    const int32_t inverse =
        mwi_one_over_one_plus((int32_t)(((uint32_t)b << zeros) - ((uint32_t)1 << 31)));
    const int32_t headroom = __builtin_clrsb(a);
    const int32_t q = mwi_scale(a, (mwi_multiplier){inverse, headroom});
    const int32_t shift = s->out.shift - over_one - headroom;
    return mwi_clamp(s->zero_out + round_shift_modulo(mwi_high_mul(q, s->out.multiplier), -shift),
                     s->low, s->high);
}

MWI_BINARY_ROW(row_i8, int8_t, int8_t, mwi_arith, quotient_of(s, x, y))
MWI_BINARY_ROW(row_u8, uint8_t, uint8_t, mwi_arith, quotient_of(s, x, y))
MWI_BINARY_ROW(row_i16, int16_t, int16_t, mwi_arith, quotient_of(s, x, y))

#define RUN(name, row)                                                                             \
    static mw_status name(mw_ctx *ctx, const mwi_run_call *call)                                   \
    {                                                                                              \
        MWI_TRY(mwi_binary_no_zero(ctx, call, ((const mwi_arith *)call->state)->zero_b));          \
        mwi_binary_run(call, row);                                                                 \
        return MW_OK;                                                                              \
    }
RUN(run_i8, row_i8)
RUN(run_u8, row_u8)
RUN(run_i16, row_i16)

static int32_t version(const mwi_shape_call *call)
{
    return mwi_broadcasts(call) && (call->in[0].rank > 4 || call->in[1].rank > 4) ? 2 : 1;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_div__ref", .types = "f32,f32>f32", .prepare = prepare_plain, .run = run_f32},
    {.name = "s32_div__ref", .types = "i32,i32>i32", .prepare = prepare_plain, .run = run_i32},
    {.name = "u8_div__ref", .types = "u8,u8>u8", .prepare = prepare_quantized, .run = run_u8},
    {.name = "s8_div__ref",
     .types = "i8,i8>i8",
     .flags = MWI_KERNEL_NOT_LITERT,
     .prepare = prepare_quantized,
     .run = run_i8},
    {.name = "s16_div__ref",
     .types = "i16,i16>i16",
     .flags = MWI_KERNEL_NOT_LITERT,
     .prepare = prepare_quantized,
     .run = run_i16},
    {.name = NULL},
};

/* dy / b, and -(dy / b) * (a / b). */
static mw_status gradient(mw_ctx *ctx, mwi_gradient_call *call)
{
    const int32_t *const in = call->at.op->in;
    int32_t dy, da, ratio, db;

    MWI_TRY(mwi_gradient_of_sum(ctx, call, &dy));
    MWI_TRY(mwi_emit2(ctx, &call->at, &mwi_op_div, dy, in[1], &da));
    MWI_TRY(mwi_gradient_to_input(ctx, call, 0, da));
    if (!call->wanted[1]) return MW_OK;
    MWI_TRY(mwi_emit2(ctx, &call->at, &mwi_op_div, in[0], in[1], &ratio));
    MWI_TRY(mwi_emit2(ctx, &call->at, &mwi_op_mul, da, ratio, &db));
    MWI_TRY(mwi_emit1(ctx, &call->at, &mwi_op_neg, db, &db));
    return mwi_gradient_to_input(ctx, call, 1, db);
}

const mwi_op_desc mwi_op_div = {
    .name = "DIV",
    .tflite_code = 42,
    .options_type = 29,
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_INPLACE | MWI_OP_FUSES_ACT | MWI_OP_BINARY_BROADCAST,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .infer = mwi_infer_broadcast,
    .gradient = gradient,
    .version = version,
};
