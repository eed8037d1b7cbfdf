/* devices/cpu/x86/f32_conv_2d_backprop_filter.c - CONV_2D_BACKPROP_FILTER of floats: outer products
 * of what a window of x and a pixel of dy hold, summed up over chunks of rows of pixels. x is read
 * from a padded copy of a sample, so that no window is clipped.
 * Depends: f32_outer, f32_chunks, ops/conv_backprop.  Used by: the list of kernels only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/f32_chunks.h"
#include "devices/device.h"

#include "base/checked.h"
#include "ops/conv_backprop.h"

#include <string.h>

enum { SMALL_MACS = 400000 }; /* fewer: waking threads takes longer */

static const mwi_conv_operands operands = {.x = 0, .dy = 1, .w = 2};

typedef struct state {
    mwi_window w;
    mwi_f32_chunks chunks; /* of rows of pixels, counted over the batch */
    size_t *places;
    bool copies, is_small;
    size_t area, area_at; /* copies: floats of one, bytes into the scratch; one for each thread */
} state;

static bool accepts(const mwi_prepare_call *call)
{
    const int32_t *const x = call->in[0].dims, *const f = call->in[2].dims;
    return f[3] == x[3] && f[0] > 0 && f[1] > 0 && f[2] > 0 && f[3] > 0; /* no groups */
}

/* Where the taps' channels lie in the area, in the order of the filter. */
static mw_status make_places(mw_ctx *ctx, mwi_arena *arena, state *s)
{
    const mwi_window *const w = &s->w;
    const size_t in_c = (size_t)w->in_c, row = (size_t)(s->copies ? w->padded_w : w->in_w) * in_c;
    void *memory;
    size_t n = 0;

    MWI_TRY(mwi_arena_array(ctx, arena, s->chunks.n_places, sizeof(size_t), &memory));
    s->places = memory;
    for (int32_t y = 0; y < w->filter_h; y++)
        for (int32_t x = 0; x < w->filter_w; x++)
            for (size_t c = 0; c < in_c; c++)
                s->places[n++] = (size_t)y * (size_t)w->dilation_h * row +
                                 (size_t)x * (size_t)w->dilation_w * in_c + c;
    return MW_OK;
}

static mw_status plan_copies(mw_ctx *ctx, mwi_prepare_call *call, state *s)
{
    const size_t n = call->n_threads > 0 ? call->n_threads : 1;
    size_t bytes;

    s->copies = s->w.padded_h > s->w.in_h || s->w.padded_w > s->w.in_w;
    if (!s->copies) return MW_OK;
    if (!mwi_window_padded_count(&s->w, &s->area) || !mwi_align_up(s->area, 16, &s->area) ||
        !mwi_mul(s->area, n * sizeof(float), &bytes) ||
        !mwi_align_up(call->scratch_bytes, 64, &s->area_at) ||
        !mwi_add(s->area_at, bytes, &call->scratch_bytes))
        return mwi_fail(ctx, MW_ELIMIT, "the window is too large");
    return MW_OK;
}

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call, const mwi_f32_outer_isa *isa)
{
    const int32_t *const f = call->in[2].dims;
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(state), &memory));
    state *const s = memory;
    call->state = s;
    MWI_TRY(mwi_conv_backprop_window(ctx, call->attr, call->in, &operands, &s->w));
    s->chunks.n_planes = 1;
    s->chunks.n_places = (size_t)f[1] * (size_t)f[2] * (size_t)f[3];
    s->chunks.out_c = (size_t)f[0];
    MWI_TRY(
        mwi_f32_chunks_plan(ctx, call, isa, (size_t)s->w.batch * (size_t)s->w.out_h, &s->chunks));
    s->is_small = (double)s->w.batch * s->w.out_h * s->w.out_w *
                      (double)(s->chunks.n_places * s->chunks.out_c) <
                  SMALL_MACS;
    MWI_TRY(plan_copies(ctx, call, s));
    return make_places(ctx, call->arena, s);
}

static mw_status prepare_avx2(mw_ctx *ctx, mwi_prepare_call *call)
{
    return prepare(ctx, call, &mwi_f32_outer_avx2);
}

/* Up to 8 channels would leave half of a wide vector empty. */
static mw_status prepare_avx512(mw_ctx *ctx, mwi_prepare_call *call)
{
    const bool is_narrow = (size_t)call->in[2].dims[0] <= mwi_f32_outer_avx2.lanes;
    return prepare(ctx, call, is_narrow ? &mwi_f32_outer_avx2 : &mwi_f32_outer_avx512);
}

typedef struct job {
    const state *s;
    const float *x, *dy;
    float *df;
    void *scratch;
} job;

static const float *area_of(const job *j, size_t sample, uint32_t thread)
{
    const state *const s = j->s;
    const mwi_window *const w = &s->w;
    const float *const x = j->x + sample * (size_t)w->in_h * (size_t)w->in_w * (size_t)w->in_c;

    if (!s->copies) return x;
    float *const area = (float *)(void *)((char *)j->scratch + s->area_at) + thread * s->area;
    mwi_window_pad_f32(w, x, area);
    return area;
}

/* One block of channels of one chunk: its rows of pixels, sample by sample. */
static void run_block(const job *j, size_t chunk, size_t block, uint32_t thread)
{
    const state *const s = j->s;
    const mwi_window *const w = &s->w;
    const mwi_f32_chunks *const c = &s->chunks;
    const size_t in_c = (size_t)w->in_c, out_h = (size_t)w->out_h, left = c->n_items;
    const size_t row = (size_t)(s->copies ? w->padded_w : w->in_w) * in_c;
    const size_t first = block * c->block, begin = chunk * c->items_a_chunk;
    const size_t end = left - begin < c->items_a_chunk ? left : begin + c->items_a_chunk;
    mwi_f32_outer o = {.places = s->places,
                       .n_places = c->n_places,
                       .out_c = c->out_c,
                       .n = c->out_c - first < c->block ? c->out_c - first : c->block,
                       .width = (size_t)w->out_w,
                       .x_row = (size_t)w->stride_h * row,
                       .x_step = (size_t)w->stride_w * in_c,
                       .sums = mwi_f32_chunks_sums(c, j->scratch, chunk, block)};

    memset(o.sums, 0,
           c->n_places * ((o.n + c->isa->lanes - 1) / c->isa->lanes * c->isa->lanes) *
               sizeof *o.sums);
    for (size_t i = begin; i < end; i += o.height) {
        const size_t y = i % out_h;
        o.height = out_h - y < end - i ? out_h - y : end - i;
        o.x = area_of(j, i / out_h, thread) + y * o.x_row;
        o.y = j->dy + i * o.width * c->out_c + first;
        c->isa->run(&o);
    }
}

static void run_blocks(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const job *const j = arg;
    const size_t n_blocks = j->s->chunks.n_blocks;

    for (size_t i = begin; i < end; i++) run_block(j, i / n_blocks, i % n_blocks, thread);
}

/* The sums of channels [begin, end), turned around. */
static void write_channels(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const job *const j = arg;
    const mwi_f32_chunks *const c = &j->s->chunks;

    (void)thread;
    for (size_t o = begin; o < end; o++) {
        const size_t first = o / c->block * c->block;
        const size_t width = c->padded_c - first < c->block ? c->padded_c - first : c->block;
        const float *const sums = mwi_f32_chunks_sums(c, j->scratch, 0, o / c->block) + (o - first);
        for (size_t i = 0; i < c->n_places; i++) j->df[o * c->n_places + i] = sums[i * width];
    }
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const state *const s = call->state;
    mwi_pool *const pool = s->is_small ? NULL : call->pool;
    job j = {.s = s,
             .x = call->in[0].data,
             .dy = call->in[1].data,
             .df = call->out[0].data,
             .scratch = call->scratch};

    (void)ctx;
    mwi_par_for(pool, s->chunks.n_chunks * s->chunks.n_blocks, 1, run_blocks, &j);
    mwi_f32_chunks_add(&s->chunks, call->scratch, pool);
    write_channels(&j, 0, s->chunks.out_c, 0);
    return MW_OK;
}

const mwi_device_kernel mwi_cpu_f32_conv_2d_backprop_filter[] = {
    {&mwi_op_conv_2d_backprop_filter,
     {.name = "f32_conv_2d_backprop_filter__avx512",
      .types = "f32,f32,f32>f32",
      .cpu_features = MWI_CPU_AVX512,
      .accepts = accepts,
      .prepare = prepare_avx512,
      .run = run}},
    {&mwi_op_conv_2d_backprop_filter,
     {.name = "f32_conv_2d_backprop_filter__avx2",
      .types = "f32,f32,f32>f32",
      .cpu_features = MWI_CPU_AVX2,
      .accepts = accepts,
      .prepare = prepare_avx2,
      .run = run}},
    {.op = NULL},
};
