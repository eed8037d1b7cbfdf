/* devices/cpu/x86/requant_avx512.h - ops/fixed.h's mwi_scale, 16 channels at once.
 * Depends: nothing.  Used by: the AVX-512 kernels of 8-bit layers.
 * Holds:   no multiplier shifts to the left, and sums are so small that 32 bits hold every step:
 *          mwi_s8_layer_fits proves it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_DEVICES_CPU_X86_REQUANT_AVX512_H
#define MWI_DEVICES_CPU_X86_REQUANT_AVX512_H

#include <immintrin.h>
#include <stdbool.h>
#include <stdint.h>

#define MWI_INLINE static inline __attribute__((always_inline))

/* 16 channels' constants. */
typedef struct mwi_requant16 {
    __m512i multiplier, odd_multiplier; /* odd: of channels 1, 3, ... in the even places */
    __m512i shift, half;                /* right shift e; 2^(e-1), 0 for e = 0 */
    __mmask16 shifts;                   /* e > 0 */
} mwi_requant16;

MWI_INLINE mwi_requant16 mwi_requant16_load(const int32_t *multiplier, const int32_t *shift)
{
    mwi_requant16 r;

    r.multiplier = _mm512_loadu_si512(multiplier);
    r.odd_multiplier = _mm512_srli_epi64(r.multiplier, 32);
    r.shift = _mm512_loadu_si512(shift);
    r.shifts = _mm512_test_epi32_mask(r.shift, r.shift);
    r.half = _mm512_srli_epi32(_mm512_sllv_epi32(_mm512_set1_epi32(1), r.shift), 1);
    return r;
}

/* The high half of the doubled product, rounded; then the shift, halves away from zero. */
MWI_INLINE __m512i mwi_requant16_scale(__m512i acc, const mwi_requant16 *r)
{
    const __m512i nudge = _mm512_set1_epi64(1 << 30);
    const __m512i even =
        _mm512_srli_epi64(_mm512_add_epi64(_mm512_mul_epi32(acc, r->multiplier), nudge), 31);
    const __m512i odd = _mm512_slli_epi64(
        _mm512_add_epi64(_mm512_mul_epi32(_mm512_srli_epi64(acc, 32), r->odd_multiplier), nudge),
        1);
    const __m512i high = _mm512_mask_blend_epi32(0xaaaa, even, odd);
    const __m512i sign = _mm512_maskz_srai_epi32(r->shifts, high, 31);
    return _mm512_srav_epi32(_mm512_add_epi32(_mm512_add_epi32(high, sign), r->half), r->shift);
}

/* Four vectors of channels to 64 bytes. Their channels lie so: vector v, 128-bit part p, lane i is
 * channel 16 p + 4 v + i, which is how bytes are unpacked to 32 bits and packed again. `zero`, of
 * 16 bits, is added; low and high are of bytes. */
MWI_INLINE __m512i mwi_requant64_pack(const __m512i y[4], __m512i zero, __m512i low, __m512i high,
                                      const bool is_signed)
{
    const __m512i a = _mm512_adds_epi16(_mm512_packs_epi32(y[0], y[1]), zero);
    const __m512i b = _mm512_adds_epi16(_mm512_packs_epi32(y[2], y[3]), zero);

    if (is_signed) return _mm512_min_epi8(_mm512_max_epi8(_mm512_packs_epi16(a, b), low), high);
    return _mm512_min_epu8(_mm512_max_epu8(_mm512_packus_epi16(a, b), low), high);
}

#endif
