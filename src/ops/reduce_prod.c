/* ops/reduce_prod.c - REDUCE_PROD: the product over axes. Quantized products are rescaled at each
 * step, in the input's order, as TFLite does.
 * Depends: ops/reduce, ops/rules.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/reduce.h"
#include "ops/rules.h"

#include <math.h>

MWI_REDUCE_RUN(run_f32, float, float, void, 1, acc *= v, acc)
MWI_REDUCE_RUN(run_i32, int32_t, int32_t, void, 1, acc = mwi_mul32(acc, v), acc)
MWI_REDUCE_RUN(run_i64, int64_t, int64_t, void, 1, acc = mwi_mul64(acc, v), acc)
MWI_REDUCE_RUN(plain_i8, int8_t, int32_t, void, 1, acc = (int8_t)(acc * v), acc)
MWI_REDUCE_RUN(plain_i16, int16_t, int32_t, void, 1, acc = (int16_t)(acc * v), acc)

typedef struct state {
    mwi_multiplier m;
    int32_t in_zero, out_zero, low, high;
    int32_t of_nothing; /* 1 in the output's scale */
} state;

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    float in_scale, out_scale;
    mwi_reduce r;
    void *memory;

    if (!mwi_is_quantized(&call->in[0])) return MW_OK; /* plain integers */
    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(state), &memory));
    state *const s = call->state = memory;
    MWI_TRY(mwi_need_quant(ctx, &call->in[0], "input", &in_scale, &s->in_zero));
    MWI_TRY(mwi_need_quant(ctx, &call->out[0], "output", &out_scale, &s->out_zero));
    if (call->in[0].dtype == MW_INT16 && (s->in_zero != 0 || s->out_zero != 0))
        return mwi_fail(ctx, MW_EFORMAT, "int16 values need zero point 0");
    mwi_type_range(call->out[0].dtype, &s->low, &s->high);
    mwi_reduce_plan(call->in, &r);
    if (r.n_in == 0) {
        const double one = round(1 / (double)out_scale) + s->out_zero;
        s->of_nothing = one < s->high ? (int32_t)one : s->high;
        return MW_OK;
    }
    /* Each step takes its share of the output's scale: its n-th root. */
    s->m = mwi_multiplier_of((double)in_scale / pow((double)out_scale, 1.0 / (double)r.n_in));
    if (s->m.shift > 14)
        return mwi_fail(ctx, MW_EUNSUPPORTED, "the scales %g and %g are too far apart",
                        (double)in_scale, (double)out_scale);
    return MW_OK;
}

static int32_t value_at(const mwi_view *x, size_t i)
{
    return x->dtype == MW_INT8 ? ((const int8_t *)x->data)[i] : ((const int16_t *)x->data)[i];
}

static int32_t product(const state *s, const mwi_reduce *r, const mwi_view *x, size_t base)
{
    size_t at[MW_MAX_RANK] = {0}, offset = 0;
    int32_t acc = 0;

    if (r->n_in == 0) return s->of_nothing;
    for (size_t k = 0; k < r->n_steps; k++, mwi_reduce_next(r, at, &offset))
        for (size_t i = 0; i < r->run; i++) {
            const int32_t v = value_at(x, base + offset + i) - s->in_zero;
            acc = k == 0 && i == 0 ? v : mwi_scale64((int64_t)acc * v, s->m);
        }
    return mwi_quantized(mwi_scale64(acc, s->m), s->out_zero, s->low, s->high);
}

static void run_quantized(const mwi_run_call *call)
{
    const mwi_view *const out = &call->out[0];
    mwi_reduce r;

    mwi_reduce_plan(call->in, &r);
    for (size_t piece = 0; piece < r.n_pieces; piece++) {
        size_t first, n;
        const size_t base = mwi_reduce_base(&r, piece, &first, &n);
        for (size_t i = 0; i < n; i++) {
            const int32_t v = product(call->state, &r, &call->in[0], base + i);
            if (out->dtype == MW_INT8)
                ((int8_t *)out->data)[first + i] = (int8_t)v;
            else
                ((int16_t *)out->data)[first + i] = (int16_t)v;
        }
    }
}

static mw_status run_i8(mw_ctx *ctx, const mwi_run_call *call)
{
    if (call->state == NULL) return plain_i8(ctx, call);
    run_quantized(call);
    return MW_OK;
}

static mw_status run_i16(mw_ctx *ctx, const mwi_run_call *call)
{
    if (call->state == NULL) return plain_i16(ctx, call);
    run_quantized(call);
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_reduce_prod__ref", .types = "f32,i32>f32", .run = run_f32},
    {.name = "s8_reduce_prod__ref", .types = "i8,i32>i8", .prepare = prepare, .run = run_i8},
    {.name = "s16_reduce_prod__ref", .types = "i16,i32>i16", .prepare = prepare, .run = run_i16},
    {.name = "s32_reduce_prod__ref", .types = "i32,i32>i32", .run = run_i32},
    {.name = "s64_reduce_prod__ref", .types = "i64,i32>i64", .run = run_i64},
    {.name = NULL},
};

const mwi_op_desc mwi_op_reduce_prod = {
    .name = "REDUCE_PROD",
    .tflite_code = 81,
    .options_type = 27,
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_PER_SAMPLE | MWI_OP_REDUCES,
    .attr_size = sizeof(mwi_reduce_attr),
    .fields = mwi_reduce_fields,
    .kernels = kernels,
    .quant = &mwi_quant_first,
    .infer = mwi_reduce_infer,
    .version = mwi_version_i8i16,
};
