/* devices/cpu/x86/s8_pool_avx512.c - 8-bit pixels of pool_2d.h, equal to the bit to the reference
 * rows. Averages divide in floats: sums are so small (MWI_POOL_MOST_TAPS) that the rounded quotient
 * never reaches a whole number that the exact one does not.
 * Depends: pool_2d.  Used by: the kernels of this folder.   SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/pool_2d.h"

#include <immintrin.h>

#define MWI_INLINE static inline __attribute__((always_inline))

MWI_INLINE __m512i widened(const uint8_t *p, __mmask16 some, const bool is_signed)
{
    const __m128i v = _mm_maskz_loadu_epi8(some, p);
    return is_signed ? _mm512_cvtepi8_epi32(v) : _mm512_cvtepu8_epi32(v);
}

/* (sum + half of the count, away from zero) / count, cut. */
MWI_INLINE __m512i mean_of(__m512i sum, int32_t count)
{
    const __m512i half = _mm512_set1_epi32(count / 2), zero = _mm512_setzero_si512();
    const __mmask16 positive = _mm512_cmpgt_epi32_mask(sum, zero);
    const __m512i shifted = _mm512_mask_add_epi32(_mm512_sub_epi32(sum, half), positive, sum, half);
    const __m512 v = _mm512_div_ps(_mm512_cvtepi32_ps(shifted), _mm512_set1_ps((float)count));

    return count > 0 ? _mm512_cvttps_epi32(v) : zero;
}

MWI_INLINE void average_pixel(const mwi_pool_pixel *p, const bool is_signed)
{
    const mwi_window *const w = &p->s->w;
    const size_t channels = (size_t)w->in_c;
    const __m512i low = _mm512_set1_epi32(p->s->low), high = _mm512_set1_epi32(p->s->high);

    for (size_t c = 0; c < channels; c += 16) {
        const size_t left = channels - c;
        const __mmask16 some = (__mmask16)(left >= 16 ? 0xffff : (1u << left) - 1);
        const uint8_t *const in = (const uint8_t *)p->call->in[0].data + p->item + c;
        __m512i sum = _mm512_setzero_si512();
        for (int32_t y = p->y0; y < p->y1; y++) {
            const uint8_t *v = in + ((size_t)y * (size_t)w->in_w + (size_t)p->x0) * channels;
            for (int32_t x = p->x0; x < p->x1; x++, v += channels)
                sum = _mm512_add_epi32(sum, widened(v, some, is_signed));
        }
        const __m512i mean = mean_of(sum, (p->y1 - p->y0) * (p->x1 - p->x0));
        const __m512i v = _mm512_min_epi32(_mm512_max_epi32(mean, low), high);
        _mm_mask_storeu_epi8((uint8_t *)p->call->out[0].data + p->out + c, some,
                             _mm512_cvtepi32_epi8(v));
    }
}

MWI_INLINE __m512i largest(__m512i a, __m512i b, const bool is_signed)
{
    return is_signed ? _mm512_max_epi8(a, b) : _mm512_max_epu8(a, b);
}

MWI_INLINE void max_pixel(const mwi_pool_pixel *p, const bool is_signed)
{
    const mwi_window *const w = &p->s->w;
    const size_t channels = (size_t)w->in_c;
    const __m512i low = _mm512_set1_epi8((char)p->s->low),
                  high = _mm512_set1_epi8((char)p->s->high);

    for (size_t c = 0; c < channels; c += 64) {
        const size_t left = channels - c;
        const __mmask64 some = left >= 64 ? ~(__mmask64)0 : ((__mmask64)1 << left) - 1;
        const uint8_t *const in = (const uint8_t *)p->call->in[0].data + p->item + c;
        __m512i most = _mm512_set1_epi8((char)(is_signed ? INT8_MIN : 0));
        for (int32_t y = p->y0; y < p->y1; y++) {
            const uint8_t *v = in + ((size_t)y * (size_t)w->in_w + (size_t)p->x0) * channels;
            for (int32_t x = p->x0; x < p->x1; x++, v += channels)
                most = largest(most, _mm512_maskz_loadu_epi8(some, v), is_signed);
        }
        most = largest(most, low, is_signed);
        most = is_signed ? _mm512_min_epi8(most, high) : _mm512_min_epu8(most, high);
        _mm512_mask_storeu_epi8((uint8_t *)p->call->out[0].data + p->out + c, some, most);
    }
}

void mwi_s8_average_pixel_avx512(const mwi_pool_pixel *p) { average_pixel(p, true); }
void mwi_u8_average_pixel_avx512(const mwi_pool_pixel *p) { average_pixel(p, false); }
void mwi_s8_max_pixel_avx512(const mwi_pool_pixel *p) { max_pixel(p, true); }
void mwi_u8_max_pixel_avx512(const mwi_pool_pixel *p) { max_pixel(p, false); }
