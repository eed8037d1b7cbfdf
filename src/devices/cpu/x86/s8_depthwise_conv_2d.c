/* devices/cpu/x86/s8_depthwise_conv_2d.c - DEPTHWISE_CONV_2D of int8 and uint8. Each item is copied
 * into an area with its border, values unsigned, each input channel as often as the depth
 * multiplier says, and the columns of a stride side by side in planes: so every tap of 64
 * neighbouring results is 64 neighbouring bytes, whatever the stride.
 * Depends: s8_depthwise, s8_channels, ops/window.  Used by: the list of kernels only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/bytes_copy.h"
#include "devices/cpu/x86/s8_channels.h"
#include "devices/cpu/x86/s8_depthwise.h"
#include "devices/device.h"

#include "base/checked.h"
#include "ops/window.h"

#include <string.h>

enum { SLACK = 64, MAX_PATTERNS = 64, MAX_TAPS = 4096 };

typedef struct state {
    mwi_dw_layer layer;
    mwi_window w;
    size_t out_c, multiplier;
    size_t plane_columns, plane_bytes, row_bytes; /* a row holds stride_w planes */
    uint8_t border, flip;
} state;

static size_t gcd(size_t a, size_t b)
{
    while (b != 0) {
        const size_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static mwi_s8_weights weights_of(const mwi_view *f)
{
    const size_t out_c = (size_t)f->dims[3];
    return mwi_s8_weights_of(f, out_c, (size_t)f->dims[1] * (size_t)f->dims[2], 1, out_c);
}

static bool accepts(const mwi_prepare_call *call)
{
    const int32_t *const f = call->in[1].dims, *const x = call->in[0].dims;
    size_t taps;

    if (f[1] < 1 || f[2] < 1 || f[3] < 1 || x[3] < 1) return false;
    if ((size_t)f[3] / gcd((size_t)f[3], 64) > MAX_PATTERNS) return false;
    if (!mwi_mul((size_t)f[1], (size_t)f[2], &taps) || taps > MAX_TAPS) return false;
    const mwi_s8_weights w = weights_of(&call->in[1]);
    return mwi_s8_fits(call, &w, 3);
}

/* Channel of place i in pattern p; mwi_requant64_pack tells the order of places. */
static size_t channel_of(const state *s, size_t p, size_t i)
{
    const size_t vector = i / 16, part = i / 4 % 4, lane = i % 4;
    return (p * 64 + 16 * part + 4 * vector + lane) % s->out_c;
}

/* Whether each group of taps is a column of the filter. */
static bool by_columns(const state *s)
{
    const mwi_window *const w = &s->w;
    return w->filter_w == 3 && w->filter_h <= 4 && w->stride_w == 1 && w->dilation_w == 1 &&
           s->out_c % 64 == 0 && s->layer.sum_factor == 0;
}

/* Where tap t of the filter, row by row, stands among the groups. */
static size_t place_of(const state *s, size_t t)
{
    const size_t columns = (size_t)s->w.filter_w;
    return s->layer.column_step == 0 ? t : t % columns * 4 + t / columns;
}

static mw_status make_taps(mw_ctx *ctx, mwi_prepare_call *call, state *s)
{
    const mwi_window *const w = &s->w;
    const size_t n_taps = (size_t)w->filter_h * (size_t)w->filter_w;
    void *taps, *ones;

    s->layer.column_step = by_columns(s) ? s->out_c : 0;
    s->layer.n_groups = by_columns(s) ? (size_t)w->filter_w : (n_taps + 3) / 4;
    MWI_TRY(mwi_arena_array(ctx, call->arena, s->layer.n_groups * 4, sizeof(int32_t), &taps));
    MWI_TRY(mwi_arena_array(ctx, call->arena, s->layer.n_groups * 4, 1, &ones));
    for (size_t t = 0; t < n_taps; t++) {
        const size_t y = t / (size_t)w->filter_w * (size_t)w->dilation_h;
        const size_t x = t % (size_t)w->filter_w * (size_t)w->dilation_w;
        ((int32_t *)taps)[place_of(s, t)] =
            (int32_t)(y * s->row_bytes + x % (size_t)w->stride_w * s->plane_bytes +
                      x / (size_t)w->stride_w * s->out_c);
        ((int8_t *)ones)[place_of(s, t)] = 1;
    }
    s->layer.taps = taps;
    s->layer.ones = ones;
    return MW_OK;
}

typedef struct packing {
    const state *s;
    const mwi_s8_weights *w;
    int32_t move;
} packing;

static void pack(const void *arg, void *to)
{
    const packing *const p = arg;
    const mwi_dw_layer *const layer = &p->s->layer;
    int8_t *const out = to;

    memset(out, 0, layer->n_patterns * layer->n_groups * 256);
    for (size_t n = 0; n < layer->n_patterns; n++)
        for (size_t i = 0; i < 64; i++) {
            const size_t c = channel_of(p->s, n, i);
            for (size_t t = 0; t < p->w->taps; t++) {
                const size_t at = place_of(p->s, t);
                out[(n * layer->n_groups + at / 4) * 256 + i * 4 + at % 4] =
                    (int8_t)(mwi_s8_weight(p->w, c, t) - p->move);
            }
        }
}

static mw_status make_weights(mw_ctx *ctx, mwi_prepare_call *call, state *s, const mwi_requant *rq)
{
    const mwi_s8_weights w = weights_of(&call->in[1]);
    const int32_t *const bias = call->n_in > 2 ? call->in[2].data : NULL;
    const int32_t move = mwi_s8_move(&w);
    const void *weights;
    void *constants;

    s->layer.n_patterns = s->out_c / gcd(s->out_c, 64);
    MWI_TRY(mwi_pack(ctx, call, "s8 depthwise", &call->in[1], s->layer.column_step != 0, move,
                     s->layer.n_patterns * s->layer.n_groups * 256, pack, &(packing){s, &w, move},
                     &weights));
    MWI_TRY(mwi_arena_array(ctx, call->arena, s->layer.n_patterns * 4, sizeof(mwi_requant_block),
                            &constants));
    s->layer.weights = weights;
    s->layer.constants = constants;
    for (size_t p = 0; p < s->layer.n_patterns; p++)
        for (size_t i = 0; i < 64; i++) {
            const size_t c = channel_of(s, p, i);
            mwi_requant_block *const to = &((mwi_requant_block *)constants)[4 * p + i / 16];
            const mwi_s8_channel channel = mwi_s8_channel_of(
                &w, c, bias == NULL ? 0 : bias[c], rq->in_zero + s->flip, rq->channels[c]);
            mwi_requant_block_set(to, (int)(i % 16), channel.bias, channel.multiplier,
                                  channel.shift);
        }
    return MW_OK;
}

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    const mwi_view *const x = &call->in[0], *const f = &call->in[1];
    const bool is_signed = x->dtype == MW_INT8;
    mwi_requant rq;
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(state), &memory));
    state *const s = memory;
    call->state = s;
    mwi_window *const w = &s->w;
    *w = (mwi_window){.filter_h = f->dims[1],
                      .filter_w = f->dims[2],
                      .stride_h = mwi_op_get_i32(call->op, "stride_h", 1),
                      .stride_w = mwi_op_get_i32(call->op, "stride_w", 1),
                      .dilation_h = mwi_op_get_i32(call->op, "dilation_h_factor", 1),
                      .dilation_w = mwi_op_get_i32(call->op, "dilation_w_factor", 1)};
    MWI_TRY(mwi_window_make(ctx, x, mwi_op_get_i32(call->op, "padding", 0), w));
    s->out_c = (size_t)f->dims[3];
    s->multiplier = s->out_c / (size_t)w->in_c;
    MWI_TRY(mwi_requant_make(ctx, call, s->out_c, 3, !is_signed,
                             mwi_op_get_i32(call->op, "fused_activation_function", 0), &rq));
    s->flip = is_signed ? 0x80 : 0;
    s->border = (uint8_t)((uint8_t)rq.in_zero ^ s->flip);
    const size_t stride = (size_t)w->stride_w;
    s->plane_columns = ((size_t)w->padded_w + stride - 1) / stride;
    if (!mwi_mul(s->plane_columns, s->out_c, &s->plane_bytes) ||
        !mwi_mul(s->plane_bytes, stride, &s->row_bytes) ||
        !mwi_mul(s->row_bytes, (size_t)w->padded_h, &call->scratch_bytes) ||
        !mwi_add(call->scratch_bytes, SLACK, &call->scratch_bytes) ||
        call->scratch_bytes > INT32_MAX)
        return mwi_fail(ctx, MW_ELIMIT, "the window is too large");
    s->layer.out_zero = rq.out_zero;
    s->layer.low = rq.low;
    s->layer.high = rq.high;
    s->layer.positive = rq.low >= rq.out_zero;
    const mwi_s8_weights weights = weights_of(f);
    s->layer.sum_factor = f->dtype == MW_UINT8 ? mwi_s8_move(&weights) - weights.zero : 0;
    MWI_TRY(make_taps(ctx, call, s));
    return make_weights(ctx, call, s, &rq);
}

/* One pixel, each channel `multiplier` times. */
static void spread(const uint8_t *in, size_t in_c, size_t multiplier, uint8_t flip, uint8_t *out)
{
    for (size_t c = 0; c < in_c; c++)
        for (size_t k = 0; k < multiplier; k++) *out++ = in[c] ^ flip;
}

/* Columns x with x % stride_w == plane, those that lie in the input between borders. */
static void copy_plane(const state *s, const uint8_t *in, size_t plane, uint8_t *out)
{
    const mwi_window *const w = &s->w;
    const size_t stride = (size_t)w->stride_w, in_c = (size_t)w->in_c, left = (size_t)w->pad_left;
    const size_t end = left + (size_t)w->in_w;
    const size_t first = left <= plane ? 0 : (left - plane + stride - 1) / stride;
    size_t last = end <= plane ? 0 : (end - plane + stride - 1) / stride;

    if (last > s->plane_columns) last = s->plane_columns;
    if (last < first) last = first;
    memset(out, s->border, first * s->out_c);
    memset(out + last * s->out_c, s->border, (s->plane_columns - last) * s->out_c);
    in += (first * stride + plane - left) * in_c;
    out += first * s->out_c;
    if (s->multiplier == 1 && stride == 1)
        mwi_bytes_copy(in, (last - first) * in_c, s->flip, out);
    else if (s->multiplier == 1)
        mwi_bytes_gather(in, last - first, stride * in_c, in_c, s->flip, out);
    else
        for (size_t i = first; i < last; i++, in += stride * in_c, out += s->out_c)
            spread(in, in_c, s->multiplier, s->flip, out);
}

static void copy_row(const state *s, const uint8_t *in, uint8_t *out)
{
    for (size_t p = 0; p < (size_t)s->w.stride_w; p++)
        copy_plane(s, in, p, out + p * s->plane_bytes);
}

typedef struct job {
    const state *s;
    const uint8_t *area;
    uint8_t *out;
} job;

static void run_rows(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const job *const j = arg;
    const state *const s = j->s;
    const size_t n = (size_t)s->w.out_w * s->out_c;

    (void)thread;
    for (size_t y = begin; y < end; y++)
        mwi_dw_row(&s->layer, j->area + y * (size_t)s->w.stride_h * s->row_bytes, n,
                   j->out + y * n);
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const state *const s = call->state;
    const mwi_window *const w = &s->w;
    const size_t in_row = (size_t)w->in_w * (size_t)w->in_c;
    const size_t out_item = (size_t)w->out_h * (size_t)w->out_w * s->out_c;
    uint8_t *const area = call->scratch;

    (void)ctx;
    for (int32_t b = 0; b < w->batch; b++) {
        const uint8_t *const item =
            (const uint8_t *)call->in[0].data + (size_t)b * (size_t)w->in_h * in_row;
        for (int32_t y = 0; y < w->padded_h; y++) {
            const int32_t from = y - w->pad_top;
            uint8_t *const row = area + (size_t)y * s->row_bytes;
            if (from < 0 || from >= w->in_h)
                memset(row, s->border, s->row_bytes);
            else
                copy_row(s, item + (size_t)from * in_row, row);
        }
        job j = {s, area, (uint8_t *)call->out[0].data + (size_t)b * out_item};
        mwi_par_for(call->pool, (size_t)w->out_h, 1, run_rows, &j);
    }
    return MW_OK;
}

const mwi_device_kernel mwi_cpu_s8_depthwise_conv_2d[] = {
    {&mwi_op_depthwise_conv_2d,
     {.name = "s8_depthwise_conv_2d__avx512vnni",
      .types = "i8,i8,i32?>i8",
      .cpu_features = MWI_CPU_AVX512 | MWI_CPU_AVX512_VNNI,
      .accepts = accepts,
      .prepare = prepare,
      .run = run}},
    {&mwi_op_depthwise_conv_2d,
     {.name = "u8_depthwise_conv_2d__avx512vnni",
      .types = "u8,u8,i32?>u8",
      .cpu_features = MWI_CPU_AVX512 | MWI_CPU_AVX512_VNNI,
      .accepts = accepts,
      .prepare = prepare,
      .run = run}},
    {.op = NULL},
};
