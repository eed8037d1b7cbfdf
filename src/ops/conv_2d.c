/* ops/conv_2d.c - CONV_2D: x [n,h,w,c], weights [out,kh,kw,c/groups], bias [out]?. Integers to the
 * bit as TFLite's reference kernels; floats in their order of accumulation. One batch item is
 * copied into a padded 16-bit (or float) area, so that inner loops have no borders: integer
 * filters are dot products of whole filter rows, float ones run over blocks of output channels.
 * Depends: ops/window, ops/weights, ops/fixed.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/conv_backprop.h"
#include "ops/fixed.h"
#include "ops/shapes.h"
#include "ops/weights.h"
#include "ops/window.h"

#include "base/checked.h"

#include <string.h>

enum { BLOCK = MWI_WEIGHTS_BLOCK };

typedef struct attr {
    int32_t padding, stride_w, stride_h, activation, dilation_w, dilation_h, bias_type;
} attr;

static const mwi_field fields[] = {
    {"padding", offsetof(attr, padding), MWI_FIELD_ENUM, 0, 0, 0, 1, mwi_padding_names},
    {"stride_w", offsetof(attr, stride_w), MWI_FIELD_I32, 1, 0, 1, INT32_MAX, NULL},
    {"stride_h", offsetof(attr, stride_h), MWI_FIELD_I32, 2, 0, 1, INT32_MAX, NULL},
    {"fused_activation_function", offsetof(attr, activation), MWI_FIELD_ENUM, 3, 0, 0, 5,
     mwi_activation_names},
    {"dilation_w_factor", offsetof(attr, dilation_w), MWI_FIELD_I32, 4, 1, 1, INT32_MAX, NULL},
    {"dilation_h_factor", offsetof(attr, dilation_h), MWI_FIELD_I32, 5, 1, 1, INT32_MAX, NULL},
    {"quantized_bias_type", offsetof(attr, bias_type), MWI_FIELD_ENUM, 6, 0, 0, 127, NULL},
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
    const int32_t in_c = x->dims[3], depth = f->dims[3], out_c = f->dims[0];
    if (depth < 1 || in_c % depth != 0 || in_c < depth || out_c % (in_c / depth) != 0)
        return mwi_fail(ctx, MW_EFORMAT, "%d input channels do not fit weights [%d,%d,%d,%d]", in_c,
                        out_c, f->dims[1], f->dims[2], depth);
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
    const int32_t *const f = call->in[1].dims;
    return mwi_view_count(&call->out[0]) * (uint64_t)f[1] * (uint64_t)f[2] * (uint64_t)f[3];
}

/* ---- what all kernels share ---- */

typedef struct state {
    mwi_window w;
    int32_t out_c, depth, groups, channels_per_group;
    size_t padded;       /* elements of one padded batch item */
    size_t taps;         /* kh * kw * depth */
    mwi_requant rq;      /* integer kernels */
    mwi_weights weights; /* int16 [out][kh][kw][depth], or blocks of floats */
    size_t values_at;    /* hybrid: the quantized input, in the scratch */
    float low, high;
    const float *scales; /* hybrid: one a channel */
    bool asymmetric;
} state;

static mw_status prepare_common(mw_ctx *ctx, mwi_prepare_call *call, state **out)
{
    const mwi_view *const f = &call->in[1];
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(state), &memory));
    state *const s = memory;
    call->state = *out = s;
    MWI_TRY(window_of(ctx, call->attr, call->in, &s->w));
    s->out_c = f->dims[0];
    s->depth = f->dims[3];
    s->groups = s->depth == 0 ? 1 : s->w.in_c / s->depth;
    s->channels_per_group = s->groups == 0 ? 0 : s->out_c / s->groups;
    if (!mwi_window_padded_count(&s->w, &s->padded) ||
        !mwi_mul((size_t)f->dims[1], (size_t)f->dims[2], &s->taps) ||
        !mwi_mul(s->taps, (size_t)s->depth, &s->taps))
        return mwi_fail(ctx, MW_ELIMIT, "the window is too large");
    return MW_OK;
}

/* Scratch: the padded input, then weights that are not constant. */
static mw_status prepare_weights(mw_ctx *ctx, mwi_prepare_call *call, state *s)
{
    if (!mwi_mul(s->padded, sizeof(int16_t), &call->scratch_bytes))
        return mwi_fail(ctx, MW_ELIMIT, "the window is too large");
    return mwi_weights_s16(ctx, call, 1, s->rq.weight_zero, &s->weights);
}

/* ---- integers ---- */

static mw_status prepare_int(mw_ctx *ctx, mwi_prepare_call *call)
{
    const attr *const a = call->attr;
    state *s;

    MWI_TRY(prepare_common(ctx, call, &s));
    MWI_TRY(mwi_requant_make(ctx, call, (size_t)s->out_c, 0, call->in[0].dtype == MW_UINT8,
                             a->activation, &s->rq));
    if (call->in[0].dtype == MW_INT16 && (s->rq.in_zero != 0 || s->rq.out_zero != 0))
        return mwi_fail(ctx, MW_EFORMAT, "int16 values need zero point 0");
    return prepare_weights(ctx, call, s);
}

/* One item of a batch, rows in parallel. */
typedef struct job {
    const state *s;
    const mwi_run_call *call;
    const int16_t *padded, *weights;
    const float *padded_f, *blocks;
    const void *bias;
    char *out;   /* of this batch item */
    float scale; /* hybrid: of this batch item's input */
} job;

/* The sum over one window for output channel oc; rows of the filter are contiguous without
 * dilation. */
static int32_t window_sum(const job *j, const int16_t *corner, int32_t oc)
{
    const state *const s = j->s;
    const mwi_window *const w = &s->w;
    const int16_t *f = j->weights + (size_t)oc * s->taps;
    const int16_t *const x = corner + (size_t)(oc / s->channels_per_group) * (size_t)s->depth;
    const size_t row = (size_t)w->padded_w * (size_t)w->in_c * (size_t)w->dilation_h;
    const size_t depth = (size_t)s->depth, step = (size_t)w->in_c * (size_t)w->dilation_w;
    uint32_t sum = 0;

    if (s->groups == 1 && w->dilation_w == 1) {
        const size_t n = (size_t)w->filter_w * depth;
        for (int32_t y = 0; y < w->filter_h; y++, f += n)
            sum += (uint32_t)mwi_dot_s16(x + (size_t)y * row, f, n);
        return (int32_t)sum;
    }
    for (int32_t y = 0; y < w->filter_h; y++)
        for (int32_t k = 0; k < w->filter_w; k++, f += depth)
            sum += (uint32_t)mwi_dot_s16(x + (size_t)y * row + (size_t)k * step, f, depth);
    return (int32_t)sum;
}

static int64_t window_sum_long(const job *j, const int16_t *corner, int32_t oc)
{
    const state *const s = j->s;
    const mwi_window *const w = &s->w;
    const int16_t *f = j->weights + (size_t)oc * s->taps;
    const int16_t *const x = corner + (size_t)(oc / s->channels_per_group) * (size_t)s->depth;
    const size_t row = (size_t)w->padded_w * (size_t)w->in_c * (size_t)w->dilation_h;
    const size_t depth = (size_t)s->depth, step = (size_t)w->in_c * (size_t)w->dilation_w;
    int64_t sum = 0;

    for (int32_t y = 0; y < w->filter_h; y++)
        for (int32_t k = 0; k < w->filter_w; k++, f += depth)
            sum += mwi_dot_s16_long(x + (size_t)y * row + (size_t)k * step, f, depth);
    return sum;
}

static const int16_t *corner_of(const job *j, size_t y, int32_t x)
{
    const mwi_window *const w = &j->s->w;
    return j->padded +
           (y * (size_t)w->stride_h * (size_t)w->padded_w + (size_t)x * (size_t)w->stride_w) *
               (size_t)w->in_c;
}

static void rows_8(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const job *const j = arg;
    const state *const s = j->s;
    const int32_t *const bias = j->bias;
    const bool is_unsigned = j->call->out[0].dtype == MW_UINT8;

    (void)thread;
    for (size_t y = begin; y < end; y++) {
        for (int32_t x = 0; x < s->w.out_w; x++) {
            const int16_t *const corner = corner_of(j, y, x);
            char *const out = j->out + (y * (size_t)s->w.out_w + (size_t)x) * (size_t)s->out_c;
            for (int32_t c = 0; c < s->out_c; c++) {
                const int32_t sum = mwi_add32(window_sum(j, corner, c), bias == NULL ? 0 : bias[c]);
                const int32_t q =
                    mwi_clamp(mwi_add32(mwi_scale(sum, s->rq.channels[c]), s->rq.out_zero),
                              s->rq.low, s->rq.high);
                if (is_unsigned)
                    ((uint8_t *)(void *)out)[c] = (uint8_t)q;
                else
                    ((int8_t *)(void *)out)[c] = (int8_t)q;
            }
        }
    }
}

/* int16 activations: a 64-bit bias is added to a 64-bit sum; with a 32-bit bias the sum has 32
 * bits. */
static void rows_16(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const job *const j = arg;
    const state *const s = j->s;
    const bool narrow =
        j->call->n_in > 2 && j->call->in[2].tensor != NULL && j->call->in[2].dtype == MW_INT32;

    (void)thread;
    for (size_t y = begin; y < end; y++) {
        for (int32_t x = 0; x < s->w.out_w; x++) {
            const int16_t *const corner = corner_of(j, y, x);
            int16_t *const out =
                (int16_t *)(void *)j->out + (y * (size_t)s->w.out_w + (size_t)x) * (size_t)s->out_c;
            for (int32_t c = 0; c < s->out_c; c++) {
                int32_t q;
                if (narrow) {
                    q = mwi_scale(mwi_add32((int32_t)window_sum_long(j, corner, c),
                                            ((const int32_t *)j->bias)[c]),
                                  s->rq.channels[c]);
                } else {
                    const int64_t bias = j->bias == NULL ? 0 : ((const int64_t *)j->bias)[c];
                    q = mwi_scale64(mwi_add64(window_sum_long(j, corner, c), bias),
                                    s->rq.channels[c]);
                }
                out[c] = (int16_t)mwi_clamp(q, s->rq.low, s->rq.high);
            }
        }
    }
}

static mw_status run_items(const mwi_run_call *call, mwi_range_fn rows)
{
    const state *const s = call->state;
    const size_t in_item = call->in[0].bytes / (size_t)(s->w.batch > 0 ? s->w.batch : 1);
    const size_t out_item = call->out[0].bytes / (size_t)(s->w.batch > 0 ? s->w.batch : 1);
    job j = {.s = s,
             .call = call,
             .padded = call->scratch,
             .weights = mwi_weights_at_run(&s->weights, call),
             .bias = call->n_in > 2 ? call->in[2].data : NULL};

    for (int32_t b = 0; b < s->w.batch; b++) {
        mwi_window_pad_s16(&s->w, call->in[0].dtype,
                           (const char *)call->in[0].data + (size_t)b * in_item, s->rq.in_zero,
                           call->scratch);
        j.out = (char *)call->out[0].data + (size_t)b * out_item;
        mwi_par_for(call->pool, (size_t)s->w.out_h, 1, rows, &j);
    }
    return MW_OK;
}

static mw_status run_8(mw_ctx *ctx, const mwi_run_call *call)
{
    (void)ctx;
    return run_items(call, rows_8);
}

static mw_status run_16(mw_ctx *ctx, const mwi_run_call *call)
{
    (void)ctx;
    return run_items(call, rows_16);
}

/* ---- float ---- */

static mw_status prepare_f32(mw_ctx *ctx, mwi_prepare_call *call)
{
    const attr *const a = call->attr;
    state *s;

    MWI_TRY(prepare_common(ctx, call, &s));
    MWI_TRY(mwi_act_range_f32(ctx, a->activation, &s->low, &s->high));
    if (!mwi_mul(s->padded, sizeof(float), &call->scratch_bytes))
        return mwi_fail(ctx, MW_ELIMIT, "the window is too large");
    return mwi_weights_blocks(ctx, call, 1, (size_t)s->out_c, s->taps, &s->weights);
}

/* One block of output channels of one pixel. Accumulates in the reference's order: kh, kw, depth.
 */
static void block_f32(const job *j, const float *corner, size_t block, float *sums)
{
    const state *const s = j->s;
    const mwi_window *const w = &s->w;
    const float *f = j->blocks + block * s->taps * BLOCK;
    float acc[BLOCK] = {0};

    for (int32_t y = 0; y < w->filter_h; y++) {
        for (int32_t k = 0; k < w->filter_w; k++) {
            const float *const x =
                corner + ((size_t)y * (size_t)w->dilation_h * (size_t)w->padded_w +
                          (size_t)k * (size_t)w->dilation_w) *
                             (size_t)w->in_c;
            for (int32_t d = 0; d < s->depth; d++, f += BLOCK)
                for (size_t c = 0; c < BLOCK; c++) acc[c] += x[d] * f[c];
        }
    }
    memcpy(sums, acc, sizeof acc);
}

/* Groups cut through blocks: channel by channel. */
static float channel_f32(const job *j, const float *corner, int32_t oc)
{
    const state *const s = j->s;
    const mwi_window *const w = &s->w;
    const float *f = j->blocks + (size_t)oc / BLOCK * s->taps * BLOCK + (size_t)oc % BLOCK;
    const float *const group = corner + (size_t)(oc / s->channels_per_group) * (size_t)s->depth;
    float sum = 0;

    for (int32_t y = 0; y < w->filter_h; y++) {
        for (int32_t k = 0; k < w->filter_w; k++) {
            const float *const x =
                group + ((size_t)y * (size_t)w->dilation_h * (size_t)w->padded_w +
                         (size_t)k * (size_t)w->dilation_w) *
                            (size_t)w->in_c;
            for (int32_t d = 0; d < s->depth; d++, f += BLOCK) sum += x[d] * *f;
        }
    }
    return sum;
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
    const mwi_window *const w = &s->w;
    const float *const bias = j->bias;
    float sums[BLOCK];

    (void)thread;
    for (size_t y = begin; y < end; y++) {
        for (int32_t x = 0; x < w->out_w; x++) {
            const float *const corner =
                j->padded_f +
                (y * (size_t)w->stride_h * (size_t)w->padded_w + (size_t)x * (size_t)w->stride_w) *
                    (size_t)w->in_c;
            float *const out =
                (float *)(void *)j->out + (y * (size_t)w->out_w + (size_t)x) * (size_t)s->out_c;
            for (int32_t c = 0; c < s->out_c; c++) {
                if (s->groups != 1)
                    sums[c % BLOCK] = channel_f32(j, corner, c);
                else if (c % BLOCK == 0)
                    block_f32(j, corner, (size_t)c / BLOCK, sums);
                const float sum = sums[c % BLOCK] + (bias == NULL ? 0.0f : bias[c]);
                out[c] = clamp_f32(sum, s->low, s->high);
            }
        }
    }
}

static mw_status run_f32(mw_ctx *ctx, const mwi_run_call *call)
{
    const state *const s = call->state;
    const size_t in_item = (size_t)s->w.in_h * (size_t)s->w.in_w * (size_t)s->w.in_c;
    const size_t out_item = (size_t)s->w.out_h * (size_t)s->w.out_w * (size_t)s->out_c;
    job j = {.s = s,
             .call = call,
             .padded_f = call->scratch,
             .blocks = mwi_weights_at_run(&s->weights, call),
             .bias = call->n_in > 2 ? call->in[2].data : NULL};

    (void)ctx;
    for (int32_t b = 0; b < s->w.batch; b++) {
        mwi_window_pad_f32(&s->w, (const float *)call->in[0].data + (size_t)b * in_item,
                           call->scratch);
        j.out = (char *)((float *)call->out[0].data + (size_t)b * out_item);
        mwi_par_for(call->pool, (size_t)s->w.out_h, 1, rows_f32, &j);
    }
    return MW_OK;
}

/* ---- hybrid: float input quantized for each batch item ---- */

static mw_status prepare_hybrid(mw_ctx *ctx, mwi_prepare_call *call)
{
    const attr *const a = call->attr;
    state *s;

    MWI_TRY(prepare_common(ctx, call, &s));
    MWI_TRY(mwi_act_range_f32(ctx, a->activation, &s->low, &s->high));
    MWI_TRY(mwi_need_scales(ctx, &call->in[1], "weights", (size_t)s->out_c));
    const mw_quantization *const q = &call->in[1].quant->q;
    s->scales = q->scales;
    /* The reference takes the symmetric form when all channels have one scale. */
    for (size_t i = 1; i < q->n_scales; i++)
        s->asymmetric = s->asymmetric || q->scales[i] != q->scales[0];
    s->asymmetric = s->asymmetric || s->groups != 1;
    MWI_TRY(prepare_weights(ctx, call, s));
    s->values_at = call->scratch_bytes;
    return mwi_add(s->values_at, (size_t)s->w.in_h * (size_t)s->w.in_w * (size_t)s->w.in_c,
                   &call->scratch_bytes)
               ? MW_OK
               : mwi_fail(ctx, MW_ELIMIT, "the input is too large");
}

static void rows_hybrid(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const job *const j = arg;
    const state *const s = j->s;
    const float *const bias = j->bias;
    const bool one_scale = j->call->in[1].quant->q.n_scales == 1;

    (void)thread;
    for (size_t y = begin; y < end; y++) {
        for (int32_t x = 0; x < s->w.out_w; x++) {
            const int16_t *const corner = corner_of(j, y, x);
            float *const out =
                (float *)(void *)j->out + (y * (size_t)s->w.out_w + (size_t)x) * (size_t)s->out_c;
            for (int32_t c = 0; c < s->out_c; c++) {
                const float sum = (float)window_sum(j, corner, c);
                const float scale = s->scales[one_scale ? 0 : c];
                const float v = s->asymmetric ? sum * scale * j->scale : sum * (j->scale * scale);
                out[c] = clamp_f32(v + (bias == NULL ? 0.0f : bias[c]), s->low, s->high);
            }
        }
    }
}

static mw_status run_hybrid(mw_ctx *ctx, const mwi_run_call *call)
{
    const state *const s = call->state;
    const size_t in_item = (size_t)s->w.in_h * (size_t)s->w.in_w * (size_t)s->w.in_c;
    const size_t out_item = (size_t)s->w.out_h * (size_t)s->w.out_w * (size_t)s->out_c;
    job j = {.s = s,
             .call = call,
             .padded = call->scratch,
             .weights = mwi_weights_at_run(&s->weights, call),
             .bias = call->n_in > 2 ? call->in[2].data : NULL};
    int8_t *const q = (int8_t *)call->scratch + s->values_at;

    (void)ctx;
    for (int32_t b = 0; b < s->w.batch; b++) {
        const float *const x = (const float *)call->in[0].data + (size_t)b * in_item;
        int32_t zero = 0;
        j.scale = s->asymmetric ? mwi_quantize_asymmetric(x, in_item, q, &zero)
                                : mwi_quantize_symmetric(x, in_item, q);
        mwi_window_pad_s16(&s->w, MW_INT8, q, zero, call->scratch);
        j.out = (char *)((float *)call->out[0].data + (size_t)b * out_item);
        mwi_par_for(call->pool, (size_t)s->w.out_h, 1, rows_hybrid, &j);
    }
    return MW_OK;
}

/* ---- the row ---- */

static int32_t version(const mwi_shape_call *call)
{
    const mwi_view *const x = &call->in[0], *const f = &call->in[1];

    if (x->dtype == MW_INT16 && f->dtype == MW_INT8 && call->n_in > 2 &&
        call->in[2].tensor != NULL && call->in[2].dtype == MW_INT32)
        return 8;
    if (x->dtype == MW_FLOAT32 && f->dtype == MW_INT4) return 7;
    if (f->dtype == MW_INT4) return 7;
    if (f->rank == 4 && x->rank == 4 && f->dims[3] != x->dims[3]) return 6;
    if (x->dtype == MW_INT16) return 4;
    if (x->dtype == MW_INT8) return 3;
    if (x->dtype == MW_FLOAT32 && f->dtype == MW_INT8)
        return f->quant != NULL && f->quant->q.n_scales > 1 ? 5 : 2;
    return 1;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_conv_2d__ref",
     .types = "f32,f32,f32?>f32",
     .prepare = prepare_f32,
     .run = run_f32},
    {.name = "s8_conv_2d__ref", .types = "i8,i8,i32?>i8", .prepare = prepare_int, .run = run_8},
    {.name = "u8_conv_2d__ref", .types = "u8,u8,i32?>u8", .prepare = prepare_int, .run = run_8},
    {.name = "s16_s8_conv_2d__ref",
     .types = "i16,i8,i64?>i16",
     .prepare = prepare_int,
     .run = run_16},
    {.name = "s16_s8_conv_2d_b32__ref",
     .types = "i16,i8,i32>i16",
     .prepare = prepare_int,
     .run = run_16},
    {.name = "f32_s8_conv_2d__ref",
     .types = "f32,i8,f32?>f32",
     .prepare = prepare_hybrid,
     .run = run_hybrid},
    {.name = "f32_s4_conv_2d__ref",
     .types = "f32,i4,f32?>f32",
     .prepare = prepare_hybrid,
     .run = run_hybrid},
    {.name = "s8_s4_conv_2d__ref", .types = "i8,i4,i32?>i8", .prepare = prepare_int, .run = run_8},
    {.name = "s16_s4_conv_2d__ref",
     .types = "i16,i4,i64?>i16",
     .prepare = prepare_int,
     .run = run_16},
    {.name = NULL},
};

static const mwi_quant_rule quant = {
    .quantizable = true, .weight = 1, .axis = 0, .bias = 2, .data_inputs = {0, -1}};

static const mwi_linear linear = {.value = 0,
                                  .weight = 1,
                                  .bias = 2,
                                  .rank = 4,
                                  .out_axis = 0,
                                  .in_axis = 3,
                                  .grouped = true,
                                  .densifies_s8 = true};
static const mwi_windows windows = {.n = 2,
                                    .weight_axis = {1, 2},
                                    .stride = {"stride_h", "stride_w"},
                                    .dilation = {"dilation_h_factor", "dilation_w_factor"}};

static mw_status gradient(mw_ctx *ctx, mwi_gradient_call *call)
{
    return mwi_conv_gradient(ctx, call, &mwi_op_conv_2d_backprop_input,
                             &mwi_op_conv_2d_backprop_filter);
}

const mwi_op_desc mwi_op_conv_2d = {
    .name = "CONV_2D",
    .tflite_code = 3,
    .options_type = 1,
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
