/* devices/cpu/x86/s8_depthwise_avx512vnni.c - rows of a depthwise convolution on vpdpbusd: four
 * taps of 64 neighbours are interleaved, so that each product sums four taps of one channel.
 * Depends: s8_depthwise, requant_avx512.  Used by: s8_depthwise_conv_2d.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/s8_depthwise.h"
#include "devices/cpu/x86/requant_avx512.h"

/* Bytes of four taps: out[v] holds, for the channels of vector v, four bytes each. */
MWI_INLINE void interleave(const uint8_t *in, const int32_t *taps, __m512i out[4])
{
    const __m512i t0 = _mm512_loadu_si512(in + taps[0]), t1 = _mm512_loadu_si512(in + taps[1]);
    const __m512i t2 = _mm512_loadu_si512(in + taps[2]), t3 = _mm512_loadu_si512(in + taps[3]);
    const __m512i low01 = _mm512_unpacklo_epi8(t0, t1), high01 = _mm512_unpackhi_epi8(t0, t1);
    const __m512i low23 = _mm512_unpacklo_epi8(t2, t3), high23 = _mm512_unpackhi_epi8(t2, t3);

    out[0] = _mm512_unpacklo_epi16(low01, low23);
    out[1] = _mm512_unpackhi_epi16(low01, low23);
    out[2] = _mm512_unpacklo_epi16(high01, high23);
    out[3] = _mm512_unpackhi_epi16(high01, high23);
}

MWI_INLINE __m512i finish(const mwi_dw_layer *l, const mwi_dw_constants *c, __m512i acc[4],
                          const bool is_signed)
{
#pragma GCC unroll 4
    for (int v = 0; v < 4; v++) {
        const mwi_requant16 r = mwi_requant16_load(c->multiplier + 16 * v, c->shift + 16 * v);
        acc[v] = mwi_requant16_scale(acc[v], &r);
    }
    return mwi_requant64_pack(acc, _mm512_set1_epi16((short)l->out_zero),
                              _mm512_set1_epi8((char)l->low), _mm512_set1_epi8((char)l->high),
                              is_signed);
}

MWI_INLINE __m512i block(const mwi_dw_layer *l, const uint8_t *in, size_t pattern,
                         const size_t n_groups, const bool is_signed)
{
    const mwi_dw_constants *const c = &l->constants[pattern];
    const int8_t *w = l->weights + pattern * l->n_groups * 256;
    const int32_t *taps = l->taps;
    __m512i acc[4], x[4];

#pragma GCC unroll 4
    for (int v = 0; v < 4; v++) acc[v] = _mm512_loadu_si512(c->bias + 16 * v);
#pragma GCC unroll 3
    for (size_t g = 0; g < n_groups; g++, w += 256, taps += 4) {
        interleave(in, taps, x);
#pragma GCC unroll 4
        for (int v = 0; v < 4; v++)
            acc[v] = _mm512_dpbusd_epi32(acc[v], x[v], _mm512_loadu_si512(w + 64 * v));
    }
    return finish(l, c, acc, is_signed);
}

/* The same with weights that were moved: `ones` sums the values of a channel's taps. */
MWI_INLINE __m512i block_moved(const mwi_dw_layer *l, const uint8_t *in, size_t pattern)
{
    const mwi_dw_constants *const c = &l->constants[pattern];
    const int8_t *w = l->weights + pattern * l->n_groups * 256;
    __m512i acc[4], sum[4], x[4];

#pragma GCC unroll 4
    for (int v = 0; v < 4; v++) {
        acc[v] = _mm512_loadu_si512(c->bias + 16 * v);
        sum[v] = _mm512_setzero_si512();
    }
    for (size_t g = 0; g < l->n_groups; g++, w += 256) {
        const __m512i ones = _mm512_set1_epi32(((const int32_t *)(const void *)l->ones)[g]);
        interleave(in, l->taps + 4 * g, x);
#pragma GCC unroll 4
        for (int v = 0; v < 4; v++) {
            acc[v] = _mm512_dpbusd_epi32(acc[v], x[v], _mm512_loadu_si512(w + 64 * v));
            sum[v] = _mm512_dpbusd_epi32(sum[v], x[v], ones);
        }
    }
    const __m512i factor = _mm512_set1_epi32(l->sum_factor);
#pragma GCC unroll 4
    for (int v = 0; v < 4; v++)
        acc[v] = _mm512_add_epi32(acc[v], _mm512_mullo_epi32(sum[v], factor));
    return finish(l, c, acc, false);
}

MWI_INLINE void store(uint8_t *out, size_t left, __m512i bytes)
{
    if (left >= 64)
        _mm512_storeu_si512(out, bytes);
    else
        _mm512_mask_storeu_epi8(out, ((__mmask64)1 << left) - 1, bytes);
}

void mwi_dw_row(const mwi_dw_layer *l, const uint8_t *in, size_t n, uint8_t *out)
{
    size_t pattern = 0;

    for (size_t i = 0; i < n; i += 64) {
        const __m512i bytes = l->sum_factor != 0 ? block_moved(l, in + i, pattern)
                              : !l->is_signed    ? block(l, in + i, pattern, l->n_groups, false)
                              : l->n_groups == 3 ? block(l, in + i, pattern, 3, true)
                                                 : block(l, in + i, pattern, l->n_groups, true);
        store(out + i, n - i, bytes);
        if (++pattern == l->n_patterns) pattern = 0;
    }
}
