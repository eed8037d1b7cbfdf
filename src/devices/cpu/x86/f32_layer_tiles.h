/* devices/cpu/x86/f32_layer_tiles.h - the tiles of f32_layer.h, a template: a lane is a channel,
 * values of pixels are broadcast. The including file lists
 * its tiles: TILE(pixels, vectors) and the table `tiles`.
 * Depends: f32_layer, vec_f32.  Used by: f32_layer_avx512.c, f32_layer_avx2.c.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/f32_layer.h"
#include "devices/cpu/x86/vec_f32.h"

/* One tile's operands: corners, results, and weights of its block of channels. */
typedef struct tile {
    const mwi_f32_layer *layer;
    const mwi_f32_piece *pieces;
    size_t n_pieces;
    const float *const *pixels;
    float *const *out;
    const float *weights;
    size_t channel; /* the block's first */
} tile;

/* M pixels times N vectors of channels. */
MWI_INLINE void run_tile(const tile *t, const size_t M, const size_t N)
{
    vec acc[8][4];

#pragma GCC unroll 8
    for (size_t m = 0; m < M; m++)
#pragma GCC unroll 4
        for (size_t n = 0; n < N; n++)
            acc[m][n] = vec_load(t->layer->bias + t->channel + n * VEC_LANES);
    for (const mwi_f32_piece *p = t->pieces; p < t->pieces + t->n_pieces; p++) {
        const float *w = t->weights + p->weight * N * VEC_LANES;
        const float *x[8];
#pragma GCC unroll 8
        for (size_t m = 0; m < M; m++) x[m] = t->pixels[m] + p->at;
#pragma GCC unroll 2
        for (size_t k = 0; k < p->n; k++) {
            vec b[4];
#pragma GCC unroll 4
            for (size_t n = 0; n < N; n++) b[n] = vec_load(w + n * VEC_LANES);
            w += N * VEC_LANES;
#pragma GCC unroll 8
            for (size_t m = 0; m < M; m++) {
                const vec a = vec_set1(x[m][k]);
#pragma GCC unroll 4
                for (size_t n = 0; n < N; n++) acc[m][n] = vec_fma(a, b[n], acc[m][n]);
            }
        }
    }
    const vec low = vec_set1(t->layer->low), high = vec_set1(t->layer->high);
    const size_t left = t->layer->out_c - t->channel;
#pragma GCC unroll 8
    for (size_t m = 0; m < M; m++) {
        float *const out = t->out[m] + t->channel;
#pragma GCC unroll 4
        for (size_t n = 0; n < N; n++) {
            const vec v = vec_clamp(acc[m][n], low, high);
            if (n + 1 < N || left >= N * VEC_LANES)
                vec_store(out + n * VEC_LANES, v);
            else
                vec_store_some(out + n * VEC_LANES, v, vec_first(left - n * VEC_LANES));
        }
    }
}

#define TILE(M, N)                                                                                 \
    static void tile_##M##x##N(const tile *t) { run_tile(t, M, N); }

typedef struct tile_row {
    size_t pixels;
    void (*run)(const tile *t);
} tile_row;

/* tiles[n - 1]: those of n vectors, the largest first, the last of one pixel. */
MWI_INLINE void run_layer(const tile_row (*tiles)[4], const mwi_f32_layer *l,
                          const mwi_f32_piece *pieces, size_t n_pieces, const float *const *pixels,
                          float *const *out, size_t n)
{
    const float *weights = l->weights;

    for (size_t c = 0; c < l->out_c;) {
        const size_t left = (l->out_c - c + VEC_LANES - 1) / VEC_LANES;
        const size_t width = left < l->isa->max_vectors ? left : l->isa->max_vectors;
        size_t i = 0;
        for (const tile_row *row = tiles[width - 1]; i < n; row++) {
            for (; n - i >= row->pixels; i += row->pixels) {
                const tile t = {.layer = l,
                                .pieces = pieces,
                                .n_pieces = n_pieces,
                                .pixels = pixels + i,
                                .out = out + i,
                                .weights = weights,
                                .channel = c};
                row->run(&t);
            }
        }
        weights += l->taps * width * VEC_LANES;
        c += width * VEC_LANES;
    }
}

/* A square of the transposition: LANES values each of `rows` channels. */
MWI_INLINE void transpose_square(const float *in, size_t step, size_t rows, size_t n, float *out,
                                 size_t width)
{
    const vec_mask some = vec_first(n);
    vec v[VEC_LANES];

#pragma GCC unroll 16
    for (size_t i = 0; i < VEC_LANES; i++)
        v[i] = i < rows ? vec_load_some(in + i * step, some) : vec_zero();
    vec_transpose(v);
#pragma GCC unroll 16
    for (size_t i = 0; i < VEC_LANES; i++)
        if (i < n) vec_store(out + i * width, v[i]);
}

static void transpose(const float *in, size_t step, size_t n_channels, size_t n, float *out,
                      size_t width)
{
    for (size_t c = 0; c < width; c += VEC_LANES) {
        const size_t rows = c < n_channels ? n_channels - c : 0;
        for (size_t i = 0; i < n; i += VEC_LANES)
            transpose_square(in + (rows > 0 ? c * step : 0) + i, step, rows, n - i,
                             out + i * width + c, width);
    }
}
