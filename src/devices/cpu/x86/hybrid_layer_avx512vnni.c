/* devices/cpu/x86/hybrid_layer_avx512vnni.c - tiles of the hybrid matrix product on vpdpbusd: a
 * lane is a channel, four products deep; values are unsigned, so each sum starts at minus their
 * offset times the sum of the channel's weights.
 * Depends: hybrid_layer.  Used by: the kernels of this folder.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/hybrid_layer.h"
#include "devices/cpu/x86/vec_f32_avx512.h"

#include <string.h>

enum { LANES = 16, BLOCK = 64 };

typedef struct tile {
    const mwi_hybrid_layer *layer;
    const mwi_hybrid_scale *scale;
    const uint8_t *const *pixels;
    const int8_t *weights;
    size_t channel; /* the first */
    float *out;     /* of the first pixel and channel */
} tile;

MWI_INLINE __m512i broadcast4(const uint8_t *at)
{
    int32_t four;

    memcpy(&four, at, sizeof four);
    return _mm512_set1_epi32(four);
}

MWI_INLINE __m512 result(const mwi_hybrid_layer *l, __m512i acc, __m512 scales, __m512 scale,
                         __m512 bias)
{
    const __m512 sum = _mm512_cvtepi32_ps(acc);
    const __m512 v = l->scales_first ? _mm512_mul_ps(sum, _mm512_mul_ps(scale, scales))
                                     : _mm512_mul_ps(_mm512_mul_ps(sum, scales), scale);
    return vec_clamp(_mm512_add_ps(v, bias), _mm512_set1_ps(l->low), _mm512_set1_ps(l->high));
}

/* M pixels times N vectors of channels. */
MWI_INLINE void run_tile(const tile *t, const size_t M, const size_t N)
{
    const mwi_hybrid_layer *const l = t->layer;
    const size_t quads = (l->segment_bytes + 3) / 4;
    const __m512i offset = _mm512_set1_epi32(-128 - t->scale->zero);
    const int8_t *w = t->weights;
    __m512i acc[8][4];

#pragma GCC unroll 4
    for (size_t n = 0; n < N; n++) {
        acc[0][n] =
            _mm512_mullo_epi32(_mm512_loadu_si512(l->sums + t->channel + n * LANES), offset);
#pragma GCC unroll 8
        for (size_t m = 1; m < M; m++) acc[m][n] = acc[0][n];
    }
    for (size_t s = 0; s < l->n_segments; s++) {
        const uint8_t *x[8];
#pragma GCC unroll 8
        for (size_t m = 0; m < M; m++) x[m] = t->pixels[m] + l->segments[s];
        for (size_t q = 0; q < quads; q++) {
            __m512i b[4];
#pragma GCC unroll 4
            for (size_t n = 0; n < N; n++) b[n] = _mm512_load_si512(w + n * 64);
            w += N * 64;
#pragma GCC unroll 8
            for (size_t m = 0; m < M; m++) {
                const __m512i a = broadcast4(x[m] + 4 * q);
#pragma GCC unroll 4
                for (size_t n = 0; n < N; n++) acc[m][n] = _mm512_dpbusd_epi32(acc[m][n], a, b[n]);
            }
        }
    }
    const __m512 scale = _mm512_set1_ps(t->scale->scale);
#pragma GCC unroll 4
    for (size_t n = 0; n < N; n++) {
        const size_t c = t->channel + n * LANES;
        const vec_mask some = vec_first(l->out_c - c);
        const __m512 scales = _mm512_loadu_ps(l->scales + c), bias = _mm512_loadu_ps(l->bias + c);
#pragma GCC unroll 8
        for (size_t m = 0; m < M; m++) {
            float *const out = t->out + m * l->out_c + n * LANES;
            const __m512 v = result(l, acc[m][n], scales, scale, bias);
            if (c + LANES <= l->out_c)
                vec_store(out, v);
            else
                vec_store_some(out, v, some);
        }
    }
}

#define TILE(M, N)                                                                                 \
    static void tile_##M##x##N(const tile *t) { run_tile(t, M, N); }
TILE(1, 1)
TILE(2, 1)
TILE(4, 1)
TILE(8, 1)
TILE(1, 2)
TILE(2, 2)
TILE(4, 2)
TILE(8, 2)
TILE(1, 3)
TILE(2, 3)
TILE(4, 3)
TILE(8, 3)
TILE(1, 4)
TILE(2, 4)
TILE(3, 4)
TILE(6, 4)

typedef struct tile_row {
    size_t pixels;
    void (*run)(const tile *t);
} tile_row;

/* By vectors of channels less one; the largest first. */
static const tile_row tiles[4][4] = {
    {{8, tile_8x1}, {4, tile_4x1}, {2, tile_2x1}, {1, tile_1x1}},
    {{8, tile_8x2}, {4, tile_4x2}, {2, tile_2x2}, {1, tile_1x2}},
    {{8, tile_8x3}, {4, tile_4x3}, {2, tile_2x3}, {1, tile_1x3}},
    {{6, tile_6x4}, {3, tile_3x4}, {2, tile_2x4}, {1, tile_1x4}},
};

void mwi_hybrid_layer_run(const mwi_hybrid_layer *l, const mwi_hybrid_scale *scale,
                          const uint8_t *const *pixels, size_t n, float *out)
{
    const size_t quads = l->n_segments * ((l->segment_bytes + 3) / 4);
    const int8_t *weights = l->weights;

    for (size_t c = 0; c < l->out_c; c += BLOCK) {
        const size_t left = (l->out_c - c + LANES - 1) / LANES, width = left < 4 ? left : 4;
        size_t i = 0;
        for (const tile_row *row = tiles[width - 1]; i < n; row++) {
            for (; n - i >= row->pixels; i += row->pixels) {
                const tile t = {.layer = l,
                                .scale = scale,
                                .pixels = pixels + i,
                                .weights = weights,
                                .channel = c,
                                .out = out + i * l->out_c + c};
                row->run(&t);
            }
        }
        weights += quads * width * 64;
    }
}
