/* devices/cpu/x86/requant_avx512.h - ops/fixed.h's mwi_scale, 16 channels at once.
 * Depends: requant.  Used by: the AVX-512 kernels of 8-bit layers.
 * Holds:   no multiplier shifts to the left, and sums are so small that 32 bits hold every step:
 *          mwi_s8_fits proves it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_DEVICES_CPU_X86_REQUANT_AVX512_H
#define MWI_DEVICES_CPU_X86_REQUANT_AVX512_H

#include "devices/cpu/x86/requant.h"

#include <immintrin.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MWI_INLINE static inline __attribute__((always_inline))

/* Scales 16 sums: the high half of the doubled product, rounded; then the shift, halves away from
 * zero. */
MWI_INLINE __m512i mwi_requant16(__m512i acc, const mwi_requant_block *k)
{
    const __m512i nudge = _mm512_set1_epi64(1 << 30);
    const __m512i shift = _mm512_loadu_si512(k->shift);
    const __m512i even = _mm512_mul_epi32(acc, _mm512_loadu_si512(k->multiplier));
    const __m512i odd =
        _mm512_mul_epi32(_mm512_srli_epi64(acc, 32), _mm512_loadu_si512(k->multiplier + 1));
    const __m512i high =
        _mm512_mask_blend_epi32(0xaaaa, _mm512_srli_epi64(_mm512_add_epi64(even, nudge), 31),
                                _mm512_slli_epi64(_mm512_add_epi64(odd, nudge), 1));
    const __m512i sign = _mm512_maskz_srai_epi32(_mm512_test_epi32_mask(shift, shift), high, 31);
    const __m512i sum = _mm512_add_epi32(high, sign);

    return _mm512_srav_epi32(_mm512_add_epi32(sum, _mm512_loadu_si512(k->half)), shift);
}

/* The same where results below zero do not matter, as a clamp follows: both roundings of a positive
 * number are one addition, and both shifts one. */
MWI_INLINE __m512i mwi_requant16_positive(__m512i acc, const mwi_requant_block *k)
{
    const __m512i even = _mm512_mul_epi32(acc, _mm512_loadu_si512(k->multiplier));
    const __m512i odd =
        _mm512_mul_epi32(_mm512_srli_epi64(acc, 32), _mm512_loadu_si512(k->multiplier + 1));
    const __m512i e = _mm512_srav_epi64(_mm512_add_epi64(even, _mm512_loadu_si512(k->add)),
                                        _mm512_loadu_si512(k->shift64));
    const __m512i o = _mm512_srav_epi64(_mm512_add_epi64(odd, _mm512_loadu_si512(k->add + 8)),
                                        _mm512_loadu_si512(k->shift64 + 8));

    return _mm512_mask_blend_epi32(0xaaaa, e, _mm512_slli_epi64(o, 32));
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
