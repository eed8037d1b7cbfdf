/* devices/cpu/x86/f32_depthwise_conv_2d.c - DEPTHWISE_CONV_2D of floats, a lane a channel, on the
 * input as it lies in memory: borders are cut off, not copied. Where each input channel feeds
 * several outputs, the input is first spread out to one channel an output.
 * Depends: f32_columns, spans, ops/fixed.  Used by: the list of kernels only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/f32_columns.h"
#include "devices/cpu/x86/spans.h"
#include "devices/device.h"

#include "base/checked.h"
#include "ops/fixed.h"

enum {
    SMALL_MACS = 150000, /* fewer: waking threads takes longer */
    PIECE_BYTES = 65536, /* of the input: each vector of channels passes over it by itself */
};

typedef struct state {
    mwi_window w;
    mwi_spans rows, columns;
    mwi_f32_columns_fn fn;
    const float *no_bias; /* NULL: operand 2 */
    size_t channels, multiplier;
    float low, high;
    bool is_small;
    size_t rows_a_piece;
} state;

static bool accepts(const mwi_prepare_call *call) { return call->in[1].dims[3] > 0; }

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

static mw_status make_bias(mw_ctx *ctx, mwi_prepare_call *call, state *s)
{
    void *zeros;

    if (call->n_in > 2 && call->in[2].tensor != NULL) return MW_OK;
    MWI_TRY(mwi_arena_array(ctx, call->arena, s->channels, sizeof(float), &zeros));
    s->no_bias = zeros;
    return MW_OK;
}

static size_t piece_of(const state *s, uint32_t n_threads)
{
    const size_t bytes = (size_t)s->w.stride_h * (size_t)s->w.in_w * s->channels * sizeof(float);
    const size_t n = bytes > 0 ? PIECE_BYTES / bytes : 1;
    const size_t share = ((size_t)s->w.out_h + 2 * n_threads - 1) / (2 * n_threads);
    const size_t least = n_threads > 1 && !s->is_small && share < n ? share : n;

    return least > 0 ? least : 1;
}

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call, bool is_wide)
{
    const mwi_view *const f = &call->in[1];
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(state), &memory));
    state *const s = memory;
    call->state = s;
    MWI_TRY(make_window(ctx, call, &s->w));
    const mwi_window *const w = &s->w;
    s->channels = (size_t)f->dims[3];
    s->multiplier = s->channels / (size_t)w->in_c;
    /* Up to 8 channels would leave half of a wide vector empty. */
    s->fn = is_wide && s->channels > 8 ? mwi_f32_columns_avx512 : mwi_f32_columns_avx2;
    s->is_small =
        (double)w->out_h * w->out_w * f->dims[1] * f->dims[2] * (double)s->channels < SMALL_MACS;
    s->rows_a_piece = piece_of(s, call->n_threads > 0 ? call->n_threads : 1);
    MWI_TRY(make_bias(ctx, call, s));
    MWI_TRY(mwi_act_range_f32(ctx, mwi_op_get_i32(call->op, "fused_activation_function", 0),
                              &s->low, &s->high));
    MWI_TRY(mwi_spans_make(ctx, call->arena, w, &s->rows, &s->columns));
    if (s->multiplier == 1) return MW_OK;
    if (!mwi_mul((size_t)w->in_h * (size_t)w->in_w, s->channels, &call->scratch_bytes) ||
        !mwi_mul(call->scratch_bytes, sizeof(float), &call->scratch_bytes))
        return mwi_fail(ctx, MW_ELIMIT, "the input is too large");
    return MW_OK;
}

static mw_status prepare_avx512(mw_ctx *ctx, mwi_prepare_call *call)
{
    return prepare(ctx, call, true);
}

static mw_status prepare_avx2(mw_ctx *ctx, mwi_prepare_call *call)
{
    return prepare(ctx, call, false);
}

typedef struct job {
    const state *s;
    const float *weights, *bias;
    const float *in; /* of this item of the batch, a channel an output */
    float *out;
} job;

/* Rows [begin, end) of outputs, whose windows have the same rows inside. */
static void run_span(const job *j, size_t begin, size_t end, const mwi_span *row)
{
    const state *const s = j->s;
    const mwi_window *const w = &s->w;
    const size_t c = s->channels, in_row = (size_t)w->in_w * c,
                 filter_row = (size_t)w->filter_w * c;
    const size_t out_row = (size_t)w->out_w * c;
    const float *const in =
        j->in + ((size_t)row->at + (begin - (size_t)row->from) * (size_t)w->stride_h) * in_row;
    mwi_f32_columns cut = {.bias = j->bias,
                           .channels = c,
                           .n_out_rows = end - begin,
                           .x_row = (size_t)w->stride_h * in_row,
                           .out_row = out_row,
                           .n_rows = (size_t)(row->tap_end - row->tap),
                           .row_step = (size_t)w->dilation_h * in_row,
                           .tap_step = (size_t)w->dilation_w * c,
                           .step = (size_t)w->stride_w * c,
                           .weight_row_step = filter_row,
                           .low = s->low,
                           .high = s->high};

    for (size_t i = 0; i < s->columns.n; i++) {
        const mwi_span *const x = &s->columns.v[i];
        cut.n = (size_t)(x->to - x->from);
        cut.n_taps = (size_t)(x->tap_end - x->tap);
        cut.x = in + (size_t)x->at * c;
        cut.weights = j->weights + (size_t)row->tap * filter_row + (size_t)x->tap * c;
        cut.out = j->out + begin * out_row + (size_t)x->from * c;
        s->fn(&cut);
    }
}

static void run_rows(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const job *const j = arg;
    const mwi_span *row = j->s->rows.v;

    (void)thread;
    for (size_t y = begin; y < end;) {
        while (y >= (size_t)row->to) row++;
        const size_t stop = (size_t)row->to < end ? (size_t)row->to : end;
        run_span(j, y, stop, row);
        y = stop;
    }
}

/* Each value once for each of its outputs. */
static void spread(const float *in, size_t n, size_t times, float *out)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < times; k++) *out++ = in[i];
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const state *const s = call->state;
    const mwi_window *const w = &s->w;
    const size_t in_item = (size_t)w->in_h * (size_t)w->in_w * (size_t)w->in_c;
    const size_t out_h = (size_t)w->out_h, out_item = out_h * (size_t)w->out_w * s->channels;

    (void)ctx;
    for (int32_t b = 0; b < w->batch; b++) {
        const float *const item = (const float *)call->in[0].data + (size_t)b * in_item;
        job j = {.s = s,
                 .weights = call->in[1].data,
                 .bias = s->no_bias != NULL ? s->no_bias : call->in[2].data,
                 .in = s->multiplier == 1 ? item : call->scratch,
                 .out = (float *)call->out[0].data + (size_t)b * out_item};
        if (s->multiplier != 1) spread(item, in_item, s->multiplier, call->scratch);
        mwi_par_for(s->is_small ? NULL : call->pool, out_h, s->rows_a_piece, run_rows, &j);
    }
    return MW_OK;
}

const mwi_device_kernel mwi_cpu_f32_depthwise_conv_2d[] = {
    {&mwi_op_depthwise_conv_2d,
     {.name = "f32_depthwise_conv_2d__avx512",
      .types = "f32,f32,f32?>f32",
      .cpu_features = MWI_CPU_AVX512,
      .accepts = accepts,
      .prepare = prepare_avx512,
      .run = run}},
    {&mwi_op_depthwise_conv_2d,
     {.name = "f32_depthwise_conv_2d__avx2",
      .types = "f32,f32,f32?>f32",
      .cpu_features = MWI_CPU_AVX2,
      .accepts = accepts,
      .prepare = prepare_avx2,
      .run = run}},
    {.op = NULL},
};
