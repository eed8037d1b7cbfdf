/* ops/mul.c - MUL: a * b with broadcast and a fused activation.
 * Depends: ops/binary.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/binary.h"
#include "ops/rules.h"

typedef struct attr {
    int32_t activation;
} attr;

static const mwi_field fields[] = {
    {"fused_activation_function", offsetof(attr, activation), MWI_FIELD_ENUM, 0, 0, 0, 5,
     mwi_activation_names},
    MWI_FIELDS_END,
};

static int32_t product_of(const mwi_arith *s, int32_t x, int32_t y)
{
    const int32_t product = mwi_mul32(x - s->zero_a, y - s->zero_b);
    return mwi_quantized(mwi_scale(product, s->out), s->zero_out, s->low, s->high);
}

#define CLAMP_F(v) ((v) < s->low_f ? s->low_f : (v) > s->high_f ? s->high_f : (v))
#define CLAMP_I(v) ((v) < s->low_i ? s->low_i : (v) > s->high_i ? s->high_i : (v))
MWI_BINARY_ROW(row_f32, float, float, mwi_arith, CLAMP_F(x *y))
MWI_BINARY_ROW(row_i32, int32_t, int32_t, mwi_arith,
               CLAMP_I((int64_t)(int32_t)((uint32_t)x *(uint32_t)y)))
MWI_BINARY_ROW(row_i64, int64_t, int64_t, mwi_arith, CLAMP_I((int64_t)((uint64_t)x *(uint64_t)y)))
MWI_BINARY_ROW(row_i8, int8_t, int8_t, mwi_arith, product_of(s, x, y))
MWI_BINARY_ROW(row_u8, uint8_t, uint8_t, mwi_arith, product_of(s, x, y))
MWI_BINARY_ROW(row_u32, uint32_t, uint32_t, mwi_arith, CLAMP_I((int64_t)(uint32_t)(x *y)))
MWI_BINARY_ROW(row_i16, int16_t, int16_t, mwi_arith,
               s->plain ? CLAMP_I((int16_t)(x *y)) : product_of(s, x, y))
MWI_BINARY_RUN(run_f32, row_f32)
MWI_BINARY_RUN(run_i32, row_i32)
MWI_BINARY_RUN(run_i64, row_i64)
MWI_BINARY_RUN(run_u32, row_u32)
MWI_BINARY_RUN(run_i8, row_i8)
MWI_BINARY_RUN(run_u8, row_u8)
MWI_BINARY_RUN(run_i16, row_i16)

static mw_status prepare_plain(mw_ctx *ctx, mwi_prepare_call *call)
{
    return mwi_arith_prepare_plain(ctx, call, ((const attr *)call->attr)->activation);
}

static mw_status prepare_quantized(mw_ctx *ctx, mwi_prepare_call *call)
{
    return mwi_arith_prepare_product(ctx, call, ((const attr *)call->attr)->activation);
}

static int32_t version(const mwi_shape_call *call)
{
    const mw_dtype t = call->in[0].dtype;
    const mwi_view *const in = call->in;

    if (mwi_arith_is_plain16(&call->in[0]) || t == MW_UINT32) return 7;
    if (t == MW_INT64) return 5;
    if (t == MW_INT16) return 4;
    if (in[0].quant != NULL && in[1].quant != NULL && call->out[0].quant != NULL &&
        in[0].quant->q.n_scales == 1 && in[1].quant->q.n_scales == 1 &&
        call->out[0].quant->q.n_scales == 1 &&
        (double)in[0].quant->q.scales[0] * (double)in[1].quant->q.scales[0] /
                (double)call->out[0].quant->q.scales[0] >=
            1.0)
        return 3;
    return t == MW_INT8 ? 2 : 1;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_mul__ref", .types = "f32,f32>f32", .prepare = prepare_plain, .run = run_f32},
    {.name = "s8_mul__ref", .types = "i8,i8>i8", .prepare = prepare_quantized, .run = run_i8},
    {.name = "u8_mul__ref", .types = "u8,u8>u8", .prepare = prepare_quantized, .run = run_u8},
    {.name = "s16_mul__ref", .types = "i16,i16>i16", .prepare = prepare_quantized, .run = run_i16},
    {.name = "s32_mul__ref", .types = "i32,i32>i32", .prepare = prepare_plain, .run = run_i32},
    {.name = "s64_mul__ref", .types = "i64,i64>i64", .prepare = prepare_plain, .run = run_i64},
    {.name = "u32_mul__ref", .types = "u32,u32>u32", .prepare = prepare_plain, .run = run_u32},
    {.name = NULL},
};

static mw_status gradient(mw_ctx *ctx, mwi_gradient_call *call)
{
    const int32_t *const in = call->at.op->in;
    int32_t dy, product;

    MWI_TRY(mwi_gradient_of_sum(ctx, call, &dy));
    for (size_t k = 0; k < 2; k++) {
        if (!call->wanted[k]) continue;
        MWI_TRY(mwi_emit2(ctx, &call->at, &mwi_op_mul, dy, in[1 - k], &product));
        MWI_TRY(mwi_gradient_to_input(ctx, call, k, product));
    }
    return MW_OK;
}

const mwi_op_desc mwi_op_mul = {
    .name = "MUL",
    .tflite_code = 18,
    .options_type = 21,
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
