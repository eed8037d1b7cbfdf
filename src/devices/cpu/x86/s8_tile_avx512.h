/* devices/cpu/x86/s8_tile_avx512.h - what tiles of an 8-bit matrix product share: their operands,
 * and how 16 sums a vector become bytes of pixels. Depends: s8_layer, requant_avx512.  Used by:
 * s8_layer_avx512vnni, s8_dense_avx512vnni. SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_DEVICES_CPU_X86_S8_TILE_AVX512_H
#define MWI_DEVICES_CPU_X86_S8_TILE_AVX512_H

#include "devices/cpu/x86/requant_avx512.h"
#include "devices/cpu/x86/s8_layer.h"

#include <string.h>

/* One tile's operands: `pixels` corners, weights and constants of its block of channels. */
typedef struct mwi_tile {
    const mwi_s8_layer *layer;
    const uint8_t *const *pixels;
    const int32_t *sums; /* of each pixel's values times the layer's factor */
    const int8_t *weights;
    size_t channel; /* the first */
    uint8_t *out;   /* of the first pixel and channel */
} mwi_tile;

MWI_INLINE __m512i mwi_broadcast4(const uint8_t *at)
{
    int32_t four;

    memcpy(&four, at, sizeof four);
    return _mm512_set1_epi32(four);
}

/* What a tile's results have in common. */
typedef struct mwi_tile_bounds {
    __m512i zero, low, high;
    bool is_signed;
} mwi_tile_bounds;

MWI_INLINE __m512i mwi_tile_pack(const mwi_tile_bounds *b, const __m512i y[4])
{
    return mwi_requant64_pack(y, b->zero, b->low, b->high, b->is_signed);
}

/* The first n of 64 bytes. */
MWI_INLINE void mwi_tile_store(uint8_t *out, size_t n, __m512i bytes)
{
    if (n >= 64)
        _mm512_storeu_si512(out, bytes);
    else
        _mm512_mask_storeu_epi8(out, ((__mmask64)1 << n) - 1, bytes);
}

/* Four vectors, whose bytes pack to 64, 2 x 32 or 4 x 16 channels of as many pixels. */
MWI_INLINE void mwi_tile_store_packed(const mwi_tile *t, const int m, const int N,
                                      const mwi_tile_bounds *b, const __m512i y[4])
{
    const size_t out_c = t->layer->out_c, left = out_c - t->channel;
    const size_t n = left < (size_t)N * 16 ? left : (size_t)N * 16;
    uint8_t *const out = t->out + (size_t)m * out_c;
    __m512i bytes = mwi_tile_pack(b, y);

    if (N == 4) {
        mwi_tile_store(out, n, bytes);
        return;
    }
    if (N == 2) {
        bytes = _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7), bytes);
        mwi_tile_store(out, n, bytes);
        mwi_tile_store(out + out_c, n, _mm512_zextsi256_si512(_mm512_extracti64x4_epi64(bytes, 1)));
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
MWI_INLINE void mwi_tile_store_single(const mwi_tile *t, const int m, const int N,
                                      const mwi_tile_bounds *b, const __m512i *y)
{
    const size_t out_c = t->layer->out_c, left = out_c - t->channel;
    const size_t n = left < (size_t)N * 16 ? left : (size_t)N * 16;
    const __m512i none = _mm512_setzero_si512();
    const __m512i four[4] = {y[0], N > 1 ? y[1] : none, none, none};
    __m512i bytes = mwi_tile_pack(b, four);

    if (N == 1)
        bytes = _mm512_permutexvar_epi32(
            _mm512_setr_epi32(0, 4, 8, 12, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1), bytes);
    if (N == 2) bytes = _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 2, 4, 6, 1, 1, 1, 1), bytes);
    mwi_tile_store(t->out + (size_t)m * out_c, n, bytes);
}

MWI_INLINE mwi_tile_bounds mwi_tile_bounds_of(const mwi_s8_layer *l)
{
    /* From 0 on both packings give the same. */
    return (mwi_tile_bounds){_mm512_set1_epi16((short)l->out_zero), _mm512_set1_epi8((char)l->low),
                             _mm512_set1_epi8((char)l->high), l->low < 0};
}

#endif
