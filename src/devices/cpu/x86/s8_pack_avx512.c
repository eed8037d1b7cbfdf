/* devices/cpu/x86/s8_pack_avx512.c - see s8_pack.h.
 * Depends: nothing.  Used by: s8_channels, s8_layer.   SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/s8_pack.h"

#include <immintrin.h>

static inline __mmask64 first(size_t n)
{
    return n >= 64 ? ~(__mmask64)0 : ((__mmask64)1 << n) - 1;
}

void mwi_s8_sums(const uint8_t *values, size_t n, uint8_t flip, uint8_t zero, uint64_t *sum,
                 uint64_t *distance)
{
    const __m512i f = _mm512_set1_epi8((char)flip), z = _mm512_set1_epi8((char)zero);
    __m512i all = _mm512_setzero_si512(), far = _mm512_setzero_si512();

    for (size_t i = 0; i < n; i += 64) {
        const __mmask64 some = first(n - i);
        const __m512i v = _mm512_xor_si512(_mm512_maskz_loadu_epi8(some, values + i), f);
        all = _mm512_add_epi64(
            all, _mm512_sad_epu8(_mm512_maskz_mov_epi8(some, v), _mm512_setzero_si512()));
        far = _mm512_add_epi64(far, _mm512_sad_epu8(_mm512_mask_mov_epi8(z, some, v), z));
    }
    *sum = (uint64_t)_mm512_reduce_add_epi64(all);
    *distance = (uint64_t)_mm512_reduce_add_epi64(far);
}

void mwi_s8_range(const uint8_t *values, size_t n, uint8_t *least, uint8_t *largest)
{
    __m512i low = _mm512_set1_epi8((char)values[0]), high = low;
    uint8_t lows[64], highs[64];

    for (size_t i = 0; i < n; i += 64) {
        const __mmask64 some = first(n - i);
        const __m512i v = _mm512_maskz_loadu_epi8(some, values + i);
        low = _mm512_mask_min_epu8(low, some, low, v);
        high = _mm512_mask_max_epu8(high, some, high, v);
    }
    _mm512_storeu_si512(lows, low);
    _mm512_storeu_si512(highs, high);
    *least = lows[0];
    *largest = highs[0];
    for (size_t i = 1; i < 64; i++) {
        if (lows[i] < *least) *least = lows[i];
        if (highs[i] > *largest) *largest = highs[i];
    }
}

void mwi_s8_quads(const uint8_t *values, const int32_t starts[16], size_t n_quads, uint8_t move,
                  int8_t *out, size_t step)
{
    const __m512i at = _mm512_loadu_si512(starts), m = _mm512_set1_epi8((char)move);
    const __mmask16 some = _mm512_cmpge_epi32_mask(at, _mm512_setzero_si512());

    for (size_t q = 0; q < n_quads; q++, values += 4, out += step) {
        const __m512i four =
            _mm512_mask_i32gather_epi32(_mm512_setzero_si512(), some, at, values, 1);
        _mm512_storeu_si512(out, _mm512_maskz_mov_epi32(some, _mm512_sub_epi8(four, m)));
    }
}
