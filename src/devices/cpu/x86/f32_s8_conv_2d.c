/* devices/cpu/x86/f32_s8_conv_2d.c - CONV_2D of float values and int8 weights, equal to the bit to
 * the reference row: a sample is quantized into the middle of its border and multiplied there.
 * Depends: hybrid_layer, ops/window.  Used by: the list of kernels only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/hybrid_layer.h"
#include "devices/device.h"

#include "base/checked.h"
#include "ops/window.h"

#include <string.h>

enum { SMALL_MACS = 1000000 }; /* fewer: waking threads takes longer */

typedef struct state {
    mwi_hybrid_layer layer;
    mwi_window w;
    bool is_asymmetric, is_small;
} state;

static bool accepts(const mwi_prepare_call *call)
{
    const int32_t *const f = call->in[1].dims, *const x = call->in[0].dims;

    if (f[3] != x[3] || f[0] < 1 || f[1] < 1 || f[2] < 1 || f[3] < 1) return false; /* groups */
    if (call->n_in > 2 && call->in[2].tensor != NULL && call->in[2].data == NULL) return false;
    return call->in[1].data != NULL && mwi_is_quantized(&call->in[1]);
}

static mw_status make_window(mw_ctx *ctx, const mwi_prepare_call *call, mwi_window *w)
{
    *w = (mwi_window){.filter_h = call->in[1].dims[1],
                      .filter_w = call->in[1].dims[2],
                      .stride_h = mwi_op_get_i32(call->op, "stride_h", 1),
                      .stride_w = mwi_op_get_i32(call->op, "stride_w", 1),
                      .dilation_h = mwi_op_get_i32(call->op, "dilation_h_factor", 1),
                      .dilation_w = mwi_op_get_i32(call->op, "dilation_w_factor", 1)};
    return mwi_window_make(ctx, &call->in[0], mwi_op_get_i32(call->op, "padding", 0), w);
}

/* Where the pieces of a window lie after its corner. */
static mw_status make_segments(mw_ctx *ctx, mwi_prepare_call *call, state *s, bool is_whole)
{
    const mwi_window *const w = &s->w;
    const size_t in_c = (size_t)w->in_c, row = in_c * (size_t)w->padded_w;
    const size_t cuts = is_whole ? 1 : (size_t)w->filter_w;
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, call->arena, s->layer.n_segments, sizeof(int32_t), &memory));
    int32_t *const segments = memory;
    for (size_t i = 0; i < s->layer.n_segments; i++)
        segments[i] = (int32_t)(i / cuts * (size_t)w->dilation_h * row +
                                i % cuts * (size_t)w->dilation_w * in_c);
    s->layer.segments = segments;
    return MW_OK;
}

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    const mwi_view *const f = &call->in[1];
    const mw_quantization *const q = &f->quant->q;
    const bool is_whole = mwi_op_get_i32(call->op, "dilation_w_factor", 1) == 1;
    const size_t row = (size_t)f->dims[2] * (size_t)f->dims[3];
    void *memory;
    size_t n;

    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(state), &memory));
    state *const s = memory;
    call->state = s;
    MWI_TRY(make_window(ctx, call, &s->w));
    if (!mwi_window_padded_count(&s->w, &n) || n > INT32_MAX - MWI_HYBRID_SLACK)
        return mwi_fail(ctx, MW_ELIMIT, "the window is too large");
    call->scratch_bytes = n + MWI_HYBRID_SLACK;
    MWI_TRY(mwi_hybrid_layer_make(ctx, call,
                                  (size_t)f->dims[1] * (is_whole ? 1 : (size_t)f->dims[2]),
                                  is_whole ? row : (size_t)f->dims[3], &s->layer));
    MWI_TRY(mwi_act_range_f32(ctx, mwi_op_get_i32(call->op, "fused_activation_function", 0),
                              &s->layer.low, &s->layer.high));
    /* The reference takes the symmetric form when all channels have one scale. */
    for (size_t i = 1; i < q->n_scales; i++)
        s->is_asymmetric = s->is_asymmetric || q->scales[i] != q->scales[0];
    s->layer.scales_first = !s->is_asymmetric;
    s->is_small =
        (double)s->w.out_h * s->w.out_w * f->dims[0] * (double)row * f->dims[1] < SMALL_MACS;
    return make_segments(ctx, call, s, is_whole);
}

/* One item of the batch into the middle of its border. */
static void quantize_padded(const mwi_window *w, const mwi_hybrid_scale *scale, const float *item,
                            uint8_t *out)
{
    const size_t in_c = (size_t)w->in_c, left = (size_t)w->pad_left * in_c;
    const size_t row = (size_t)w->in_w * in_c, padded = (size_t)w->padded_w * in_c;
    const int border = scale->zero + 128;

    if (padded == row && w->pad_top == 0 && w->padded_h == w->in_h) {
        mwi_hybrid_quantize(scale, item, row * (size_t)w->in_h, out);
        memset(out + row * (size_t)w->in_h, 0, MWI_HYBRID_SLACK);
        return;
    }
    for (int32_t y = 0; y < w->padded_h; y++, out += padded) {
        const int32_t from = y - w->pad_top;
        if (from < 0 || from >= w->in_h) {
            memset(out, border, padded);
            continue;
        }
        memset(out, border, left);
        mwi_hybrid_quantize(scale, item + (size_t)from * row, row, out + left);
        memset(out + left + row, border, padded - left - row);
    }
    memset(out, 0, MWI_HYBRID_SLACK);
}

typedef struct job {
    const state *s;
    const mwi_hybrid_scale *scale;
    const uint8_t *area;
    float *out;
} job;

static void run_pixels(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const job *const j = arg;
    const state *const s = j->s;
    const mwi_window *const w = &s->w;
    const size_t out_w = (size_t)w->out_w, in_c = (size_t)w->in_c;
    const size_t step_x = (size_t)w->stride_w * in_c;
    const size_t step_y = (size_t)w->stride_h * (size_t)w->padded_w * in_c;
    const uint8_t *pixels[MWI_HYBRID_MAX_PIXELS];
    size_t y = begin / out_w, x = begin % out_w;

    (void)thread;
    for (size_t i = begin; i < end;) {
        size_t n = 0;
        for (; n < MWI_HYBRID_MAX_PIXELS && i + n < end; n++) {
            pixels[n] = j->area + y * step_y + x * step_x;
            if (++x == out_w) x = 0, y++;
        }
        mwi_hybrid_layer_run(&s->layer, j->scale, pixels, n, j->out + i * s->layer.out_c);
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
        const float *const item = (const float *)call->in[0].data + (size_t)b * in_item;
        const mwi_hybrid_scale scale = mwi_hybrid_scale_of(item, in_item, s->is_asymmetric);
        job j = {.s = s,
                 .scale = &scale,
                 .area = call->scratch,
                 .out = (float *)call->out[0].data + (size_t)b * n * s->layer.out_c};
        quantize_padded(w, &scale, item, call->scratch);
        mwi_par_for(s->is_small ? NULL : call->pool, n, MWI_HYBRID_MAX_PIXELS, run_pixels, &j);
    }
    return MW_OK;
}

const mwi_device_kernel mwi_cpu_f32_s8_conv_2d[] = {
    {&mwi_op_conv_2d,
     {.name = "f32_s8_conv_2d__avx512vnni",
      .types = "f32,i8,f32?>f32",
      .cpu_features = MWI_CPU_AVX512 | MWI_CPU_AVX512_VNNI,
      .accepts = accepts,
      .prepare = prepare,
      .run = run}},
    {.op = NULL},
};
