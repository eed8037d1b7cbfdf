/* devices/cpu/x86/s8_conv_2d.c - CONV_2D of int8 and uint8 as an 8-bit matrix product: from the
 * input as it lies in memory where windows need no border, else from a padded copy.
 * Depends: s8_layer, ops/window.  Used by: the list of kernels only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/bytes_copy.h"
#include "devices/cpu/x86/s8_layer.h"
#include "devices/device.h"

#include "base/checked.h"
#include "ops/window.h"

#include <string.h>

enum { SLACK = 64 };

typedef struct state {
    mwi_s8_layer layer;
    mwi_window w;
    bool copies;      /* windows are read from a padded copy, in the run's scratch */
    size_t row_bytes; /* of the area that windows lie in */
    uint8_t border;   /* what the copy is padded with */
    uint8_t flip;     /* what each value of the copy is xor-ed with */
} state;

static mw_status window_of(mw_ctx *ctx, const mwi_prepare_call *call, mwi_window *w)
{
    *w = (mwi_window){.filter_h = call->in[1].dims[1],
                      .filter_w = call->in[1].dims[2],
                      .stride_h = mwi_op_get_i32(call->op, "stride_h", 1),
                      .stride_w = mwi_op_get_i32(call->op, "stride_w", 1),
                      .dilation_h = mwi_op_get_i32(call->op, "dilation_h_factor", 1),
                      .dilation_w = mwi_op_get_i32(call->op, "dilation_w_factor", 1)};
    return mwi_window_make(ctx, &call->in[0], mwi_op_get_i32(call->op, "padding", 0), w);
}

static bool accepts(const mwi_prepare_call *call)
{
    const int32_t *const f = call->in[1].dims, *const x = call->in[0].dims;
    size_t taps, bytes;

    if (f[3] != x[3] || f[0] < 1 || f[1] < 1 || f[2] < 1 || f[3] < 1) return false; /* groups */
    if (!mwi_mul((size_t)f[1] * (size_t)f[2], (size_t)f[3], &taps) ||
        !mwi_mul(taps, (size_t)f[0] + MWI_S8_LANES, &bytes) || bytes > INT32_MAX)
        return false;
    const mwi_s8_weights w = mwi_s8_weights_of(&call->in[1], (size_t)f[0], taps, taps, 1);
    return mwi_s8_fits(call, &w, 0);
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
    MWI_TRY(window_of(ctx, call, &s->w));
    MWI_TRY(mwi_requant_make(ctx, call, (size_t)f->dims[0], 0, !is_signed,
                             mwi_op_get_i32(call->op, "fused_activation_function", 0), &rq));
    const mwi_window *const w = &s->w;
    const size_t in_c = (size_t)w->in_c;
    const bool rows = w->dilation_w == 1; /* a filter row is one piece */
    const size_t taps = (size_t)w->filter_h * (size_t)w->filter_w * in_c;
    const mwi_s8_weights weights = mwi_s8_weights_of(f, (size_t)f->dims[0], taps, taps, 1);
    mwi_s8_source source = {
        .weights = &weights, .bias = call->n_in > 2 ? call->in[2].data : NULL, .rq = &rq};
    source.segment_bytes = in_c * (rows ? (size_t)w->filter_w : 1);
    source.n_segments = (size_t)w->filter_h * (rows ? 1 : (size_t)w->filter_w);
    /* With few channels flipping in the register would cost as much as the product. */
    s->copies = w->padded_h > w->in_h || w->padded_w > w->in_w || source.segment_bytes % 4 != 0 ||
                (is_signed && f->dims[0] <= 32);
    source.flip = is_signed && !s->copies;
    s->flip = is_signed ? 0x80 : 0;
    s->border = (uint8_t)((uint8_t)rq.in_zero ^ s->flip);
    s->row_bytes = in_c * (size_t)(s->copies ? w->padded_w : w->in_w);
    MWI_TRY(mwi_s8_layer_make(ctx, call, &source, &s->layer));
    MWI_TRY(mwi_arena_array(ctx, call->arena, source.n_segments, sizeof(int32_t), &memory));
    int32_t *const segments = memory;
    for (size_t i = 0; i < source.n_segments; i++) {
        const size_t y = rows ? i : i / (size_t)w->filter_w, k = rows ? 0 : i % (size_t)w->filter_w;
        segments[i] =
            (int32_t)(y * (size_t)w->dilation_h * s->row_bytes + k * (size_t)w->dilation_w * in_c);
    }
    s->layer.segments = segments;
    if (!s->copies) return MW_OK;
    if (!mwi_window_padded_count(w, &call->scratch_bytes) ||
        !mwi_add(call->scratch_bytes, SLACK, &call->scratch_bytes) ||
        call->scratch_bytes > INT32_MAX)
        return mwi_fail(ctx, MW_ELIMIT, "the window is too large");
    return MW_OK;
}

/* One item of the batch into the middle of its border. */
static void copy_padded(const state *s, const uint8_t *item, uint8_t *out)
{
    const mwi_window *const w = &s->w;
    const size_t in_c = (size_t)w->in_c, left = (size_t)w->pad_left * in_c;
    const int32_t cols = w->padded_w - w->pad_left < w->in_w ? w->padded_w - w->pad_left : w->in_w;
    const size_t inside = (size_t)cols * in_c, in_row = (size_t)w->in_w * in_c;

    for (int32_t y = 0; y < w->padded_h; y++, out += s->row_bytes) {
        const int32_t from = y - w->pad_top;
        if (from < 0 || from >= w->in_h) {
            memset(out, s->border, s->row_bytes);
            continue;
        }
        const uint8_t *const in = item + (size_t)from * in_row;
        memset(out, s->border, left);
        mwi_bytes_copy(in, inside, s->flip, out + left);
        memset(out + left + inside, s->border, s->row_bytes - left - inside);
    }
    memset(out, 0, SLACK);
}

typedef struct job {
    const state *s;
    const uint8_t *area;
    uint8_t *out;
} job;

static void run_pixels(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const job *const j = arg;
    const state *const s = j->s;
    const mwi_window *const w = &s->w;
    const size_t out_w = (size_t)w->out_w, in_c = (size_t)w->in_c;
    const uint8_t *pixels[MWI_S8_MAX_PIXELS];
    size_t y = begin / out_w, x = begin % out_w;

    (void)thread;
    for (size_t i = begin; i < end;) {
        size_t n = 0;
        for (; n < MWI_S8_MAX_PIXELS && i + n < end; n++) {
            pixels[n] =
                j->area + y * (size_t)w->stride_h * s->row_bytes + x * (size_t)w->stride_w * in_c;
            if (++x == out_w) x = 0, y++;
        }
        mwi_s8_layer_run(&s->layer, pixels, n, j->out + i * s->layer.out_c);
        i += n;
    }
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const state *const s = call->state;
    const mwi_window *const w = &s->w;
    const size_t n = (size_t)w->out_h * (size_t)w->out_w;
    const size_t in_item = (size_t)w->in_h * (size_t)w->in_w * (size_t)w->in_c;

    (void)ctx;
    for (int32_t b = 0; b < w->batch; b++) {
        const uint8_t *const item = (const uint8_t *)call->in[0].data + (size_t)b * in_item;
        if (s->copies) copy_padded(s, item, call->scratch);
        job j = {.s = s,
                 .area = s->copies ? call->scratch : item,
                 .out = (uint8_t *)call->out[0].data + (size_t)b * n * s->layer.out_c};
        mwi_par_for(call->pool, n, MWI_S8_MAX_PIXELS, run_pixels, &j);
    }
    return MW_OK;
}

const mwi_device_kernel mwi_cpu_s8_conv_2d[] = {
    {&mwi_op_conv_2d,
     {.name = "s8_conv_2d__avx512vnni",
      .types = "i8,i8,i32?>i8",
      .cpu_features = MWI_CPU_AVX512 | MWI_CPU_AVX512_VNNI,
      .accepts = accepts,
      .prepare = prepare,
      .run = run}},
    {&mwi_op_conv_2d,
     {.name = "u8_conv_2d__avx512vnni",
      .types = "u8,u8,i32?>u8",
      .cpu_features = MWI_CPU_AVX512 | MWI_CPU_AVX512_VNNI,
      .accepts = accepts,
      .prepare = prepare,
      .run = run}},
    {.op = NULL},
};
