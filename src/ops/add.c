/* ops/add.c - ADD: a + b with broadcast and a fused activation.
 * Depends: ops/binary.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/binary.h"
#include "ops/rules.h"

typedef struct attr {
    int32_t activation;
    bool pot_scale_int16;
} attr;

static const mwi_field fields[] = {
    {"fused_activation_function", offsetof(attr, activation), MWI_FIELD_ENUM, 0, 0, 0, 5,
     mwi_activation_names},
    {"pot_scale_int16", offsetof(attr, pot_scale_int16), MWI_FIELD_BOOL, 1, 1, 0, 1, NULL},
    MWI_FIELDS_END,
};

#define CLAMP_F(v) ((v) < s->low_f ? s->low_f : (v) > s->high_f ? s->high_f : (v))
#define CLAMP_I(v) ((v) < s->low_i ? s->low_i : (v) > s->high_i ? s->high_i : (v))

static int32_t sum_of(const mwi_arith *s, int32_t a, int32_t b)
{
    return mwi_quantized(mwi_scale_held(mwi_add32(a, b), s->out), s->zero_out, s->low, s->high);
}

static int32_t sum16(const mwi_arith *s, int32_t x, int32_t y)
{
    if (s->plain) return (int32_t)CLAMP_I((int16_t)(x + y));
    if (!s->powers_of_two)
        return sum_of(s, mwi_scale((int32_t)((uint32_t)(x - s->zero_a) << s->left_shift), s->a),
                      mwi_scale((int32_t)((uint32_t)(y - s->zero_b) << s->left_shift), s->b));
    const int32_t sum = mwi_round_shift(x, s->shift_a) + mwi_round_shift(y, s->shift_b);
    return mwi_clamp(mwi_clamp(sum, -32768, 32767), s->low, s->high);
}

MWI_BINARY_ROW(row_f32, float, float, mwi_arith, CLAMP_F(x + y))
MWI_BINARY_ROW(row_i32, int32_t, int32_t, mwi_arith,
               CLAMP_I((int64_t)(int32_t)((uint32_t)x + (uint32_t)y)))
MWI_BINARY_ROW(row_i64, int64_t, int64_t, mwi_arith, CLAMP_I((int64_t)((uint64_t)x + (uint64_t)y)))
MWI_BINARY_ROW(row_i8, int8_t, int8_t, mwi_arith,
               sum_of(s, s->scaled_a[(uint8_t)x], s->scaled_b[(uint8_t)y]))
MWI_BINARY_ROW(row_u8, uint8_t, uint8_t, mwi_arith,
               sum_of(s, s->scaled_a[(uint8_t)x], s->scaled_b[(uint8_t)y]))
MWI_BINARY_ROW(row_i16, int16_t, int16_t, mwi_arith, sum16(s, x, y))
MWI_BINARY_RUN(run_f32, row_f32)
MWI_BINARY_RUN(run_i32, row_i32)
MWI_BINARY_RUN(run_i64, row_i64)
MWI_BINARY_RUN(run_i8, row_i8)
MWI_BINARY_RUN(run_u8, row_u8)
MWI_BINARY_RUN(run_i16, row_i16)

static mw_status prepare_plain(mw_ctx *ctx, mwi_prepare_call *call)
{
    return mwi_arith_prepare_plain(ctx, call, ((const attr *)call->attr)->activation);
}

static mw_status prepare_quantized(mw_ctx *ctx, mwi_prepare_call *call)
{
    const attr *const a = call->attr;
    if (mwi_arith_is_plain16(&call->in[0])) return prepare_plain(ctx, call);
    return mwi_arith_prepare_sum(ctx, call, a->activation, a->pot_scale_int16);
}

static int32_t version(const mwi_shape_call *call)
{
    const attr *const a = call->attr;

    if (mwi_arith_is_plain16(&call->in[0])) return 5;
    if (call->in[0].dtype == MW_INT64) return 4;
    if (call->in[0].dtype == MW_INT16 && !a->pot_scale_int16) return 3;
    return call->in[0].dtype == MW_INT8 ? 2 : 1;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_add__ref", .types = "f32,f32>f32", .prepare = prepare_plain, .run = run_f32},
    {.name = "s8_add__ref", .types = "i8,i8>i8", .prepare = prepare_quantized, .run = run_i8},
    {.name = "u8_add__ref", .types = "u8,u8>u8", .prepare = prepare_quantized, .run = run_u8},
    {.name = "s16_add__ref", .types = "i16,i16>i16", .prepare = prepare_quantized, .run = run_i16},
    {.name = "s32_add__ref", .types = "i32,i32>i32", .prepare = prepare_plain, .run = run_i32},
    {.name = "s64_add__ref", .types = "i64,i64>i64", .prepare = prepare_plain, .run = run_i64},
    {.name = NULL},
};

static mw_status gradient(mw_ctx *ctx, mwi_gradient_call *call)
{
    int32_t dy;

    MWI_TRY(mwi_gradient_of_sum(ctx, call, &dy));
    MWI_TRY(mwi_gradient_to_input(ctx, call, 0, dy));
    return mwi_gradient_to_input(ctx, call, 1, dy);
}

const mwi_op_desc mwi_op_add = {
    .name = "ADD",
    .tflite_code = 0,
    .options_type = 11,
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_INPLACE | MWI_OP_FUSES_ACT | MWI_OP_BINARY_BROADCAST | MWI_OP_COMMUTATIVE,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .quant = &mwi_quant_own,
    .infer = mwi_infer_broadcast,
    .gradient = gradient,
    .version = version,
};
