/* ops/transpose_conv.c - TRANSPOSE_CONV: output shape [4], weights [out,kh,kw,in], x [n,h,w,in],
 * bias [out]?. The gradient of a convolution: each input pixel adds a filter's window of values to
 * the output. For one row of the filter those values lie side by side in an output row, in the
 * weights repacked as [kh][in][kw][out]; rows of the output are made apart, so that threads never
 * share a sum.
 * Depends: ops/fixed.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/fixed.h"
#include "ops/shapes.h"
#include "ops/weights.h"

#include "base/checked.h"

#include <string.h>

typedef struct attr {
    int32_t padding, stride_w, stride_h, activation, bias_type;
} attr;

static const mwi_field fields[] = {
    {"padding", offsetof(attr, padding), MWI_FIELD_ENUM, 0, 0, 0, 1, mwi_padding_names},
    {"stride_w", offsetof(attr, stride_w), MWI_FIELD_I32, 1, 0, 1, INT16_MAX, NULL},
    {"stride_h", offsetof(attr, stride_h), MWI_FIELD_I32, 2, 0, 1, INT16_MAX, NULL},
    {"fused_activation_function", offsetof(attr, activation), MWI_FIELD_ENUM, 3, 0, 0, 5,
     mwi_activation_names},
    {"quantized_bias_type", offsetof(attr, bias_type), MWI_FIELD_ENUM, 4, 0, 0, 127, NULL},
    MWI_FIELDS_END,
};

enum { SHAPE, WEIGHTS, X, BIAS };

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    int32_t dims[4];

    MWI_TRY(mwi_need_input(ctx, call, SHAPE, 1, 1));
    MWI_TRY(mwi_need_input(ctx, call, WEIGHTS, 4, 4));
    MWI_TRY(mwi_need_input(ctx, call, X, 4, 4));
    const mwi_view *const shape = &call->in[SHAPE], *const f = &call->in[WEIGHTS],
                          *const x = &call->in[X];
    if (shape->dtype != MW_INT32 || shape->dims[0] != 4)
        return mwi_fail(ctx, MW_EFORMAT, "the output shape is %d values of %s, allowed 4 of int32",
                        shape->dims[0], mw_dtype_name(shape->dtype));
    for (int i = 1; i < 4; i++)
        if (x->dims[i] < 1 || f->dims[i - 1] < 1)
            return mwi_fail(ctx, MW_EFORMAT, "an empty dimension of the input or the weights");
    if (f->dims[3] != x->dims[3])
        return mwi_fail(ctx, MW_EFORMAT, "%d input channels do not fit weights [%d,%d,%d,%d]",
                        x->dims[3], f->dims[0], f->dims[1], f->dims[2], f->dims[3]);
    if (call->n_in > BIAS && call->in[BIAS].tensor != NULL) {
        size_t n = 0;
        if (!mwi_dims_count(call->in[BIAS].rank, call->in[BIAS].dims, &n) ||
            n != (size_t)f->dims[0])
            return mwi_fail(ctx, MW_EFORMAT, "bias has %zu values for %d output channels", n,
                            f->dims[0]);
    }
    if (shape->data == NULL) {
        call->unknown = true;
        return MW_OK;
    }
    memcpy(dims, shape->data, sizeof dims);
    if (dims[0] != x->dims[0] || dims[1] < 0 || dims[2] < 0 || dims[3] != f->dims[0])
        return mwi_fail(ctx, MW_EFORMAT,
                        "output shape [%d,%d,%d,%d] for a batch of %d and %d output channels",
                        dims[0], dims[1], dims[2], dims[3], x->dims[0], f->dims[0]);
    mwi_view_set_dims(&call->out[0], 4, dims);
    return MW_OK;
}

static uint64_t macs(const mwi_shape_call *call)
{
    const int32_t *const f = call->in[WEIGHTS].dims;
    return mwi_view_count(&call->in[X]) * (uint64_t)f[0] * (uint64_t)f[1] * (uint64_t)f[2];
}

/* ---- what all kernels share ---- */

typedef struct state {
    int32_t in_h, in_w, out_h, out_w, filter_h, filter_w, stride_h, stride_w;
    int64_t pad_top, pad_left;
    size_t batch, in_c, out_c, item; /* item: elements of an input item */
    size_t row_bytes, rows_at; /* scratch: the input item; a row of sums for each thread; weights */
    mwi_requant rq;
    bool narrow; /* int16 values with sums of 32 bits */
    float low, high;
    const float *scales;
    bool one_scale;
    mwi_weights weights; /* [kh][in][kw][out], int16 or float */
} state;

/* Padding of the convolution that leads from the output to the input. */
static int64_t pad_of(int32_t out, int32_t filter, int32_t stride, int32_t padding)
{
    const int64_t n = padding == MWI_PADDING_SAME ? ((int64_t)out + stride - 1) / stride
                                                  : ((int64_t)out + stride - filter) / stride;
    const int64_t total = (n - 1) * stride + filter - out;
    return total > 0 ? total / 2 : 0;
}

/* [out][kh][kw][in] to [kh][in][kw][out]. */
#define REPACK(name, type, out_type, value)                                                        \
    static void name(const mwi_weights *w, const void *from, void *to)                             \
    {                                                                                              \
        const size_t n_out = w->shape[0], kh = w->shape[1], kw = w->shape[2], n_in = w->shape[3];  \
        const type *in = from;                                                                     \
        out_type *const out = to;                                                                  \
        for (size_t o = 0; o < n_out; o++)                                                         \
            for (size_t y = 0; y < kh; y++)                                                        \
                for (size_t x = 0; x < kw; x++)                                                    \
                    for (size_t i = 0; i < n_in; i++, in++)                                        \
                        out[((y * n_in + i) * kw + x) * n_out + o] = (out_type)(value);            \
    }
REPACK(repack_f32, float, float, *in)
REPACK(repack_s8, int8_t, int16_t, *in - w->zero)
REPACK(repack_u8, uint8_t, int16_t, *in - w->zero)

/* sum_bytes, item_bytes: of one sum, and one value of the copied input. */
static mw_status prepare_common(mw_ctx *ctx, mwi_prepare_call *call, size_t sum_bytes,
                                size_t item_bytes, state **out)
{
    const attr *const a = call->attr;
    const mwi_view *const x = &call->in[X], *const f = &call->in[WEIGHTS], *const y = &call->out[0];
    void *memory;
    size_t rows;

    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(state), &memory));
    state *const s = call->state = *out = memory;
    *s = (state){.in_h = x->dims[1],
                 .in_w = x->dims[2],
                 .out_h = y->dims[1],
                 .out_w = y->dims[2],
                 .filter_h = f->dims[1],
                 .filter_w = f->dims[2],
                 .stride_h = a->stride_h,
                 .stride_w = a->stride_w,
                 .pad_top = pad_of(y->dims[1], f->dims[1], a->stride_h, a->padding),
                 .pad_left = pad_of(y->dims[2], f->dims[2], a->stride_w, a->padding),
                 .batch = (size_t)x->dims[0],
                 .in_c = (size_t)x->dims[3],
                 .out_c = (size_t)f->dims[0]};
    s->item = s->batch == 0 ? 0 : mwi_view_count(x) / s->batch;
    if (!mwi_mul((size_t)s->out_w, s->out_c, &rows) || !mwi_mul(rows, sum_bytes, &s->row_bytes) ||
        !mwi_align_up(s->row_bytes, 64, &s->row_bytes) ||
        !mwi_mul(s->item, item_bytes, &s->rows_at) || !mwi_align_up(s->rows_at, 64, &s->rows_at) ||
        !mwi_mul(s->row_bytes, call->n_threads, &rows) ||
        !mwi_add(s->rows_at, rows, &call->scratch_bytes))
        return mwi_fail(ctx, MW_ELIMIT, "the output is too large");
    return MW_OK;
}

static mw_status prepare_weights(mw_ctx *ctx, mwi_prepare_call *call, state *s)
{
    const mwi_view *const f = &call->in[WEIGHTS];
    const bool floats = f->dtype == MW_FLOAT32;
    mwi_weights *const w = &s->weights;

    *w = (mwi_weights){
        .repack = floats                 ? repack_f32
                  : f->dtype == MW_UINT8 ? repack_u8
                                         : repack_s8,
        .input = WEIGHTS,
        .dtype = f->dtype,
        .zero = s->rq.weight_zero,
        .n = mwi_view_count(f),
        .shape = {(size_t)f->dims[0], (size_t)f->dims[1], (size_t)f->dims[2], (size_t)f->dims[3]}};
    if (!mwi_mul(w->n, floats ? sizeof(float) : sizeof(int16_t), &w->bytes))
        return mwi_fail(ctx, MW_ELIMIT, "the weights are too large");
    return mwi_weights_make(ctx, call, "kh in kw out", 0, w);
}

typedef struct job {
    const state *s;
    const mwi_run_call *call;
    const void *x, *weights, *bias;
    char *out;
    float scale; /* hybrid */
} job;

/* ---- sums of one output row ---- */

/* For each input row that reaches output row `row`: the row of the filter through which it does. */
static bool reach(const state *s, int64_t row, int32_t in_y, int64_t *filter_y)
{
    *filter_y = row + s->pad_top - (int64_t)in_y * s->stride_h;
    return *filter_y >= 0 && *filter_y < s->filter_h;
}

static int32_t first_input_row(const state *s, int64_t row)
{
    const int64_t first = row + s->pad_top - s->filter_h + 1;
    return first <= 0 ? 0 : (int32_t)((first + s->stride_h - 1) / s->stride_h);
}

#define SUM_ROW(name, x_type, w_type, product, sum_type)                                           \
    static void name(const job *j, size_t row, sum_type *sums)                                     \
    {                                                                                              \
        const state *const s = j->s;                                                               \
        const size_t n = (size_t)s->filter_w * s->out_c;                                           \
        int64_t fy;                                                                                \
        memset(sums, 0, (size_t)s->out_w * s->out_c * sizeof *sums);                               \
        for (int32_t y = first_input_row(s, (int64_t)row);                                         \
             y < s->in_h && reach(s, (int64_t)row, y, &fy); y++) {                                 \
            const x_type *x = (const x_type *)j->x + (size_t)y * (size_t)s->in_w * s->in_c;        \
            for (int32_t c = 0; c < s->in_w; c++, x += s->in_c) {                                  \
                const int64_t at = (int64_t)c * s->stride_w - s->pad_left;                         \
                const int64_t end = at + s->filter_w > s->out_w ? s->out_w : at + s->filter_w;     \
                if (end <= 0 || end <= at) continue;                                               \
                const size_t skip = at < 0 ? (size_t)-at * s->out_c : 0;                           \
                const size_t count = (size_t)(end - (at < 0 ? 0 : at)) * s->out_c;                 \
                const w_type *w = (const w_type *)j->weights + (size_t)fy * s->in_c * n + skip;    \
                sum_type *const to = sums + (at < 0 ? 0 : (size_t)at * s->out_c);                  \
                for (size_t i = 0; i < s->in_c; i++, w += n)                                       \
                    for (size_t k = 0; k < count; k++) to[k] += (sum_type)((product)x[i] * w[k]);  \
            }                                                                                      \
        }                                                                                          \
    }
SUM_ROW(sum_row_f32, float, float, float, float)
SUM_ROW(sum_row_s32, int16_t, int16_t, int32_t, uint32_t)
SUM_ROW(sum_row_s64, int16_t, int16_t, int32_t, int64_t)

static void *sums_of(const job *j, uint32_t thread)
{
    return (char *)j->call->scratch + j->s->rows_at + thread * j->s->row_bytes;
}

static float clamp_f32(float v, float low, float high)
{
    v = v < low ? low : v;
    return v > high ? high : v;
}

static void rows_f32(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const job *const j = arg;
    const state *const s = j->s;
    const float *const bias = j->bias;
    float *const sums = sums_of(j, thread);
    const size_t n = (size_t)s->out_w * s->out_c;

    for (size_t row = begin; row < end; row++) {
        float *const out = (float *)(void *)j->out + row * n;
        sum_row_f32(j, row, sums);
        for (size_t i = 0; i < n; i++)
            out[i] =
                clamp_f32(sums[i] + (bias == NULL ? 0.0f : bias[i % s->out_c]), s->low, s->high);
    }
}

static void rows_hybrid(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const job *const j = arg;
    const state *const s = j->s;
    const float *const bias = j->bias;
    uint32_t *const sums = sums_of(j, thread);
    const size_t n = (size_t)s->out_w * s->out_c;

    for (size_t row = begin; row < end; row++) {
        float *const out = (float *)(void *)j->out + row * n;
        sum_row_s32(j, row, sums);
        for (size_t i = 0; i < n; i++) {
            const size_t c = i % s->out_c;
            const float v = (float)(int32_t)sums[i] * s->scales[s->one_scale ? 0 : c] * j->scale;
            out[i] = clamp_f32(v + (bias == NULL ? 0.0f : bias[c]), s->low, s->high);
        }
    }
}

static void rows_8(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const job *const j = arg;
    const state *const s = j->s;
    const int32_t *const bias = j->bias;
    uint32_t *const sums = sums_of(j, thread);
    const size_t n = (size_t)s->out_w * s->out_c;

    for (size_t row = begin; row < end; row++) {
        uint8_t *const out = (uint8_t *)j->out + row * n; /* the same byte for int8 */
        sum_row_s32(j, row, sums);
        for (size_t i = 0; i < n; i++) {
            const size_t c = i % s->out_c;
            const int32_t sum = mwi_add32((int32_t)sums[i], bias == NULL ? 0 : bias[c]);
            out[i] =
                (uint8_t)mwi_clamp(mwi_add32(mwi_scale(sum, s->rq.channels[c]), s->rq.out_zero),
                                   s->rq.low, s->rq.high);
        }
    }
}

static void rows_16(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const job *const j = arg;
    const state *const s = j->s;
    int64_t *const sums = sums_of(j, thread);
    const size_t n = (size_t)s->out_w * s->out_c;

    for (size_t row = begin; row < end; row++) {
        int16_t *const out = (int16_t *)(void *)j->out + row * n;
        sum_row_s64(j, row, sums);
        for (size_t i = 0; i < n; i++) {
            const size_t c = i % s->out_c;
            const int64_t bias = j->bias == NULL ? 0
                                 : s->narrow     ? ((const int32_t *)j->bias)[c]
                                                 : ((const int64_t *)j->bias)[c];
            const int64_t sum = mwi_add64(sums[i], bias);
            const int32_t q = s->narrow ? mwi_scale((int32_t)sum, s->rq.channels[c])
                                        : mwi_scale64(sum, s->rq.channels[c]);
            out[i] = (int16_t)mwi_clamp(q, s->rq.low, s->rq.high);
        }
    }
}

/* ---- kernels ---- */

static mw_status prepare_f32(mw_ctx *ctx, mwi_prepare_call *call)
{
    state *s;

    MWI_TRY(prepare_common(ctx, call, sizeof(float), 0, &s));
    MWI_TRY(mwi_act_range_f32(ctx, ((const attr *)call->attr)->activation, &s->low, &s->high));
    return prepare_weights(ctx, call, s);
}

static mw_status prepare_int(mw_ctx *ctx, mwi_prepare_call *call)
{
    const attr *const a = call->attr;
    const bool wide = call->in[X].dtype == MW_INT16;
    const mwi_view *const bias =
        call->n_in > BIAS && call->in[BIAS].tensor != NULL ? &call->in[BIAS] : NULL;
    const mwi_view operands[] = {call->in[X], call->in[WEIGHTS]};
    mwi_prepare_call conv = *call;
    state *s;

    MWI_TRY(prepare_common(ctx, call, wide ? sizeof(int64_t) : sizeof(int32_t),
                           wide ? 0 : sizeof(int16_t), &s));
    conv.in = operands;
    conv.n_in = MWI_COUNT(operands);
    MWI_TRY(mwi_requant_make(ctx, &conv, s->out_c, 0, call->in[X].dtype == MW_UINT8, a->activation,
                             &s->rq));
    if (wide && (s->rq.in_zero != 0 || s->rq.out_zero != 0))
        return mwi_fail(ctx, MW_EFORMAT, "int16 values need zero point 0");
    if (call->in[WEIGHTS].dtype == MW_INT8) s->rq.weight_zero = 0;
    s->narrow = wide && (bias != NULL ? bias->dtype : (mw_dtype)a->bias_type) == MW_INT32;
    return prepare_weights(ctx, call, s);
}

static mw_status prepare_hybrid(mw_ctx *ctx, mwi_prepare_call *call)
{
    state *s;

    MWI_TRY(
        prepare_common(ctx, call, sizeof(int32_t), 3, &s)); /* int8 and int16 copies of the input */
    MWI_TRY(mwi_act_range_f32(ctx, ((const attr *)call->attr)->activation, &s->low, &s->high));
    MWI_TRY(mwi_need_scales(ctx, &call->in[WEIGHTS], "weights", s->out_c));
    s->scales = call->in[WEIGHTS].quant->q.scales;
    s->one_scale = call->in[WEIGHTS].quant->q.n_scales == 1;
    return prepare_weights(ctx, call, s);
}

static job job_of(const mwi_run_call *call)
{
    const state *const s = call->state;

    return (job){.s = s,
                 .call = call,
                 .weights = mwi_weights_at_run(&s->weights, call),
                 .bias = call->n_in > BIAS ? call->in[BIAS].data : NULL};
}

static void run_rows(job *j, size_t b, mwi_range_fn rows)
{
    const mwi_view *const out = &j->call->out[0];

    j->out = (char *)out->data + b * (out->bytes / j->s->batch);
    mwi_par_for(j->call->pool, (size_t)j->s->out_h, 1, rows, j);
}

static mw_status run_f32(mw_ctx *ctx, const mwi_run_call *call)
{
    const state *const s = call->state;
    job j = job_of(call);

    (void)ctx;
    for (size_t b = 0; b < s->batch; b++) {
        j.x = (const float *)call->in[X].data + b * s->item;
        run_rows(&j, b, rows_f32);
    }
    return MW_OK;
}

static mw_status run_8(mw_ctx *ctx, const mwi_run_call *call)
{
    const state *const s = call->state;
    const mwi_view *const x = &call->in[X];
    int16_t *const wide = call->scratch;
    job j = job_of(call);

    (void)ctx;
    j.x = wide;
    for (size_t b = 0; b < s->batch; b++) {
        for (size_t i = 0; i < s->item; i++)
            wide[i] =
                (int16_t)((x->dtype == MW_UINT8 ? ((const uint8_t *)x->data)[b * s->item + i]
                                                : ((const int8_t *)x->data)[b * s->item + i]) -
                          s->rq.in_zero);
        run_rows(&j, b, rows_8);
    }
    return MW_OK;
}

static mw_status run_16(mw_ctx *ctx, const mwi_run_call *call)
{
    const state *const s = call->state;
    job j = job_of(call);

    (void)ctx;
    for (size_t b = 0; b < s->batch; b++) {
        j.x = (const int16_t *)call->in[X].data + b * s->item;
        run_rows(&j, b, rows_16);
    }
    return MW_OK;
}

static mw_status run_hybrid(mw_ctx *ctx, const mwi_run_call *call)
{
    const state *const s = call->state;
    int16_t *const wide = call->scratch;
    int8_t *const narrow = (int8_t *)(wide + s->item);
    job j = job_of(call);

    (void)ctx;
    j.x = wide;
    for (size_t b = 0; b < s->batch; b++) {
        int32_t zero;
        j.scale = mwi_quantize_asymmetric((const float *)call->in[X].data + b * s->item, s->item,
                                          narrow, &zero);
        for (size_t i = 0; i < s->item; i++) wide[i] = (int16_t)(narrow[i] - zero);
        run_rows(&j, b, rows_hybrid);
    }
    return MW_OK;
}

/* ---- the row ---- */

static int32_t version(const mwi_shape_call *call)
{
    const attr *const a = call->attr;
    const bool biased = call->n_in > BIAS && call->in[BIAS].tensor != NULL;

    if (call->in[X].dtype == MW_INT16 && biased && call->in[BIAS].dtype == MW_INT32) return 5;
    if (a->activation != MWI_ACT_NONE) return 4;
    if (biased) return 3;
    return call->in[WEIGHTS].dtype == MW_INT8 ? 2 : 1;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_transpose_conv__ref",
     .types = "i32,f32,f32,f32?>f32",
     .prepare = prepare_f32,
     .run = run_f32},
    {.name = "s8_transpose_conv__ref",
     .types = "i32,i8,i8,i32?>i8",
     .prepare = prepare_int,
     .run = run_8},
    {.name = "u8_transpose_conv__ref",
     .types = "i32,u8,u8,i32?>u8",
     .prepare = prepare_int,
     .run = run_8},
    {.name = "s16_s8_transpose_conv__ref",
     .types = "i32,i8,i16,i64|i32?>i16",
     .prepare = prepare_int,
     .run = run_16},
    {.name = "f32_s8_transpose_conv__ref",
     .types = "i32,i8,f32,f32?>f32",
     .prepare = prepare_hybrid,
     .run = run_hybrid},
    {.name = NULL},
};

static const mwi_quant_rule quant = {
    .quantizable = true, .weight = WEIGHTS, .axis = 0, .bias = BIAS, .data_inputs = {X, -1}};

static const mwi_linear linear = {.value = X,
                                  .weight = WEIGHTS,
                                  .bias = BIAS,
                                  .rank = 4,
                                  .out_axis = 0,
                                  .in_axis = 3,
                                  .transposed = true};
static const mwi_windows windows = {
    .n = 2, .weight_axis = {1, 2}, .stride = {"stride_h", "stride_w"}};

/* It is itself the gradient of a convolution: dx is CONV_2D of dy by the weights with outputs and
 * inputs exchanged, dw is that convolution's weights' gradient. */
static mw_status gradient(mw_ctx *ctx, mwi_gradient_call *call)
{
    static const int32_t exchange[] = {3, 1, 2, 0};
    const mwi_emitter *const at = &call->at;
    const int32_t *const in = at->op->in;
    int32_t dy, order, w;

    MWI_TRY(mwi_gradient_of_sum(ctx, call, &dy));
    MWI_TRY(mwi_emit_ints(ctx, at, exchange, 4, &order));
    MWI_TRY(mwi_emit2(ctx, at, &mwi_op_transpose, in[WEIGHTS], order, &w));
    const attr *const a = at->op->attr;
    const mwi_setting *const window =
        MWI_SET({"padding", a->padding, NULL}, {"stride_h", a->stride_h, NULL},
                {"stride_w", a->stride_w, NULL});
    if (call->wanted[X])
        MWI_TRY(mwi_emit(ctx, at, &mwi_op_conv_2d, MWI_IN(dy, w), window, &call->d_in[X]));
    if (call->wanted[WEIGHTS]) {
        MWI_TRY(
            mwi_emit(ctx, at, &mwi_op_conv_2d_backprop_filter, MWI_IN(dy, in[X], w), window, &w));
        MWI_TRY(mwi_emit2(ctx, at, &mwi_op_transpose, w, order, &call->d_in[WEIGHTS]));
    }
    return mwi_gradient_of_bias(ctx, call, BIAS, dy);
}

const mwi_op_desc mwi_op_transpose_conv = {
    .name = "TRANSPOSE_CONV",
    .tflite_code = 67,
    .options_type = 49,
    .min_in = 3,
    .max_in = 4,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_FUSES_ACT,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .quant = &quant,
    .linear = &linear,
    .windows = &windows,
    .infer = infer,
    .gradient = gradient,
    .macs = macs,
    .version = version,
};
