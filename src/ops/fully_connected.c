/* ops/fully_connected.c - FULLY_CONNECTED: x [..., in], weights [out,in], bias [out]?.
 * Depends: ops/window (dot products), ops/weights, ops/fixed.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/fixed.h"
#include "ops/shapes.h"
#include "ops/weights.h"
#include "ops/window.h"

#include "base/checked.h"
#include "base/half.h"

#include <math.h>
#include <string.h>

enum { BLOCK = MWI_WEIGHTS_BLOCK, ROWS_A_PIECE = 64 };

typedef struct attr {
    int32_t activation, weights_format, bias_type;
    bool keep_num_dims, asymmetric;
} attr;

static const char *const formats[] = {"DEFAULT", "SHUFFLED4x16INT8"};
static const mwi_field fields[] = {
    {"fused_activation_function", offsetof(attr, activation), MWI_FIELD_ENUM, 0, 0, 0, 5,
     mwi_activation_names},
    {"weights_format", offsetof(attr, weights_format), MWI_FIELD_ENUM, 1, 0, 0, 1, formats},
    {"keep_num_dims", offsetof(attr, keep_num_dims), MWI_FIELD_BOOL, 2, 0, 0, 1, NULL},
    {"asymmetric_quantize_inputs", offsetof(attr, asymmetric), MWI_FIELD_BOOL, 3, 0, 0, 1, NULL},
    {"quantized_bias_type", offsetof(attr, bias_type), MWI_FIELD_ENUM, 4, 0, 0, 127, NULL},
    MWI_FIELDS_END,
};

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const attr *const a = call->attr;
    size_t n = 0, bias = 0;

    if (a->weights_format != 0)
        return mwi_fail(ctx, MW_EUNSUPPORTED,
                        "shuffled weights; convert the model again without them");
    MWI_TRY(mwi_need_input(ctx, call, 0, 0, MW_MAX_RANK));
    MWI_TRY(mwi_need_input(ctx, call, 1, 2, 2));
    const mwi_view *const x = &call->in[0];
    const int32_t in = call->in[1].dims[1], out = call->in[1].dims[0];
    if (!mwi_dims_count(x->rank, x->dims, &n) || in < 1 || n % (size_t)in != 0 ||
        n / (size_t)in > INT32_MAX)
        return mwi_fail(ctx, MW_EFORMAT, "%zu input values do not fit weights [%d,%d]", n, out, in);
    if (call->n_in > 2 && call->in[2].tensor != NULL &&
        (!mwi_dims_count(call->in[2].rank, call->in[2].dims, &bias) || bias != (size_t)out))
        return mwi_fail(ctx, MW_EFORMAT, "bias has %zu values for %d outputs", bias, out);
    if (!a->keep_num_dims) {
        mwi_view_set_dims(&call->out[0], 2, (const int32_t[]){(int32_t)(n / (size_t)in), out});
        return MW_OK;
    }
    if (x->rank < 1 || x->dims[x->rank - 1] != in)
        return mwi_fail(ctx, MW_EFORMAT, "the last dimension does not fit weights [%d,%d]", out,
                        in);
    mwi_view_set_dims(&call->out[0], x->rank, x->dims);
    call->out[0].dims[x->rank - 1] = out;
    return MW_OK;
}

static uint64_t macs(const mwi_shape_call *call)
{
    return mwi_view_count(&call->out[0]) * (uint64_t)call->in[1].dims[1];
}

typedef struct state {
    size_t batch, in, out;
    mwi_requant rq;
    const double *scales_d; /* integer kernels: input * weight / output scale, one a unit; NULL:
                               rq.channels */
    mwi_weights weights;    /* int16, blocks of floats, or int8 (blockwise) */
    size_t values_at;       /* hybrid: a quantized row, in the scratch */
    float low, high;
    const float *scales; /* hybrid */
    bool one_scale, asymmetric;
    size_t block;
    const float *block_scales; /* [out][in / block] */
} state;

static mw_status prepare_common(mw_ctx *ctx, mwi_prepare_call *call, state **out)
{
    const attr *const a = call->attr;
    void *memory;
    size_t n = 0;

    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(state), &memory));
    state *const s = memory;
    call->state = *out = s;
    s->in = (size_t)call->in[1].dims[1];
    s->out = (size_t)call->in[1].dims[0];
    (void)mwi_dims_count(call->in[0].rank, call->in[0].dims, &n);
    s->batch = n / s->in;
    s->asymmetric = a->asymmetric;
    return MW_OK;
}

/* Scratch: one widened input row, then weights that are not constant. */
static mw_status prepare_weights(mw_ctx *ctx, mwi_prepare_call *call, state *s)
{
    if (!mwi_mul(s->in, sizeof(int16_t), &call->scratch_bytes))
        return mwi_fail(ctx, MW_ELIMIT, "rows of %zu values are too large", s->in);
    return mwi_weights_s16(ctx, call, 1, s->rq.weight_zero, &s->weights);
}

/* ---- integers ---- */

/* The reference scales these sums in double precision, not by a fixed-point multiplier. */
static mw_status prepare_scales(mw_ctx *ctx, mwi_prepare_call *call, state *s)
{
    const mw_quantization *const q = &call->in[1].quant->q;
    void *memory;

    if (call->in[1].dtype == MW_INT16) return MW_OK;
    MWI_TRY(mwi_arena_array(ctx, call->arena, s->out, sizeof(double), &memory));
    double *const scales = memory;
    for (size_t i = 0; i < s->out; i++)
        scales[i] = (double)call->in[0].quant->q.scales[0] *
                    (double)q->scales[q->n_scales > 1 ? i : 0] /
                    (double)call->out[0].quant->q.scales[0];
    s->scales_d = scales;
    return MW_OK;
}

static int32_t scaled(const state *s, int64_t sum, size_t unit)
{
    const double v = round((double)sum * s->scales_d[unit]);
    return v > 1e9 ? 1000000000 : v < -1e9 ? -1000000000 : (int32_t)v;
}

static mw_status prepare_int(mw_ctx *ctx, mwi_prepare_call *call)
{
    const attr *const a = call->attr;
    state *s;

    MWI_TRY(prepare_common(ctx, call, &s));
    MWI_TRY(mwi_requant_make(ctx, call, s->out, 0, true, a->activation, &s->rq));
    if (call->in[0].dtype == MW_INT16 && (s->rq.in_zero != 0 || s->rq.out_zero != 0))
        return mwi_fail(ctx, MW_EFORMAT, "int16 values need zero point 0");
    MWI_TRY(prepare_scales(ctx, call, s));
    return prepare_weights(ctx, call, s);
}

typedef struct job {
    const state *s;
    const mwi_run_call *call;
    const int16_t *x, *weights;
    const float *x_f, *blocks;
    const void *bias;
    size_t row;
    float scale; /* hybrid */
} job;

static void units_8(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const job *const j = arg;
    const state *const s = j->s;
    const int32_t *const bias = j->bias;
    const mwi_view *const out = &j->call->out[0];

    (void)thread;
    for (size_t c = begin; c < end; c++) {
        const int32_t sum =
            mwi_add32(mwi_dot_s16(j->x, j->weights + c * s->in, s->in), bias == NULL ? 0 : bias[c]);
        const int32_t q = mwi_clamp(scaled(s, sum, c) + s->rq.out_zero, s->rq.low, s->rq.high);
        if (out->dtype == MW_INT16)
            ((int16_t *)out->data)[j->row * s->out + c] = (int16_t)q;
        else
            ((uint8_t *)out->data)[j->row * s->out + c] = (uint8_t)q; /* the same byte for int8 */
    }
}

static int64_t dot_wide(const int16_t *a, const int16_t *b, size_t n)
{
    int64_t sum = 0;
    for (size_t i = 0; i < n; i++) sum += (int32_t)a[i] * b[i];
    return sum;
}

static void units_16(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const job *const j = arg;
    const state *const s = j->s;
    const bool narrow = j->bias != NULL && j->call->in[2].dtype == MW_INT32;
    const bool wide = j->call->in[1].dtype == MW_INT16;

    (void)thread;
    for (size_t c = begin; c < end; c++) {
        const int16_t *const f = j->weights + c * s->in;
        const int64_t sum = wide ? dot_wide(j->x, f, s->in) : mwi_dot_s16_long(j->x, f, s->in);
        const int64_t bias = j->bias == NULL ? 0
                             : narrow        ? ((const int32_t *)j->bias)[c]
                                             : ((const int64_t *)j->bias)[c];
        const int64_t total =
            narrow && !wide ? mwi_add32((int32_t)sum, (int32_t)bias) : mwi_add64(sum, bias);
        const int32_t q =
            s->scales_d != NULL ? scaled(s, total, c) : mwi_scale64(total, s->rq.channels[c]);
        ((int16_t *)j->call->out[0].data)[j->row * s->out + c] =
            (int16_t)mwi_clamp(q, s->rq.low, s->rq.high);
    }
}

static mw_status run_int(mw_ctx *ctx, const mwi_run_call *call)
{
    const state *const s = call->state;
    const mwi_view *const x = &call->in[0];
    const size_t element = mw_dtype_bits(x->dtype) / 8;
    job j = {.s = s,
             .call = call,
             .x = call->scratch,
             .weights = mwi_weights_at_run(&s->weights, call),
             .bias = call->n_in > 2 ? call->in[2].data : NULL};

    (void)ctx;
    for (j.row = 0; j.row < s->batch; j.row++) {
        mwi_widen(x->dtype, (const char *)x->data + j.row * s->in * element, s->in, s->rq.in_zero,
                  call->scratch);
        mwi_par_for(call->pool, s->out, ROWS_A_PIECE, x->dtype == MW_INT16 ? units_16 : units_8,
                    &j);
    }
    return MW_OK;
}

/* ---- float ---- */

static mw_status prepare_f32(mw_ctx *ctx, mwi_prepare_call *call)
{
    const attr *const a = call->attr;
    state *s;

    MWI_TRY(prepare_common(ctx, call, &s));
    MWI_TRY(mwi_act_range_f32(ctx, a->activation, &s->low, &s->high));
    return mwi_weights_blocks(ctx, call, 1, s->out, s->in, &s->weights);
}

static float clamp_f32(float v, float low, float high)
{
    v = v < low ? low : v;
    return v > high ? high : v;
}

static void blocks_f32(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const job *const j = arg;
    const state *const s = j->s;
    const float *const bias = j->bias;

    (void)thread;
    for (size_t b = begin; b < end; b++) {
        const float *f = j->blocks + b * s->in * BLOCK;
        float acc[BLOCK] = {0};
        for (size_t i = 0; i < s->in; i++, f += BLOCK)
            for (size_t c = 0; c < BLOCK; c++) acc[c] += j->x_f[i] * f[c];
        for (size_t c = 0; c < BLOCK && b * BLOCK + c < s->out; c++) {
            const size_t o = b * BLOCK + c;
            ((float *)j->call->out[0].data)[j->row * s->out + o] =
                clamp_f32(acc[c] + (bias == NULL ? 0.0f : bias[o]), s->low, s->high);
        }
    }
}

static mw_status run_f32(mw_ctx *ctx, const mwi_run_call *call)
{
    const state *const s = call->state;
    job j = {.s = s,
             .call = call,
             .blocks = mwi_weights_at_run(&s->weights, call),
             .bias = call->n_in > 2 ? call->in[2].data : NULL};

    (void)ctx;
    for (j.row = 0; j.row < s->batch; j.row++) {
        j.x_f = (const float *)call->in[0].data + j.row * s->in;
        mwi_par_for(call->pool, (s->out + BLOCK - 1) / BLOCK, 4, blocks_f32, &j);
    }
    return MW_OK;
}

/* ---- hybrid ---- */

static mw_status prepare_hybrid(mw_ctx *ctx, mwi_prepare_call *call)
{
    const attr *const a = call->attr;
    state *s;

    MWI_TRY(prepare_common(ctx, call, &s));
    MWI_TRY(mwi_act_range_f32(ctx, a->activation, &s->low, &s->high));
    MWI_TRY(mwi_need_scales(ctx, &call->in[1], "weights", s->out));
    s->scales = call->in[1].quant->q.scales;
    s->one_scale = call->in[1].quant->q.n_scales == 1;
    MWI_TRY(prepare_weights(ctx, call, s));
    s->values_at = call->scratch_bytes;
    return mwi_add(s->values_at, s->in, &call->scratch_bytes)
               ? MW_OK
               : mwi_fail(ctx, MW_ELIMIT, "rows of %zu values are too large", s->in);
}

static void units_hybrid(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const job *const j = arg;
    const state *const s = j->s;
    const float *const bias = j->bias;

    (void)thread;
    for (size_t c = begin; c < end; c++) {
        const float scale = j->scale * s->scales[s->one_scale ? 0 : c];
        const float sum = (float)mwi_dot_s16(j->x, j->weights + c * s->in, s->in) * scale;
        ((float *)j->call->out[0].data)[j->row * s->out + c] =
            clamp_f32((bias == NULL ? 0.0f : bias[c]) + sum, s->low, s->high);
    }
}

static mw_status run_hybrid(mw_ctx *ctx, const mwi_run_call *call)
{
    const state *const s = call->state;
    job j = {.s = s,
             .call = call,
             .x = call->scratch,
             .weights = mwi_weights_at_run(&s->weights, call),
             .bias = call->n_in > 2 ? call->in[2].data : NULL};
    int8_t *const q = (int8_t *)call->scratch + s->values_at;

    (void)ctx;
    for (j.row = 0; j.row < s->batch; j.row++) {
        const float *const x = (const float *)call->in[0].data + j.row * s->in;
        int32_t zero = 0;
        j.scale = s->asymmetric ? mwi_quantize_asymmetric(x, s->in, q, &zero)
                                : mwi_quantize_symmetric(x, s->in, q);
        mwi_widen(MW_INT8, q, s->in, zero, call->scratch);
        mwi_par_for(call->pool, s->out, ROWS_A_PIECE, units_hybrid, &j);
    }
    return MW_OK;
}

/* ---- blockwise int4: a float16 scale for each block of the last axis ---- */

static bool is_blockwise(const mwi_prepare_call *call)
{
    const mwi_quant *const q = call->in[1].quant;
    return q != NULL && q->q.block_size > 0 && call->in[1].data != NULL;
}

static bool is_not_blockwise(const mwi_prepare_call *call) { return !is_blockwise(call); }

/* The scales are a tensor of their own, float16 or float32. */
static float block_scale(const mwi_tensor *t, size_t i)
{
    return t->dtype == MW_FLOAT16 ? mwi_half_to_float(((const uint16_t *)t->data)[i])
                                  : ((const float *)t->data)[i];
}

static mw_status find_block_scales(mw_ctx *ctx, const mwi_prepare_call *call, size_t n,
                                   const mwi_tensor **out)
{
    const mwi_quant *const q = call->in[1].quant;
    size_t have = 0;

    if (call->graph == NULL || q->block_scales < 0 ||
        (size_t)q->block_scales >= call->graph->n_tensors)
        return mwi_fail(ctx, MW_EFORMAT, "blockwise weights without a tensor of scales");
    if (q->block_zero_points >= 0)
        return mwi_fail(ctx, MW_EUNSUPPORTED, "blockwise weights with zero points");
    const mwi_tensor *const t = call->graph->tensors[q->block_scales];
    if ((t->dtype != MW_FLOAT16 && t->dtype != MW_FLOAT32) || t->data == NULL ||
        t->sparsity != NULL || !mwi_dims_count(t->rank, t->dims, &have) || have != n)
        return mwi_fail(
            ctx, MW_EFORMAT,
            "block scales '%s' are %zu values of %s, needed are %zu constants of float16 or "
            "float32",
            t->name, have, mw_dtype_name(t->dtype), n);
    for (size_t i = 0; i < n; i++)
        if (!isfinite(block_scale(t, i)))
            return mwi_fail(ctx, MW_EFORMAT, "block scale %zu is %g", i, (double)block_scale(t, i));
    *out = t;
    return MW_OK;
}

static void fill_block_scales(const void *arg, void *out)
{
    const mwi_tensor *const t = arg;
    size_t n = 0;

    (void)mwi_dims_count(t->rank, t->dims, &n);
    for (size_t i = 0; i < n; i++) ((float *)out)[i] = block_scale(t, i);
}

static mw_status prepare_blockwise(mw_ctx *ctx, mwi_prepare_call *call)
{
    const attr *const a = call->attr;
    const mwi_tensor *scales = NULL;
    const void *made;
    state *s;

    MWI_TRY(prepare_common(ctx, call, &s));
    MWI_TRY(mwi_act_range_f32(ctx, a->activation, &s->low, &s->high));
    s->block = (size_t)call->in[1].quant->q.block_size;
    if (s->in % s->block != 0)
        return mwi_fail(ctx, MW_EFORMAT, "blocks of %zu do not cut weights [%zu,%zu] evenly",
                        s->block, s->out, s->in);
    const size_t n = s->out * (s->in / s->block);
    MWI_TRY(mwi_weights_s8(ctx, call, 1, &s->weights));
    MWI_TRY(find_block_scales(ctx, call, n, &scales));
    MWI_TRY(mwi_pack(ctx, call, "block scales", &call->in[1], 0, 0, n * sizeof(float),
                     fill_block_scales, scales, &made));
    s->block_scales = made;
    call->scratch_bytes = s->in;
    return MW_OK;
}

static mw_status run_blockwise(mw_ctx *ctx, const mwi_run_call *call)
{
    const state *const s = call->state;
    const float *const bias = call->n_in > 2 ? call->in[2].data : NULL;
    const size_t n_blocks = s->in / s->block;
    const int8_t *const values = mwi_weights_at_run(&s->weights, call);
    int8_t *const q = call->scratch;

    (void)ctx;
    for (size_t row = 0; row < s->batch; row++) {
        int32_t zero;
        const float scale =
            mwi_quantize_asymmetric((const float *)call->in[0].data + row * s->in, s->in, q, &zero);
        for (size_t c = 0; c < s->out; c++) {
            float sum = 0, weights = 0; /* in LiteRT's order, so that the floats are the same */
            for (size_t b = 0; b < n_blocks; b++) {
                const int8_t *const f = values + c * s->in + b * s->block;
                const float block_scale = s->block_scales[c * n_blocks + b];
                uint32_t dot = 0, total = 0;
                for (size_t i = 0; i < s->block; i++) {
                    dot += (uint32_t)(q[b * s->block + i] * f[i]);
                    total += (uint32_t)f[i];
                }
                sum += (float)(int32_t)dot * block_scale;
                weights += block_scale * (float)(int32_t)total;
            }
            sum = (sum - (float)zero * weights) * scale;
            if (bias != NULL) sum += bias[c];
            ((float *)call->out[0].data)[row * s->out + c] = clamp_f32(sum, s->low, s->high);
        }
    }
    return MW_OK;
}

/* ---- the row ---- */

static int32_t version(const mwi_shape_call *call)
{
    const attr *const a = call->attr;
    const mwi_view *const x = &call->in[0], *const f = &call->in[1];
    const bool hybrid = x->dtype == MW_FLOAT32 &&
                        (f->dtype == MW_INT8 || f->dtype == MW_UINT8 || f->dtype == MW_INT4);

    if (f->dtype == MW_INT2) return 14;
    if (f->quant != NULL && f->quant->q.block_size > 0) return 13;
    if (f->dtype == MW_INT4) return f->quant != NULL && f->quant->q.n_scales > 1 ? 12 : 10;
    if (f->quant != NULL && f->quant->q.n_scales > 1 &&
        (x->dtype == MW_INT8 || x->dtype == MW_INT16 || hybrid))
        return 12;
    if (x->dtype == MW_INT16 && call->n_in > 2 && call->in[2].tensor != NULL &&
        call->in[2].dtype == MW_INT32)
        return 11;
    if (f->tensor != NULL && f->tensor->sparsity != NULL) return 8;
    if (x->dtype == MW_INT16) return 7;
    if (call->n_in < 3 || call->in[2].tensor == NULL) return hybrid && a->asymmetric ? 9 : 6;
    if (x->dtype == MW_INT8) return a->keep_num_dims ? 5 : 4;
    if (hybrid) return a->asymmetric ? 9 : 3;
    return a->keep_num_dims ? 5 : 1;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_fully_connected__ref",
     .types = "f32,f32,f32?>f32",
     .prepare = prepare_f32,
     .run = run_f32},
    {.name = "s8_fully_connected__ref",
     .types = "i8,i8,i32?>i8",
     .prepare = prepare_int,
     .run = run_int},
    {.name = "u8_fully_connected__ref",
     .types = "u8,u8,i32?>u8",
     .prepare = prepare_int,
     .run = run_int},
    {.name = "u8_fully_connected_s16__ref",
     .types = "u8,u8,i32?>i16",
     .prepare = prepare_int,
     .run = run_int},
    {.name = "s16_s8_fully_connected__ref",
     .types = "i16,i8,i64?>i16",
     .prepare = prepare_int,
     .run = run_int},
    {.name = "s16_s8_fully_connected_b32__ref",
     .types = "i16,i8,i32>i16",
     .prepare = prepare_int,
     .run = run_int},
    {.name = "s16_fully_connected__ref",
     .types = "i16,i16,i64?>i16",
     .prepare = prepare_int,
     .run = run_int},
    {.name = "s16_fully_connected_b32__ref",
     .types = "i16,i16,i32>i16",
     .prepare = prepare_int,
     .run = run_int},
    {.name = "s8_s4_fully_connected__ref",
     .types = "i8,i4,i32?>i8",
     .prepare = prepare_int,
     .run = run_int},
    {.name = "s8_s2_fully_connected__ref",
     .types = "i8,i2,i32?>i8",
     .prepare = prepare_int,
     .run = run_int},
    {.name = "s16_s4_fully_connected__ref",
     .types = "i16,i4,i64?>i16",
     .prepare = prepare_int,
     .run = run_int},
    {.name = "s16_s4_fully_connected_b32__ref",
     .types = "i16,i4,i32>i16",
     .prepare = prepare_int,
     .run = run_int},
    {.name = "f32_s4_fully_connected_block__ref",
     .types = "f32,i4,f32?>f32",
     .accepts = is_blockwise,
     .prepare = prepare_blockwise,
     .run = run_blockwise},
    {.name = "f32_s8_fully_connected__ref",
     .types = "f32,i8,f32?>f32",
     .prepare = prepare_hybrid,
     .run = run_hybrid},
    {.name = "f32_s4_fully_connected__ref",
     .types = "f32,i4,f32?>f32",
     .accepts = is_not_blockwise,
     .prepare = prepare_hybrid,
     .run = run_hybrid},
    {.name = "f32_s2_fully_connected__ref",
     .types = "f32,i2,f32?>f32",
     .prepare = prepare_hybrid,
     .run = run_hybrid},
    {.name = NULL},
};

static const mwi_quant_rule quant = {
    .quantizable = true, .weight = 1, .axis = 0, .bias = 2, .data_inputs = {0, -1}};

static const mwi_linear linear = {.value = 0,
                                  .weight = 1,
                                  .bias = 2,
                                  .rank = 2,
                                  .out_axis = 0,
                                  .in_axis = 1,
                                  .flattens = true,
                                  .sparse_f32 = 1 | 2};

/* As matrices of rows: dx = dy . w, dw = transposed dy . x. */
static mw_status as_rows(mw_ctx *ctx, const mwi_emitter *at, int32_t t, int32_t columns,
                         int32_t *out)
{
    const mwi_tensor *const v = at->graph->tensors[t];
    int32_t shape;

    *out = t;
    if (v->rank == 2 && v->dims[1] == columns) return MW_OK;
    MWI_TRY(mwi_emit_ints(ctx, at, (const int32_t[]){-1, columns}, 2, &shape));
    return mwi_emit2(ctx, at, &mwi_op_reshape, t, shape, out);
}

static mw_status gradient(mw_ctx *ctx, mwi_gradient_call *call)
{
    const int32_t *const in = call->at.op->in;
    const int32_t *const w = call->at.graph->tensors[in[1]]->dims;
    int32_t dy, x;

    MWI_TRY(mwi_gradient_of_sum(ctx, call, &dy));
    MWI_TRY(as_rows(ctx, &call->at, dy, w[0], &dy));
    MWI_TRY(as_rows(ctx, &call->at, in[0], w[1], &x));
    if (call->wanted[0]) {
        MWI_TRY(mwi_emit2(ctx, &call->at, &mwi_op_batch_matmul, dy, in[1], &call->d_in[0]));
        if (x != in[0])
            MWI_TRY(mwi_emit_reshape_like(ctx, &call->at, call->d_in[0], in[0], &call->d_in[0]));
    }
    if (call->wanted[1])
        MWI_TRY(mwi_emit(ctx, &call->at, &mwi_op_batch_matmul, MWI_IN(dy, x),
                         MWI_SET({"adj_x", 1, NULL}), &call->d_in[1]));
    return mwi_gradient_of_bias(ctx, call, 2, dy);
}

const mwi_op_desc mwi_op_fully_connected = {
    .name = "FULLY_CONNECTED",
    .tflite_code = 9,
    .options_type = 8,
    .min_in = 2,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_FUSES_ACT | MWI_OP_PER_SAMPLE,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .quant = &quant,
    .linear = &linear,
    .infer = infer,
    .gradient = gradient,
    .macs = macs,
    .version = version,
};
