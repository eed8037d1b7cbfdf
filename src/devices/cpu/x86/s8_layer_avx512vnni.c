/* devices/cpu/x86/s8_layer_avx512vnni.c - tiles of the 8-bit matrix product on vpdpbusd: a lane is
 * a channel, four products deep; pixels are broadcast. A tile is as large as the registers hold,
 * so that each load feeds several products.
 * Depends: s8_tile_avx512.  Used by: the kernels of this folder.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/s8_tile_avx512.h"

MWI_INLINE void finish(const mwi_tile *t, const int M, const int N, const bool positive,
                       __m512i acc[16][4])
{
    const mwi_s8_layer *const l = t->layer;
    const mwi_requant_block *const k = l->constants + t->channel / MWI_S8_LANES;
    const mwi_tile_bounds b = mwi_tile_bounds_of(l);
    const int group = M % (4 / N) != 0 ? 1 : 4 / N; /* pixels packed together */

#pragma GCC unroll 16
    for (int m = 0; m < M; m += group) {
        __m512i y[4];
#pragma GCC unroll 4
        for (int i = 0; i < group * N; i++)
            y[i] = positive ? mwi_requant16_positive(acc[m + i / N][i % N], &k[i % N])
                            : mwi_requant16(acc[m + i / N][i % N], &k[i % N]);
        if (group * N == 4)
            mwi_tile_store_packed(t, m, N, &b, y);
        else
            mwi_tile_store_single(t, m, N, &b, y);
    }
}

/* M pixels times N vectors of channels. */
MWI_INLINE void run_tile(const mwi_tile *t, const int M, const int N, const bool positive,
                         const bool flip)
{
    const mwi_s8_layer *const l = t->layer;
    const mwi_requant_block *const k = l->constants + t->channel / MWI_S8_LANES;
    const __m512i sign = _mm512_set1_epi8((char)0x80);
    const size_t quads = (l->segment_bytes + 3) / 4;
    const int8_t *w = t->weights;
    __m512i acc[16][4];

#pragma GCC unroll 16
    for (int m = 0; m < M; m++) {
#pragma GCC unroll 4
        for (int n = 0; n < N; n++)
            acc[m][n] =
                _mm512_add_epi32(_mm512_set1_epi32(t->sums[m]), _mm512_loadu_si512(k[n].bias));
    }
    for (size_t s = 0; s < l->n_segments; s++) {
        const ptrdiff_t at = l->segments[s];
        for (size_t q = 0; q < quads; q++) {
            __m512i b[4];
#pragma GCC unroll 4
            for (int n = 0; n < N; n++) b[n] = _mm512_load_si512(w + n * 64);
            w += N * 64;
#pragma GCC unroll 16
            for (int m = 0; m < M; m++) {
                __m512i a = mwi_broadcast4(t->pixels[m] + at + 4 * q);
                if (flip) a = _mm512_xor_si512(a, sign);
#pragma GCC unroll 4
                for (int n = 0; n < N; n++) acc[m][n] = _mm512_dpbusd_epi32(acc[m][n], a, b[n]);
            }
        }
    }
    finish(t, M, N, positive, acc);
}

#define TILE(M, N)                                                                                 \
    static void tile_##M##x##N(const mwi_tile *t)                                                  \
    {                                                                                              \
        if (t->layer->flip && t->layer->positive)                                                  \
            run_tile(t, M, N, true, true);                                                         \
        else if (t->layer->flip)                                                                   \
            run_tile(t, M, N, false, true);                                                        \
        else if (t->layer->positive)                                                               \
            run_tile(t, M, N, true, false);                                                        \
        else                                                                                       \
            run_tile(t, M, N, false, false);                                                       \
    }
TILE(1, 1)
TILE(4, 1)
TILE(12, 1)
TILE(1, 2)
TILE(4, 2)
TILE(12, 2)
TILE(1, 4)
TILE(2, 4)
TILE(6, 4)

typedef struct tile_row {
    size_t pixels;
    void (*run)(const mwi_tile *t);
} tile_row;

/* By vectors of channels: 1, 2 and 4; the largest first. */
static const tile_row tiles_1[] = {{12, tile_12x1}, {4, tile_4x1}, {1, tile_1x1}};
static const tile_row tiles_2[] = {{12, tile_12x2}, {4, tile_4x2}, {1, tile_1x2}};
static const tile_row tiles_4[] = {{6, tile_6x4}, {2, tile_2x4}, {1, tile_1x4}};

/* The sum of a pixel's unsigned values. */
static int32_t sum_of(const mwi_s8_layer *l, const uint8_t *pixel)
{
    __m512i sum = _mm512_setzero_si512();

    for (size_t s = 0; s < l->n_segments; s++) {
        const uint8_t *const p = pixel + l->segments[s];
        for (size_t k = 0; k < l->segment_bytes; k += 64) {
            const size_t n = l->segment_bytes - k;
            const __mmask64 some = n >= 64 ? ~(__mmask64)0 : ((__mmask64)1 << n) - 1;
            sum = _mm512_add_epi64(
                sum, _mm512_sad_epu8(_mm512_maskz_loadu_epi8(some, p + k), _mm512_setzero_si512()));
        }
    }
    return (int32_t)_mm512_reduce_add_epi64(sum);
}

void mwi_s8_layer_sums(const mwi_s8_layer *l, const uint8_t *const *pixels, size_t n, int32_t *out)
{
    for (size_t i = 0; i < n; i++) out[i] = l->sum_factor * sum_of(l, pixels[i]);
}

void mwi_s8_layer_run(const mwi_s8_layer *l, const uint8_t *const *pixels, size_t n, uint8_t *out)
{
    const size_t quads = l->n_segments * ((l->segment_bytes + 3) / 4);
    const int8_t *weights = l->weights;
    int32_t sums[MWI_S8_MAX_PIXELS] = {0};

    if (l->sum_factor != 0) mwi_s8_layer_sums(l, pixels, n, sums);
    for (size_t c = 0, width; c < l->out_c; c += width) {
        size_t i = 0;
        width = mwi_s8_block_width(l->out_c, c);
        for (const tile_row *row = width == 64   ? tiles_4
                                   : width == 32 ? tiles_2
                                                 : tiles_1;
             i < n; row++) {
            for (; n - i >= row->pixels; i += row->pixels) {
                const mwi_tile t = {.layer = l,
                                    .pixels = pixels + i,
                                    .sums = sums + i,
                                    .weights = weights,
                                    .channel = c,
                                    .out = out + i * l->out_c + c};
                row->run(&t);
            }
        }
        weights += quads * width * 4;
    }
}
