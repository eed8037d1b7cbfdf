/* devices/cpu/x86/f32_conv_2d_backprop_filter_winograd.c - CONV_2D_BACKPROP_FILTER of floats, 3x3
 * with stride 1: the transpose of Winograd's F(2x2, 3x3). Tiles of x and of dy go to 16 planes, in
 * each of which outer products are summed up; a plane's sums are the gradients of the transformed
 * filter. Half the multiplications of the plain sums, and no larger rounding errors.
 * Depends: f32_chunks, f32_winograd_grid, ops/conv_backprop.  Used by: the list of kernels only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/f32_chunks.h"
#include "devices/cpu/x86/f32_winograd_grid.h"
#include "devices/device.h"

#include "base/checked.h"
#include "ops/conv_backprop.h"

#include <string.h>

enum {
    PLANES = MWI_WINOGRAD_PLANES,
    GROUP_FLOATS = 96 * 1024, /* of a group's planes */
    MOST_TILES = 128,         /* of a group */
    SUMS_FLOATS = 512 * 1024, /* of a chunk: more do not stay in the cache */
};

static const mwi_conv_operands operands = {.x = 0, .dy = 1, .w = 2};

typedef struct state {
    mwi_winograd_grid grid;
    mwi_f32_chunks chunks;                  /* of tiles */
    size_t group, thread_floats, planes_at; /* planes of a group of tiles, of each thread */
    size_t *places;                         /* 0, 1, ... */
    const float *zeros;                     /* one for each channel of dy */
} state;

static bool accepts(const mwi_prepare_call *call)
{
    const int32_t *const x = call->in[0].dims, *const y = call->in[1].dims,
                         *const f = call->in[2].dims;
    const mwi_conv_backprop_attr *const a = call->attr;
    const mwi_window w = {.in_c = x[3], .out_h = y[1], .out_w = y[2]};

    return f[3] == x[3] && f[1] == 3 && f[2] == 3 && a->stride_h == 1 && a->stride_w == 1 &&
           a->dilation_h == 1 && a->dilation_w == 1 && f[0] > 0 &&
           mwi_winograd_pays(&w, (size_t)f[0]) && (int64_t)f[0] * f[3] <= SUMS_FLOATS / PLANES;
}

static mw_status plan_planes(mw_ctx *ctx, mwi_prepare_call *call, state *s)
{
    const size_t n_threads = call->n_threads > 0 ? call->n_threads : 1;
    const size_t channels = s->grid.in_c + s->chunks.out_c;
    size_t bytes;

    s->group = GROUP_FLOATS / (PLANES * channels) / 8 * 8;
    s->group = s->group < 8 ? 8 : s->group > MOST_TILES ? MOST_TILES : s->group;
    s->thread_floats = PLANES * s->group * channels;
    if (!mwi_mul(s->thread_floats, n_threads * sizeof(float), &bytes) ||
        !mwi_align_up(call->scratch_bytes, 64, &s->planes_at) ||
        !mwi_add(s->planes_at, bytes, &call->scratch_bytes))
        return mwi_fail(ctx, MW_ELIMIT, "the layer is too large");
    return MW_OK;
}

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call, bool is_wide)
{
    mwi_window w;
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(state), &memory));
    state *const s = memory;
    call->state = s;
    MWI_TRY(mwi_conv_backprop_window(ctx, call->attr, call->in, &operands, &w));
    MWI_TRY(mwi_winograd_grid_make(ctx, call->arena, is_wide, &w, &s->grid));
    s->chunks.n_planes = PLANES;
    s->chunks.n_places = (size_t)call->in[2].dims[3];
    s->chunks.out_c = (size_t)call->in[2].dims[0];
    MWI_TRY(mwi_f32_chunks_plan(ctx, call, is_wide ? &mwi_f32_outer_avx512 : &mwi_f32_outer_avx2,
                                s->grid.n_tiles, &s->chunks));
    MWI_TRY(mwi_arena_array(ctx, call->arena, s->chunks.out_c, sizeof(float), &memory));
    s->zeros = memory;
    MWI_TRY(mwi_arena_array(ctx, call->arena, s->chunks.n_places, sizeof(size_t), &memory));
    s->places = memory;
    for (size_t i = 0; i < s->chunks.n_places; i++) s->places[i] = i;
    return plan_planes(ctx, call, s);
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
    const float *x, *dy;
    float *df;
    void *scratch;
} job;

static void read_gradient(const job *j, size_t tile, float *planes)
{
    const state *const s = j->s;
    const mwi_winograd_place p = mwi_winograd_place_of(&s->grid, tile);
    const size_t out_h = (size_t)s->grid.w.out_h, out_w = (size_t)s->grid.w.out_w;
    const size_t out_c = s->chunks.out_c;
    const float *const corner = j->dy + ((p.sample * out_h + p.y) * out_w + p.x) * out_c;
    const bool is_right = p.x + 1 < out_w, is_below = p.y + 1 < out_h;
    const float *const pixels[4] = {corner, is_right ? corner + out_c : s->zeros,
                                    is_below ? corner + out_w * out_c : s->zeros,
                                    is_right && is_below ? corner + (out_w + 1) * out_c : s->zeros};

    s->grid.isa->out_grad(pixels, out_c, planes, s->group * out_c);
}

/* Adds the outer products of n tiles, plane by plane. */
static void add_group(const job *j, size_t chunk, const float *x, const float *dy, size_t n)
{
    const state *const s = j->s;
    const mwi_f32_chunks *const c = &s->chunks;
    mwi_f32_outer o = {.places = s->places,
                       .n_places = c->n_places,
                       .out_c = c->out_c,
                       .height = 1,
                       .width = n,
                       .x_step = s->grid.in_c};

    for (size_t p = 0; p < PLANES; p++)
        for (size_t b = 0; b < c->n_blocks; b++) {
            const size_t left = c->out_c - b * c->block;
            o.x = x + p * s->group * s->grid.in_c;
            o.y = dy + p * s->group * c->out_c + b * c->block;
            o.n = left < c->block ? left : c->block;
            o.sums = mwi_f32_chunks_sums(c, j->scratch, chunk, b) + p * c->plane;
            c->isa->run(&o);
        }
}

static void run_chunks(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const job *const j = arg;
    const state *const s = j->s;
    const mwi_f32_chunks *const c = &s->chunks;
    const size_t in_c = s->grid.in_c;
    float *const x =
        (float *)(void *)((char *)j->scratch + s->planes_at) + thread * s->thread_floats;
    float *const dy = x + PLANES * s->group * in_c;

    for (size_t i = begin; i < end; i++) {
        const size_t last =
            (i + 1) * c->items_a_chunk < c->n_items ? (i + 1) * c->items_a_chunk : c->n_items;
        memset(mwi_f32_chunks_sums(c, j->scratch, i, 0), 0, c->chunk * sizeof *x);
        for (size_t tile = i * c->items_a_chunk; tile < last; tile += s->group) {
            const size_t n = last - tile < s->group ? last - tile : s->group;
            for (size_t k = 0; k < n; k++) {
                mwi_winograd_read(&s->grid, j->x, tile + k, x + k * in_c, s->group * in_c);
                read_gradient(j, tile + k, dy + k * c->out_c);
            }
            add_group(j, i, x, dy, n);
        }
    }
}

/* Four values to three, the transpose of the filter's transform. */
static void transform4(const float *g, size_t step, float *out, size_t out_step)
{
    const float sum = (g[step] + g[2 * step]) / 2, difference = (g[step] - g[2 * step]) / 2;

    out[0] = g[0] + sum;
    out[out_step] = difference;
    out[2 * out_step] = sum + g[3 * step];
}

/* Input channels [begin, end) of all filters. */
static void write_channels(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const job *const j = arg;
    const mwi_f32_chunks *const c = &j->s->chunks;
    const size_t in_c = c->n_places;

    (void)thread;
    for (size_t k = begin; k < end; k++)
        for (size_t o = 0; o < c->out_c; o++) {
            const size_t first = o / c->block * c->block;
            const size_t width = c->padded_c - first < c->block ? c->padded_c - first : c->block;
            const float *const sums =
                mwi_f32_chunks_sums(c, j->scratch, 0, o / c->block) + k * width + (o - first);
            float planes[PLANES], rows[12], taps[9]; /* rows [3][4] */
            for (size_t p = 0; p < PLANES; p++) planes[p] = sums[p * c->plane];
            for (size_t x = 0; x < 4; x++) transform4(planes + x, 4, rows + x, 4);
            for (size_t y = 0; y < 3; y++) transform4(rows + 4 * y, 1, taps + 3 * y, 1);
            for (size_t t = 0; t < 9; t++) j->df[(o * 9 + t) * in_c + k] = taps[t];
        }
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const state *const s = call->state;
    job j = {.s = s,
             .x = call->in[0].data,
             .dy = call->in[1].data,
             .df = call->out[0].data,
             .scratch = call->scratch};

    (void)ctx;
    mwi_par_for(call->pool, s->chunks.n_chunks, 1, run_chunks, &j);
    mwi_f32_chunks_add(&s->chunks, call->scratch, call->pool);
    mwi_par_for(call->pool, s->chunks.n_places, 16, write_channels, &j);
    return MW_OK;
}

const mwi_device_kernel mwi_cpu_f32_conv_2d_backprop_filter_winograd[] = {
    {&mwi_op_conv_2d_backprop_filter,
     {.name = "f32_conv_2d_backprop_filter_winograd__avx512",
      .types = "f32,f32,f32>f32",
      .cpu_features = MWI_CPU_AVX512,
      .accepts = accepts,
      .prepare = prepare_avx512,
      .run = run}},
    {&mwi_op_conv_2d_backprop_filter,
     {.name = "f32_conv_2d_backprop_filter_winograd__avx2",
      .types = "f32,f32,f32>f32",
      .cpu_features = MWI_CPU_AVX2,
      .accepts = accepts,
      .prepare = prepare_avx2,
      .run = run}},
    {.op = NULL},
};
