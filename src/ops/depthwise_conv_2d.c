/* ops/depthwise_conv_2d.c - DEPTHWISE_CONV_2D: x [n,h,w,c], weights [1,kh,kw,c*m], bias [c*m]?.
 * Output channel o reads input channel o / m. Loops run over blocks of channels beside each other,
 * taps outside.
 * Depends: ops/window, ops/weights, ops/fixed.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/conv_backprop.h"
#include "ops/fixed.h"
#include "ops/shapes.h"
#include "ops/weights.h"
#include "ops/window.h"

#include "base/checked.h"

#include <string.h>

enum { BLOCK = 64 };

typedef struct attr {
    int32_t padding, stride_w, stride_h, multiplier, activation, dilation_w, dilation_h;
} attr;

static const mwi_field fields[] = {
    {"padding", offsetof(attr, padding), MWI_FIELD_ENUM, 0, 0, 0, 1, mwi_padding_names},
    {"stride_w", offsetof(attr, stride_w), MWI_FIELD_I32, 1, 0, 1, INT32_MAX, NULL},
    {"stride_h", offsetof(attr, stride_h), MWI_FIELD_I32, 2, 0, 1, INT32_MAX, NULL},
    {"depth_multiplier", offsetof(attr, multiplier), MWI_FIELD_I32, 3, 0, 0, INT32_MAX, NULL},
    {"fused_activation_function", offsetof(attr, activation), MWI_FIELD_ENUM, 4, 0, 0, 5,
     mwi_activation_names},
    {"dilation_w_factor", offsetof(attr, dilation_w), MWI_FIELD_I32, 5, 1, 1, INT32_MAX, NULL},
    {"dilation_h_factor", offsetof(attr, dilation_h), MWI_FIELD_I32, 6, 1, 1, INT32_MAX, NULL},
    MWI_FIELDS_END,
};

static mw_status window_of(mw_ctx *ctx, const attr *a, const mwi_view *in, mwi_window *w)
{
    *w = (mwi_window){.filter_h = in[1].dims[1],
                      .filter_w = in[1].dims[2],
                      .stride_h = a->stride_h,
                      .stride_w = a->stride_w,
                      .dilation_h = a->dilation_h,
                      .dilation_w = a->dilation_w};
    return mwi_window_make(ctx, &in[0], a->padding, w);
}

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    mwi_window w;

    MWI_TRY(mwi_need_input(ctx, call, 0, 4, 4));
    MWI_TRY(mwi_need_input(ctx, call, 1, 4, 4));
    const mwi_view *const x = &call->in[0], *const f = &call->in[1];
    const int32_t in_c = x->dims[3], out_c = f->dims[3];
    /* The multiplier follows from the shapes; old files leave the attribute at 0. */
    if (f->dims[0] != 1 || in_c < 1 || out_c % in_c != 0 || out_c < in_c)
        return mwi_fail(ctx, MW_EFORMAT, "%d input channels do not fit weights [%d,%d,%d,%d]", in_c,
                        f->dims[0], f->dims[1], f->dims[2], out_c);
    if (call->n_in > 2 && call->in[2].tensor != NULL) {
        size_t n = 0;
        if (!mwi_dims_count(call->in[2].rank, call->in[2].dims, &n) || n != (size_t)out_c)
            return mwi_fail(ctx, MW_EFORMAT, "bias has %zu values for %d output channels", n,
                            out_c);
    }
    MWI_TRY(window_of(ctx, call->attr, call->in, &w));
    mwi_view_set_dims(&call->out[0], 4, (const int32_t[]){x->dims[0], w.out_h, w.out_w, out_c});
    return MW_OK;
}

static uint64_t macs(const mwi_shape_call *call)
{
    return mwi_view_count(&call->out[0]) * (uint64_t)call->in[1].dims[1] *
           (uint64_t)call->in[1].dims[2];
}

typedef struct state {
    mwi_window w;
    size_t out_c, multiplier, padded;
    mwi_requant rq;
    mwi_weights weights; /* int16; floats are read as they are */
    size_t values_at;    /* hybrid: the quantized input, in the scratch */
    float low, high;
    const float *scales; /* hybrid */
} state;

static mw_status prepare_common(mw_ctx *ctx, mwi_prepare_call *call, size_t element, state **out)
{
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(state), &memory));
    state *const s = memory;
    call->state = *out = s;
    MWI_TRY(window_of(ctx, call->attr, call->in, &s->w));
    s->out_c = (size_t)call->in[1].dims[3];
    s->multiplier = s->out_c / (size_t)s->w.in_c;
    s->weights.input = 1;
    if (!mwi_window_padded_count(&s->w, &s->padded) ||
        !mwi_mul(s->padded, element, &call->scratch_bytes))
        return mwi_fail(ctx, MW_ELIMIT, "the window is too large");
    return MW_OK;
}

static mw_status prepare_int(mw_ctx *ctx, mwi_prepare_call *call)
{
    const attr *const a = call->attr;
    state *s;

    MWI_TRY(prepare_common(ctx, call, sizeof(int16_t), &s));
    MWI_TRY(mwi_requant_make(ctx, call, s->out_c, 3, call->in[0].dtype == MW_UINT8, a->activation,
                             &s->rq));
    if (call->in[0].dtype == MW_INT16 && (s->rq.in_zero != 0 || s->rq.out_zero != 0))
        return mwi_fail(ctx, MW_EFORMAT, "int16 values need zero point 0");
    return mwi_weights_s16(ctx, call, 1, s->rq.weight_zero, &s->weights);
}

static mw_status prepare_f32(mw_ctx *ctx, mwi_prepare_call *call)
{
    const attr *const a = call->attr;
    state *s;

    MWI_TRY(prepare_common(ctx, call, sizeof(float), &s));
    return mwi_act_range_f32(ctx, a->activation, &s->low, &s->high);
}

static mw_status prepare_hybrid(mw_ctx *ctx, mwi_prepare_call *call)
{
    const attr *const a = call->attr;
    state *s;

    MWI_TRY(prepare_common(ctx, call, sizeof(int16_t), &s));
    MWI_TRY(mwi_act_range_f32(ctx, a->activation, &s->low, &s->high));
    MWI_TRY(mwi_need_scales(ctx, &call->in[1], "weights", s->out_c));
    s->scales = call->in[1].quant->q.scales;
    MWI_TRY(mwi_weights_s16(ctx, call, 1, 0, &s->weights));
    s->values_at = call->scratch_bytes;
    return mwi_add(s->values_at, (size_t)s->w.in_h * (size_t)s->w.in_w * (size_t)s->w.in_c,
                   &call->scratch_bytes)
               ? MW_OK
               : mwi_fail(ctx, MW_ELIMIT, "the input is too large");
}

typedef struct job {
    const state *s;
    const mwi_run_call *call;
    const int16_t *padded, *weights;
    const float *padded_f, *weights_f;
    char *out; /* of this batch item */
    float scale;
} job;

static size_t offset_of(const mwi_window *w, size_t y, size_t x)
{
    return (y * (size_t)w->padded_w + x) * (size_t)w->in_c;
}

/* Sums of channels [first, first + n), n <= BLOCK, over one window whose corner is at `at` in the
 * padded area. */
static void sums_s16(const job *j, size_t at, size_t first, size_t n, uint32_t *sums)
{
    const state *const s = j->s;
    const mwi_window *const w = &s->w;
    const int16_t *f = j->weights + first;

    memset(sums, 0, n * sizeof *sums);
    for (int32_t y = 0; y < w->filter_h; y++) {
        for (int32_t k = 0; k < w->filter_w; k++, f += s->out_c) {
            const int16_t *const x =
                j->padded + at +
                offset_of(w, (size_t)y * (size_t)w->dilation_h, (size_t)k * (size_t)w->dilation_w);
            if (s->multiplier == 1)
                for (size_t c = 0; c < n; c++) sums[c] += (uint32_t)((int32_t)x[first + c] * f[c]);
            else
                for (size_t c = 0; c < n; c++)
                    sums[c] += (uint32_t)((int32_t)x[(first + c) / s->multiplier] * f[c]);
        }
    }
}

static void sums_long(const job *j, size_t at, size_t first, size_t n, int64_t *sums)
{
    const state *const s = j->s;
    const mwi_window *const w = &s->w;
    const int16_t *f = j->weights + first;

    memset(sums, 0, n * sizeof *sums);
    for (int32_t y = 0; y < w->filter_h; y++) {
        for (int32_t k = 0; k < w->filter_w; k++, f += s->out_c) {
            const int16_t *const x =
                j->padded + at +
                offset_of(w, (size_t)y * (size_t)w->dilation_h, (size_t)k * (size_t)w->dilation_w);
            for (size_t c = 0; c < n; c++)
                sums[c] += (int32_t)x[(first + c) / s->multiplier] * f[c];
        }
    }
}

static void sums_f32(const job *j, size_t at, size_t first, size_t n, float *sums)
{
    const state *const s = j->s;
    const mwi_window *const w = &s->w;
    const float *f = j->weights_f + first;

    memset(sums, 0, n * sizeof *sums);
    for (int32_t y = 0; y < w->filter_h; y++) {
        for (int32_t k = 0; k < w->filter_w; k++, f += s->out_c) {
            const float *const x =
                j->padded_f + at +
                offset_of(w, (size_t)y * (size_t)w->dilation_h, (size_t)k * (size_t)w->dilation_w);
            if (s->multiplier == 1)
                for (size_t c = 0; c < n; c++) sums[c] += x[first + c] * f[c];
            else
                for (size_t c = 0; c < n; c++) sums[c] += x[(first + c) / s->multiplier] * f[c];
        }
    }
}

/* Calls `pixel` for every block of channels of rows [begin, end). */
typedef void (*pixel_fn)(const job *j, size_t at, size_t first, size_t n, size_t out);
static void walk(const job *j, size_t begin, size_t end, pixel_fn pixel)
{
    const state *const s = j->s;

    for (size_t y = begin; y < end; y++)
        for (size_t x = 0; x < (size_t)s->w.out_w; x++)
            for (size_t c = 0; c < s->out_c; c += BLOCK)
                pixel(j, offset_of(&s->w, y * (size_t)s->w.stride_h, x * (size_t)s->w.stride_w), c,
                      s->out_c - c < BLOCK ? s->out_c - c : BLOCK,
                      (y * (size_t)s->w.out_w + x) * s->out_c + c);
}

static void pixel_8(const job *j, size_t at, size_t first, size_t n, size_t out)
{
    const mwi_requant *const rq = &j->s->rq;
    const int32_t *const bias = j->call->n_in > 2 ? j->call->in[2].data : NULL;
    uint32_t sums[BLOCK];

    sums_s16(j, at, first, n, sums);
    for (size_t c = 0; c < n; c++) {
        const int32_t sum = mwi_add32((int32_t)sums[c], bias == NULL ? 0 : bias[first + c]);
        const int32_t q = mwi_clamp(
            mwi_add32(mwi_scale(sum, rq->channels[first + c]), rq->out_zero), rq->low, rq->high);
        ((uint8_t *)(void *)j->out)[out + c] = (uint8_t)q; /* the same byte for int8 */
    }
}

static void pixel_16(const job *j, size_t at, size_t first, size_t n, size_t out)
{
    const mwi_requant *const rq = &j->s->rq;
    const mwi_view *const bias =
        j->call->n_in > 2 && j->call->in[2].tensor != NULL ? &j->call->in[2] : NULL;
    int64_t sums[BLOCK];

    sums_long(j, at, first, n, sums);
    for (size_t c = 0; c < n; c++) {
        int32_t q;
        if (bias != NULL && bias->dtype == MW_INT32)
            q = mwi_scale(mwi_add32((int32_t)sums[c], ((const int32_t *)bias->data)[first + c]),
                          rq->channels[first + c]);
        else
            q = mwi_scale64(
                mwi_add64(sums[c], bias == NULL ? 0 : ((const int64_t *)bias->data)[first + c]),
                rq->channels[first + c]);
        ((int16_t *)(void *)j->out)[out + c] = (int16_t)mwi_clamp(q, rq->low, rq->high);
    }
}

static float clamp_f32(float v, float low, float high)
{
    v = v < low ? low : v;
    return v > high ? high : v;
}

static void pixel_f32(const job *j, size_t at, size_t first, size_t n, size_t out)
{
    const float *const bias = j->call->n_in > 2 ? j->call->in[2].data : NULL;
    float sums[BLOCK];

    sums_f32(j, at, first, n, sums);
    for (size_t c = 0; c < n; c++)
        ((float *)(void *)j->out)[out + c] =
            clamp_f32(sums[c] + (bias == NULL ? 0.0f : bias[first + c]), j->s->low, j->s->high);
}

static void pixel_hybrid(const job *j, size_t at, size_t first, size_t n, size_t out)
{
    const float *const bias = j->call->n_in > 2 ? j->call->in[2].data : NULL;
    const bool one_scale = j->call->in[1].quant->q.n_scales == 1;
    uint32_t sums[BLOCK];

    sums_s16(j, at, first, n, sums);
    for (size_t c = 0; c < n; c++) {
        const float v =
            (float)(int32_t)sums[c] * (j->s->scales[one_scale ? 0 : first + c] * j->scale);
        ((float *)(void *)j->out)[out + c] =
            clamp_f32(v + (bias == NULL ? 0.0f : bias[first + c]), j->s->low, j->s->high);
    }
}

#define ROWS(kind)                                                                                 \
    static void rows_##kind(void *arg, size_t begin, size_t end, uint32_t thread)                  \
    {                                                                                              \
        (void)thread;                                                                              \
        walk(arg, begin, end, pixel_##kind);                                                       \
    }
ROWS(8)
ROWS(16)
ROWS(f32)
ROWS(hybrid)

static job job_of(const mwi_run_call *call)
{
    const state *const s = call->state;
    const void *const weights = mwi_weights_at_run(&s->weights, call);

    return (job){.s = s,
                 .call = call,
                 .padded = call->scratch,
                 .padded_f = call->scratch,
                 .weights = weights,
                 .weights_f = weights};
}

static mw_status run_int(mw_ctx *ctx, const mwi_run_call *call)
{
    const state *const s = call->state;
    job j = job_of(call);
    const size_t n = (size_t)(s->w.batch > 0 ? s->w.batch : 1);

    (void)ctx;
    for (int32_t b = 0; b < s->w.batch; b++) {
        mwi_window_pad_s16(&s->w, call->in[0].dtype,
                           (const char *)call->in[0].data + (size_t)b * (call->in[0].bytes / n),
                           s->rq.in_zero, call->scratch);
        j.out = (char *)call->out[0].data + (size_t)b * (call->out[0].bytes / n);
        mwi_par_for(call->pool, (size_t)s->w.out_h, 1,
                    call->in[0].dtype == MW_INT16 ? rows_16 : rows_8, &j);
    }
    return MW_OK;
}

static mw_status run_f32(mw_ctx *ctx, const mwi_run_call *call)
{
    const state *const s = call->state;
    job j = job_of(call);
    const size_t n = (size_t)(s->w.batch > 0 ? s->w.batch : 1);

    (void)ctx;
    for (int32_t b = 0; b < s->w.batch; b++) {
        const char *const item =
            (const char *)call->in[0].data + (size_t)b * (call->in[0].bytes / n);
        mwi_window_pad_f32(&s->w, (const float *)(const void *)item, call->scratch);
        j.out = (char *)call->out[0].data + (size_t)b * (call->out[0].bytes / n);
        mwi_par_for(call->pool, (size_t)s->w.out_h, 1, rows_f32, &j);
    }
    return MW_OK;
}

static mw_status run_hybrid(mw_ctx *ctx, const mwi_run_call *call)
{
    const state *const s = call->state;
    job j = job_of(call);
    const size_t n = (size_t)(s->w.batch > 0 ? s->w.batch : 1),
                 item = call->in[0].bytes / n / sizeof(float);
    int8_t *const q = (int8_t *)call->scratch + s->values_at;

    (void)ctx;
    for (int32_t b = 0; b < s->w.batch; b++) {
        int32_t zero;
        j.scale = mwi_quantize_asymmetric((const float *)call->in[0].data + (size_t)b * item, item,
                                          q, &zero);
        mwi_window_pad_s16(&s->w, MW_INT8, q, zero, call->scratch);
        j.out = (char *)call->out[0].data + (size_t)b * (call->out[0].bytes / n);
        mwi_par_for(call->pool, (size_t)s->w.out_h, 1, rows_hybrid, &j);
    }
    return MW_OK;
}

static int32_t version(const mwi_shape_call *call)
{
    const attr *const a = call->attr;
    const mwi_view *const x = &call->in[0], *const f = &call->in[1];

    if (f->dtype == MW_INT4) return 7;
    if (x->dtype == MW_INT16) return 5;
    if (x->dtype == MW_FLOAT32 && f->dtype == MW_INT8)
        return f->quant != NULL && f->quant->q.n_scales > 1 ? 6 : 4;
    if (x->dtype == MW_INT8) return 3;
    return a->dilation_w != 1 || a->dilation_h != 1 ? 2 : 1;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_depthwise_conv_2d__ref",
     .types = "f32,f32,f32?>f32",
     .prepare = prepare_f32,
     .run = run_f32},
    {.name = "s8_depthwise_conv_2d__ref",
     .types = "i8,i8,i32?>i8",
     .prepare = prepare_int,
     .run = run_int},
    {.name = "u8_depthwise_conv_2d__ref",
     .types = "u8,u8,i32?>u8",
     .prepare = prepare_int,
     .run = run_int},
    {.name = "s16_s8_depthwise_conv_2d__ref",
     .types = "i16,i8,i64?>i16",
     .prepare = prepare_int,
     .run = run_int},
    {.name = "s16_s8_depthwise_conv_2d_b32__ref",
     .types = "i16,i8,i32>i16",
     .flags = MWI_KERNEL_NOT_LITERT,
     .prepare = prepare_int,
     .run = run_int},
    {.name = "f32_s8_depthwise_conv_2d__ref",
     .types = "f32,i8,f32?>f32",
     .prepare = prepare_hybrid,
     .run = run_hybrid},
    {.name = "s8_s4_depthwise_conv_2d__ref",
     .types = "i8,i4,i32?>i8",
     .prepare = prepare_int,
     .run = run_int},
    {.name = "s16_s4_depthwise_conv_2d__ref",
     .types = "i16,i4,i64?>i16",
     .prepare = prepare_int,
     .run = run_int},
    {.name = "f32_s4_depthwise_conv_2d__ref",
     .types = "f32,i4,f32?>f32",
     .flags = MWI_KERNEL_NOT_LITERT,
     .prepare = prepare_hybrid,
     .run = run_hybrid},
    {.name = NULL},
};

static const mwi_quant_rule quant = {
    .quantizable = true, .weight = 1, .axis = 3, .bias = 2, .data_inputs = {0, -1}};

static const mwi_linear linear = {.value = 0,
                                  .weight = 1,
                                  .bias = 2,
                                  .rank = 4,
                                  .out_axis = 3,
                                  .in_axis = 3,
                                  .depthwise = true,
                                  .densifies_s8 = true};
static const mwi_windows windows = {.n = 2,
                                    .weight_axis = {1, 2},
                                    .stride = {"stride_h", "stride_w"},
                                    .dilation = {"dilation_h_factor", "dilation_w_factor"}};

static mw_status gradient(mw_ctx *ctx, mwi_gradient_call *call)
{
    return mwi_conv_gradient(ctx, call, &mwi_op_depthwise_conv_2d_backprop_input,
                             &mwi_op_depthwise_conv_2d_backprop_filter);
}

const mwi_op_desc mwi_op_depthwise_conv_2d = {
    .name = "DEPTHWISE_CONV_2D",
    .tflite_code = 4,
    .options_type = 2,
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
    .windows = &windows,
    .infer = infer,
    .gradient = gradient,
    .macs = macs,
    .version = version,
};
