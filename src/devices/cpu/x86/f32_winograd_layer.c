/* devices/cpu/x86/f32_winograd_layer.c - see f32_winograd_layer.h.
 * Depends: f32_layer, f32_winograd_grid, base/checked.  Used by: the kernels of this folder.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/f32_winograd_layer.h"

#include "base/checked.h"

#include <math.h>
#include <string.h>

enum {
    PLANES = MWI_WINOGRAD_PLANES,
    GROUP_FLOATS = 48 * 1024, /* of a group's planes */
};

/* ---- weights ---- */

/* Three values to four: g0, (g0 + g1 + g2) / 2, (g0 - g1 + g2) / 2, g2. */
static void transform3(const double *g, size_t step, double *out, size_t out_step)
{
    out[0] = g[0];
    out[out_step] = (g[0] + g[step] + g[2 * step]) / 2;
    out[2 * out_step] = (g[0] - g[step] + g[2 * step]) / 2;
    out[3 * out_step] = g[2 * step];
}

/* The nine values of a channel pair to its 16 planes. */
static void transform_filter(const mwi_f32_matrix *m, const float *from, float *out)
{
    double g[9], rows[12], planes[PLANES]; /* rows [3][4] */

    for (size_t i = 0; i < 9; i++) g[i] = (double)from[(m->is_flipped ? 8 - i : i) * m->tap_step];
    for (size_t y = 0; y < 3; y++) transform3(g + 3 * y, 1, rows + 4 * y, 1);
    for (size_t x = 0; x < 4; x++) transform3(rows + x, 4, planes + x, 4);
    for (size_t i = 0; i < PLANES; i++) out[i] = (float)planes[i];
}

/* Plane by plane as f32_layer.h has it: blocks of [in_c][channel of block]. */
static void pack(const mwi_weights *w, const void *from, void *to)
{
    const mwi_f32_packing *const p = (const mwi_f32_packing *)(const void *)w;
    const mwi_f32_matrix *const m = &p->matrix;
    float *const out = to, values[PLANES];

    memset(to, 0, w->bytes);
    for (size_t c = 0; c < m->out_c; c++) {
        const size_t first = c / p->block * p->block;
        const size_t width = p->padded_c - first < p->block ? p->padded_c - first : p->block;
        const float *const filter = (const float *)from + c * m->out_step;
        float *const at = out + first * m->in_c + (c - first);
        for (size_t k = 0; k < m->in_c; k++) {
            transform_filter(m, filter + k * m->in_step, values);
            for (size_t i = 0; i < PLANES; i++) at[i * p->plane + k * width] = values[i];
        }
    }
}

/* ---- prepare ---- */

/* Tiles of a group: as many as keep planes in the cache, and enough groups for all threads. */
static size_t group_of(const mwi_winograd_layer *l, uint32_t n_threads)
{
    const size_t tiles = l->grid.n_tiles, channels = l->grid.in_c + l->layer.out_c;
    size_t n = GROUP_FLOATS / (PLANES * channels) / 8 * 8;

    if (n_threads > 1 && n > tiles / (2 * n_threads)) n = tiles / (2 * n_threads) / 8 * 8;
    return n < 8 ? 8 : n > MWI_F32_MAX_PIXELS ? MWI_F32_MAX_PIXELS : n;
}

static mw_status make_layer(mw_ctx *ctx, mwi_prepare_call *call, const mwi_f32_isa *isa,
                            const mwi_f32_matrix *matrix, mwi_winograd_layer *l)
{
    mwi_f32_matrix m = *matrix;
    void *zeros;

    m.repack = pack;
    m.planes = PLANES;
    MWI_TRY(mwi_f32_layer_make(ctx, call, isa, &m, &l->layer));
    l->layer.taps = l->grid.in_c; /* of a plane */
    MWI_TRY(mwi_arena_array(ctx, call->arena, l->layer.packing.padded_c, sizeof(float), &zeros));
    l->zeros = zeros;
    return MW_OK;
}

mw_status mwi_winograd_layer_make(mw_ctx *ctx, mwi_prepare_call *call, bool is_wide,
                                  const mwi_window *w, const mwi_f32_matrix *matrix,
                                  mwi_winograd_layer *out)
{
    const uint32_t n_threads = call->n_threads > 0 ? call->n_threads : 1;
    size_t bytes;

    MWI_TRY(mwi_winograd_grid_make(ctx, call->arena, is_wide, w, &out->grid));
    MWI_TRY(
        make_layer(ctx, call, is_wide ? &mwi_f32_layer_avx512 : &mwi_f32_layer_avx2, matrix, out));
    out->group = group_of(out, n_threads);
    /* Planes of the group, and a pixel that nobody reads. */
    out->thread_floats = PLANES * out->group * (matrix->in_c + matrix->out_c) + matrix->out_c;
    out->thread_floats = (out->thread_floats + 15) / 16 * 16;
    if (!mwi_mul(out->thread_floats, n_threads * sizeof(float), &bytes) ||
        !mwi_align_up(call->scratch_bytes, 64, &out->scratch_at) ||
        !mwi_add(out->scratch_at, bytes, &call->scratch_bytes))
        return mwi_fail(ctx, MW_ELIMIT, "the layer is too large");
    return MW_OK;
}

/* ---- run ---- */

typedef struct job {
    const mwi_winograd_layer *l;
    mwi_f32_layer layer;
    const float *bias, *in;
    float *out, *scratch;
} job;

/* Pixels past the edge go to `nobody`. */
static void write_tile(const job *j, size_t tile, const float *planes, float *nobody)
{
    const mwi_winograd_layer *const l = j->l;
    const mwi_winograd_place p = mwi_winograd_place_of(&l->grid, tile);
    const size_t out_h = (size_t)l->grid.w.out_h, out_w = (size_t)l->grid.w.out_w;
    const size_t out_c = l->layer.out_c;
    float *const corner = j->out + ((p.sample * out_h + p.y) * out_w + p.x) * out_c;
    const bool is_right = p.x + 1 < out_w, is_below = p.y + 1 < out_h;
    float *const pixels[4] = {corner, is_right ? corner + out_c : nobody,
                              is_below ? corner + out_w * out_c : nobody,
                              is_right && is_below ? corner + (out_w + 1) * out_c : nobody};

    l->grid.isa->out(planes, l->group * out_c, out_c, j->bias, l->layer.low, l->layer.high, pixels);
}

/* The products of `n` tiles, plane by plane. */
static void multiply(const job *j, const float *in, float *out, size_t n)
{
    const mwi_winograd_layer *const l = j->l;
    const size_t in_c = l->grid.in_c, out_c = l->layer.out_c;
    const mwi_f32_piece piece = {.n = in_c};
    const float *pixels[MWI_F32_MAX_PIXELS];
    float *results[MWI_F32_MAX_PIXELS];
    mwi_f32_layer layer = j->layer;

    for (size_t p = 0; p < PLANES; p++) {
        for (size_t i = 0; i < n; i++) {
            pixels[i] = in + (p * l->group + i) * in_c;
            results[i] = out + (p * l->group + i) * out_c;
        }
        layer.isa->run(&layer, &piece, 1, pixels, results, n);
        layer.weights += layer.packing.plane;
    }
}

static void run_group(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const job *const j = arg;
    const mwi_winograd_layer *const l = j->l;
    const size_t in_c = l->grid.in_c, out_c = l->layer.out_c;
    float *const in = j->scratch + thread * l->thread_floats;
    float *const out = in + PLANES * l->group * in_c;
    float *const nobody = out + PLANES * l->group * out_c;

    for (size_t i = 0; i < end - begin; i++)
        mwi_winograd_read(&l->grid, j->in, begin + i, in + i * in_c, l->group * in_c);
    multiply(j, in, out, end - begin);
    for (size_t i = 0; i < end - begin; i++) write_tile(j, begin + i, out + i * out_c, nobody);
}

void mwi_winograd_layer_run(const mwi_winograd_layer *layer, const mwi_run_call *call,
                            const float *in, float *out)
{
    job j = {.l = layer,
             .layer = mwi_f32_layer_at_run(&layer->layer, call),
             .in = in,
             .out = out,
             .scratch = (float *)(void *)((char *)call->scratch + layer->scratch_at)};

    j.bias = j.layer.bias;
    j.layer.bias = layer->zeros;
    j.layer.low = -INFINITY;
    j.layer.high = INFINITY;
    mwi_par_for(call->pool, layer->grid.n_tiles, layer->group, run_group, &j);
}
