/* devices/cpu/x86/s8_layer_avx512vnni.c - tiles of the 8-bit matrix product on vpdpbusd: a lane is
 * a channel, four products deep; pixels are broadcast. A tile is as large as the registers hold,
 * so that each load feeds several products.
 * Depends: s8_layer, requant_avx512.  Used by: the kernels of this folder.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/requant_avx512.h"
#include "devices/cpu/x86/s8_layer.h"

#include <string.h>

/* One tile's operands: `pixels` corners, weights and constants of its block of channels. */
typedef struct tile {
    const mwi_s8_layer *layer;
    const uint8_t *const *pixels;
    const int32_t *sums; /* of each pixel's values times the layer's factor */
    const int8_t *weights;
    size_t channel; /* the first */
    uint8_t *out;   /* of the first pixel and channel */
} tile;

MWI_INLINE __m512i broadcast4(const uint8_t *at)
{
    int32_t four;

    memcpy(&four, at, sizeof four);
    return _mm512_set1_epi32(four);
}

/* What a tile's results have in common. */
typedef struct bounds {
    __m512i zero, low, high;
    bool is_signed;
} bounds;

MWI_INLINE __m512i pack(const bounds *b, const __m512i y[4])
{
    return mwi_requant64_pack(y, b->zero, b->low, b->high, b->is_signed);
}

/* The first n of 64 bytes. */
MWI_INLINE void store(uint8_t *out, size_t n, __m512i bytes)
{
    if (n >= 64)
        _mm512_storeu_si512(out, bytes);
    else
        _mm512_mask_storeu_epi8(out, ((__mmask64)1 << n) - 1, bytes);
}

/* Four vectors, whose bytes pack to 64, 2 x 32 or 4 x 16 channels of as many pixels. */
MWI_INLINE void store_packed(const tile *t, const int m, const int N, const bounds *b,
                             const __m512i y[4])
{
    const size_t out_c = t->layer->out_c, left = out_c - t->channel;
    const size_t n = left < (size_t)N * 16 ? left : (size_t)N * 16;
    uint8_t *const out = t->out + (size_t)m * out_c;
    __m512i bytes = pack(b, y);

    if (N == 4) {
        store(out, n, bytes);
        return;
    }
    if (N == 2) {
        bytes = _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7), bytes);
        store(out, n, bytes);
        store(out + out_c, n, _mm512_zextsi256_si512(_mm512_extracti64x4_epi64(bytes, 1)));
        return;
    }
    bytes = _mm512_permutexvar_epi32(
        _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15), bytes);
    const __mmask16 some = (__mmask16)((1u << n) - 1);
    _mm_mask_storeu_epi8(out, some, _mm512_castsi512_si128(bytes));
    _mm_mask_storeu_epi8(out + out_c, some, _mm512_extracti32x4_epi32(bytes, 1));
    _mm_mask_storeu_epi8(out + 2 * out_c, some, _mm512_extracti32x4_epi32(bytes, 2));
    _mm_mask_storeu_epi8(out + 3 * out_c, some, _mm512_extracti32x4_epi32(bytes, 3));
}

/* One pixel alone: its vectors, the rest of four empty. */
MWI_INLINE void store_single(const tile *t, const int m, const int N, const bounds *b,
                             const __m512i *y)
{
    const size_t out_c = t->layer->out_c, left = out_c - t->channel;
    const size_t n = left < (size_t)N * 16 ? left : (size_t)N * 16;
    const __m512i none = _mm512_setzero_si512();
    const __m512i four[4] = {y[0], N > 1 ? y[1] : none, N > 2 ? y[2] : none, none};
    __m512i bytes = pack(b, four);

    if (N == 1)
        bytes = _mm512_permutexvar_epi32(
            _mm512_setr_epi32(0, 4, 8, 12, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1), bytes);
    if (N == 2) bytes = _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 2, 4, 6, 1, 1, 1, 1), bytes);
    if (N == 3) /* in the channels' order: 16 dwords of vector v at 4 * part + v */
        bytes = _mm512_permutexvar_epi32(
            _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15), bytes);
    store(t->out + (size_t)m * out_c, n, bytes);
}

MWI_INLINE void finish(const tile *t, const int M, const int N, const bool positive,
                       __m512i acc[16][4])
{
    const mwi_s8_layer *const l = t->layer;
    const mwi_requant_block *const k = l->constants + t->channel / MWI_S8_LANES;
    const bounds b = {_mm512_set1_epi16((short)l->out_zero), _mm512_set1_epi8((char)l->low),
                      _mm512_set1_epi8((char)l->high),
                      l->low < 0}; /* from 0 on both packings give the same */
    const int group = N == 3 || M % (4 / N) != 0 ? 1 : 4 / N; /* pixels packed together */

#pragma GCC unroll 16
    for (int m = 0; m < M; m += group) {
        __m512i y[4];
#pragma GCC unroll 4
        for (int i = 0; i < group * N; i++)
            y[i] = positive ? mwi_requant16_positive(acc[m + i / N][i % N], &k[i % N])
                            : mwi_requant16(acc[m + i / N][i % N], &k[i % N]);
        if (group * N == 4)
            store_packed(t, m, N, &b, y);
        else
            store_single(t, m, N, &b, y);
    }
}

/* M pixels times N vectors of channels. */
MWI_INLINE void run_tile(const tile *t, const int M, const int N, const bool positive)
{
    const mwi_s8_layer *const l = t->layer;
    const mwi_requant_block *const k = l->constants + t->channel / MWI_S8_LANES;
    const __m512i sign = _mm512_set1_epi8((char)(l->flip ? 0x80 : 0));
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
                const __m512i a = _mm512_xor_si512(broadcast4(t->pixels[m] + at + 4 * q), sign);
#pragma GCC unroll 4
                for (int n = 0; n < N; n++) acc[m][n] = _mm512_dpbusd_epi32(acc[m][n], a, b[n]);
            }
        }
    }
    finish(t, M, N, positive, acc);
}

#define TILE(M, N)                                                                                 \
    static void tile_##M##x##N(const tile *t)                                                      \
    {                                                                                              \
        if (t->layer->positive)                                                                    \
            run_tile(t, M, N, true);                                                               \
        else                                                                                       \
            run_tile(t, M, N, false);                                                              \
    }
TILE(1, 1)
TILE(2, 1)
TILE(4, 1)
TILE(8, 1)
TILE(16, 1)
TILE(1, 2)
TILE(2, 2)
TILE(4, 2)
TILE(8, 2)
TILE(12, 2)
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
static const tile_row tiles[4][5] = {
    {{16, tile_16x1}, {8, tile_8x1}, {4, tile_4x1}, {2, tile_2x1}, {1, tile_1x1}},
    {{12, tile_12x2}, {8, tile_8x2}, {4, tile_4x2}, {2, tile_2x2}, {1, tile_1x2}},
    {{8, tile_8x3}, {4, tile_4x3}, {2, tile_2x3}, {1, tile_1x3}, {0, NULL}},
    {{6, tile_6x4}, {3, tile_3x4}, {2, tile_2x4}, {1, tile_1x4}, {0, NULL}},
};

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

void mwi_s8_layer_run(const mwi_s8_layer *l, const uint8_t *const *pixels, size_t n, uint8_t *out)
{
    const size_t quads = l->n_segments * ((l->segment_bytes + 3) / 4);
    const int8_t *weights = l->weights;
    int32_t sums[MWI_S8_MAX_PIXELS] = {0};

    if (l->sum_factor != 0)
        for (size_t i = 0; i < n; i++) sums[i] = l->sum_factor * sum_of(l, pixels[i]);
    for (size_t c = 0; c < l->out_c; c += MWI_S8_BLOCK) {
        const size_t left = (l->out_c - c + MWI_S8_LANES - 1) / MWI_S8_LANES,
                     width = left < 4 ? left : 4;
        size_t i = 0;
        for (const tile_row *row = tiles[width - 1]; i < n; row++) {
            for (; n - i >= row->pixels; i += row->pixels) {
                const tile t = {.layer = l,
                                .pixels = pixels + i,
                                .sums = sums + i,
                                .weights = weights,
                                .channel = c,
                                .out = out + i * l->out_c + c};
                row->run(&t);
            }
        }
        weights += quads * width * 64;
    }
}
