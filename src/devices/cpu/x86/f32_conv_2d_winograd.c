/* devices/cpu/x86/f32_conv_2d_winograd.c - CONV_2D of floats, 3x3 with stride 1, by Winograd's
 * F(2x2, 3x3): tiles of the input to 16 planes, a matrix product in each plane, planes to tiles of
 * the output. Tiles go in groups whose planes stay in the cache.
 * Depends: f32_layer, f32_winograd, ops/window, ops/fixed.  Used by: the list of kernels only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/f32_layer.h"
#include "devices/cpu/x86/f32_winograd.h"
#include "devices/device.h"

#include "base/checked.h"
#include "ops/fixed.h"
#include "ops/window.h"

#include <math.h>
#include <string.h>

enum {
    PLANES = MWI_WINOGRAD_PLANES,
    LEAST_CHANNELS = 16, /* fewer: transforms cost more than products */
    LEAST_TILES = 4,
    GROUP_FLOATS = 48 * 1024, /* of a group's planes */
};

typedef struct state {
    mwi_f32_layer layer; /* of plane 0, without bias and bounds */
    const mwi_winograd_isa *winograd;
    mwi_window w;
    const float *bias;
    float low, high;
    size_t plane_weights; /* floats of one plane's weights */
    size_t in_c, out_c, tiles_y, tiles_x, group;
    size_t thread_floats; /* scratch of one thread */
} state;

static bool accepts(const mwi_prepare_call *call)
{
    const int32_t *const f = call->in[1].dims, *const x = call->in[0].dims, *y = call->out[0].dims;

    if (f[3] != x[3] || f[1] != 3 || f[2] != 3 || call->in[1].data == NULL) return false;
    if (call->n_in > 2 && call->in[2].tensor != NULL && call->in[2].data == NULL) return false;
    return mwi_op_get_i32(call->op, "stride_h", 1) == 1 &&
           mwi_op_get_i32(call->op, "stride_w", 1) == 1 &&
           mwi_op_get_i32(call->op, "dilation_h_factor", 1) == 1 &&
           mwi_op_get_i32(call->op, "dilation_w_factor", 1) == 1 && f[0] >= LEAST_CHANNELS &&
           f[3] >= LEAST_CHANNELS && (int64_t)(y[1] / 2) * (y[2] / 2) >= LEAST_TILES;
}

/* ---- weights ---- */

typedef struct packing {
    const float *weights; /* [out_c][3][3][in_c] */
    size_t in_c, out_c, padded_c, lanes, block;
} packing;

/* Three values to four: g0, (g0 + g1 + g2) / 2, (g0 - g1 + g2) / 2, g2. */
static void transform3(const double *g, size_t step, double *out, size_t out_step)
{
    out[0] = g[0];
    out[out_step] = (g[0] + g[step] + g[2 * step]) / 2;
    out[2 * out_step] = (g[0] - g[step] + g[2 * step]) / 2;
    out[3 * out_step] = g[2 * step];
}

/* Channel k of filter c to its 16 planes. */
static void transform_filter(const packing *p, size_t c, size_t k, float *out)
{
    double g[9], rows[12], planes[PLANES]; /* rows [3][4] */

    for (size_t i = 0; i < 9; i++) g[i] = (double)p->weights[(c * 9 + i) * p->in_c + k];
    for (size_t y = 0; y < 3; y++) transform3(g + 3 * y, 1, rows + 4 * y, 1);
    for (size_t x = 0; x < 4; x++) transform3(rows + x, 4, planes + x, 4);
    for (size_t i = 0; i < PLANES; i++) out[i] = (float)planes[i];
}

/* Plane by plane as f32_layer.h has it: blocks of [in_c][channel of block]. */
static void pack(const void *arg, void *to)
{
    const packing *const p = arg;
    const size_t plane = p->in_c * p->padded_c;
    float *const out = to, values[PLANES];

    memset(to, 0, PLANES * plane * sizeof *out);
    for (size_t c = 0; c < p->out_c; c++) {
        const size_t first = c / p->block * p->block;
        const size_t width = p->padded_c - first < p->block ? p->padded_c - first : p->block;
        float *const at = out + first * p->in_c + (c - first);
        for (size_t k = 0; k < p->in_c; k++) {
            transform_filter(p, c, k, values);
            for (size_t i = 0; i < PLANES; i++) at[i * plane + k * width] = values[i];
        }
    }
}

static mw_status make_layer(mw_ctx *ctx, mwi_prepare_call *call, const mwi_f32_isa *isa, state *s)
{
    const mwi_view *const f = &call->in[1];
    const size_t padded_c = (s->out_c + isa->lanes - 1) / isa->lanes * isa->lanes;
    const packing p = {.weights = f->data,
                       .in_c = s->in_c,
                       .out_c = s->out_c,
                       .padded_c = padded_c,
                       .lanes = isa->lanes,
                       .block = isa->lanes * isa->max_vectors};
    const void *packed;
    void *zeros;
    size_t n;

    if (!mwi_mul(s->in_c, padded_c, &s->plane_weights) ||
        !mwi_mul(s->plane_weights, PLANES * sizeof(float), &n))
        return mwi_fail(ctx, MW_ELIMIT, "weights are too large");
    MWI_TRY(mwi_pack(ctx, call, "f32 winograd", f, (int64_t)isa->lanes, (int64_t)isa->max_vectors,
                     n, pack, &p, &packed));
    MWI_TRY(mwi_arena_array(ctx, call->arena, padded_c, sizeof(float), &zeros));
    s->layer = (mwi_f32_layer){.isa = isa,
                               .weights = packed,
                               .bias = zeros,
                               .taps = s->in_c,
                               .out_c = s->out_c,
                               .low = -INFINITY,
                               .high = INFINITY};
    s->bias = call->n_in > 2 && call->in[2].data != NULL ? call->in[2].data : zeros;
    return MW_OK;
}

/* ---- prepare ---- */

/* Tiles of a group: as many as keep planes in the cache, and enough groups for all threads. */
static size_t group_of(const state *s, uint32_t n_threads)
{
    const size_t tiles = s->tiles_y * s->tiles_x;
    size_t n = GROUP_FLOATS / (PLANES * (s->in_c + s->out_c)) / 8 * 8;

    if (n_threads > 1 && n > tiles / (2 * n_threads)) n = tiles / (2 * n_threads) / 8 * 8;
    return n < 8 ? 8 : n > MWI_F32_MAX_PIXELS ? MWI_F32_MAX_PIXELS : n;
}

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call, const mwi_f32_isa *isa,
                         const mwi_winograd_isa *winograd)
{
    const uint32_t n_threads = call->n_threads > 0 ? call->n_threads : 1;
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(state), &memory));
    state *const s = memory;
    call->state = s;
    s->winograd = winograd;
    s->w = (mwi_window){.filter_h = 3,
                        .filter_w = 3,
                        .stride_h = 1,
                        .stride_w = 1,
                        .dilation_h = 1,
                        .dilation_w = 1};
    MWI_TRY(mwi_window_make(ctx, &call->in[0], mwi_op_get_i32(call->op, "padding", 0), &s->w));
    s->in_c = (size_t)s->w.in_c;
    s->out_c = (size_t)call->in[1].dims[0];
    s->tiles_y = ((size_t)s->w.out_h + 1) / 2;
    s->tiles_x = ((size_t)s->w.out_w + 1) / 2;
    s->group = group_of(s, n_threads);
    MWI_TRY(make_layer(ctx, call, isa, s));
    MWI_TRY(mwi_act_range_f32(ctx, mwi_op_get_i32(call->op, "fused_activation_function", 0),
                              &s->low, &s->high));
    /* Planes of the group, a patch of the input, and a pixel that nobody reads. */
    s->thread_floats = PLANES * (s->group * (s->in_c + s->out_c) + s->in_c) + s->out_c;
    s->thread_floats = (s->thread_floats + 15) / 16 * 16;
    if (!mwi_mul(s->thread_floats, n_threads * sizeof(float), &call->scratch_bytes))
        return mwi_fail(ctx, MW_ELIMIT, "the layer is too large");
    return MW_OK;
}

static mw_status prepare_avx512(mw_ctx *ctx, mwi_prepare_call *call)
{
    return prepare(ctx, call, &mwi_f32_layer_avx512, &mwi_winograd_avx512);
}

static mw_status prepare_avx2(mw_ctx *ctx, mwi_prepare_call *call)
{
    return prepare(ctx, call, &mwi_f32_layer_avx2, &mwi_winograd_avx2);
}

/* ---- run ---- */

typedef struct job {
    const state *s;
    const float *in; /* of this item of the batch */
    float *out, *scratch;
} job;

/* The 4x4 pixels from (y, x) on, which lie partly outside, with zeros there. */
static const float *patch_of(const job *j, int32_t y, int32_t x, float *patch)
{
    const mwi_window *const w = &j->s->w;
    const size_t c = j->s->in_c;

    for (int32_t i = 0; i < PLANES; i++) {
        const int32_t py = y + i / 4, px = x + i % 4;
        float *const out = patch + (size_t)i * c;
        if (py < 0 || py >= w->in_h || px < 0 || px >= w->in_w)
            memset(out, 0, c * sizeof *out);
        else
            memcpy(out, j->in + ((size_t)py * (size_t)w->in_w + (size_t)px) * c, c * sizeof *out);
    }
    return patch;
}

static void read_tile(const job *j, size_t tile, float *planes, float *patch)
{
    const state *const s = j->s;
    const mwi_window *const w = &s->w;
    const int32_t y = (int32_t)(tile / s->tiles_x * 2) - w->pad_top;
    const int32_t x = (int32_t)(tile % s->tiles_x * 2) - w->pad_left;
    const bool is_inside = y >= 0 && x >= 0 && y + 4 <= w->in_h && x + 4 <= w->in_w;

    if (is_inside)
        s->winograd->in(j->in + ((size_t)y * (size_t)w->in_w + (size_t)x) * s->in_c,
                        (size_t)w->in_w * s->in_c, s->in_c, planes, s->group * s->in_c);
    else
        s->winograd->in(patch_of(j, y, x, patch), 4 * s->in_c, s->in_c, planes, s->group * s->in_c);
}

/* Pixels past the edge go to `nobody`. */
static void write_tile(const job *j, size_t tile, const float *planes, float *nobody)
{
    const state *const s = j->s;
    const size_t y = tile / s->tiles_x * 2, x = tile % s->tiles_x * 2;
    const size_t out_h = (size_t)s->w.out_h, out_w = (size_t)s->w.out_w;
    float *const corner = j->out + (y * out_w + x) * s->out_c;
    float *const pixels[4] = {corner, x + 1 < out_w ? corner + s->out_c : nobody,
                              y + 1 < out_h ? corner + out_w * s->out_c : nobody,
                              y + 1 < out_h && x + 1 < out_w ? corner + (out_w + 1) * s->out_c
                                                             : nobody};

    s->winograd->out(planes, s->group * s->out_c, s->out_c, s->bias, s->low, s->high, pixels);
}

/* The products of `n` tiles, plane by plane. */
static void multiply(const state *s, const float *in, float *out, size_t n)
{
    const mwi_f32_piece piece = {.n = s->in_c};
    const float *pixels[MWI_F32_MAX_PIXELS];
    float *results[MWI_F32_MAX_PIXELS];
    mwi_f32_layer layer = s->layer;

    for (size_t p = 0; p < PLANES; p++) {
        for (size_t i = 0; i < n; i++) {
            pixels[i] = in + (p * s->group + i) * s->in_c;
            results[i] = out + (p * s->group + i) * s->out_c;
        }
        layer.isa->run(&layer, &piece, 1, pixels, results, n);
        layer.weights += s->plane_weights;
    }
}

static void run_group(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const job *const j = arg;
    const state *const s = j->s;
    float *const in = j->scratch + thread * s->thread_floats;
    float *const out = in + PLANES * s->group * s->in_c;
    float *const patch = out + PLANES * s->group * s->out_c;
    float *const nobody = patch + PLANES * s->in_c;

    for (size_t i = 0; i < end - begin; i++) read_tile(j, begin + i, in + i * s->in_c, patch);
    multiply(s, in, out, end - begin);
    for (size_t i = 0; i < end - begin; i++) write_tile(j, begin + i, out + i * s->out_c, nobody);
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const state *const s = call->state;
    const mwi_window *const w = &s->w;
    const size_t in_item = (size_t)w->in_h * (size_t)w->in_w * s->in_c;
    const size_t out_item = (size_t)w->out_h * (size_t)w->out_w * s->out_c;

    (void)ctx;
    for (int32_t b = 0; b < w->batch; b++) {
        job j = {.s = s,
                 .in = (const float *)call->in[0].data + (size_t)b * in_item,
                 .out = (float *)call->out[0].data + (size_t)b * out_item,
                 .scratch = call->scratch};
        mwi_par_for(call->pool, s->tiles_y * s->tiles_x, s->group, run_group, &j);
    }
    return MW_OK;
}

const mwi_device_kernel mwi_cpu_f32_conv_2d_winograd[] = {
    {&mwi_op_conv_2d,
     {.name = "f32_conv_2d_winograd__avx512",
      .types = "f32,f32,f32?>f32",
      .cpu_features = MWI_CPU_AVX512,
      .accepts = accepts,
      .prepare = prepare_avx512,
      .run = run}},
    {&mwi_op_conv_2d,
     {.name = "f32_conv_2d_winograd__avx2",
      .types = "f32,f32,f32?>f32",
      .cpu_features = MWI_CPU_AVX2,
      .accepts = accepts,
      .prepare = prepare_avx2,
      .run = run}},
    {.op = NULL},
};
