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

MWI_INLINE __m512i finish(const mwi_dw_layer *l, const mwi_requant_block *k, __m512i acc[4],
                          const bool positive)
{
#pragma GCC unroll 4
    for (int v = 0; v < 4; v++)
        acc[v] = positive ? mwi_requant16_positive(acc[v], &k[v]) : mwi_requant16(acc[v], &k[v]);
    return mwi_requant64_pack(acc, _mm512_set1_epi16((short)l->out_zero),
                              _mm512_set1_epi8((char)l->low), _mm512_set1_epi8((char)l->high),
                              l->low < 0);
}

MWI_INLINE __m512i block(const mwi_dw_layer *l, const uint8_t *in, size_t pattern,
                         const size_t n_groups, const bool positive)
{
    const mwi_requant_block *const k = &l->constants[4 * pattern];
    const int8_t *w = l->weights + pattern * l->n_groups * 256;
    const int32_t *taps = l->taps;
    __m512i acc[4], x[4];

#pragma GCC unroll 4
    for (int v = 0; v < 4; v++) acc[v] = _mm512_loadu_si512(k[v].bias);
#pragma GCC unroll 3
    for (size_t g = 0; g < n_groups; g++, w += 256, taps += 4) {
        interleave(in, taps, x);
#pragma GCC unroll 4
        for (int v = 0; v < 4; v++)
            acc[v] = _mm512_dpbusd_epi32(acc[v], x[v], _mm512_loadu_si512(w + 64 * v));
    }
    return finish(l, k, acc, positive);
}

/* The same with weights that were moved: `ones` sums the values of a channel's taps. */
MWI_INLINE __m512i block_moved(const mwi_dw_layer *l, const uint8_t *in, size_t pattern)
{
    const mwi_requant_block *const k = &l->constants[4 * pattern];
    const int8_t *w = l->weights + pattern * l->n_groups * 256;
    __m512i acc[4], sum[4], x[4];

#pragma GCC unroll 4
    for (int v = 0; v < 4; v++) {
        acc[v] = _mm512_loadu_si512(k[v].bias);
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
    return finish(l, k, acc, false);
}

MWI_INLINE void store(uint8_t *out, size_t left, __m512i bytes)
{
    if (left >= 64)
        _mm512_storeu_si512(out, bytes);
    else
        _mm512_mask_storeu_epi8(out, ((__mmask64)1 << left) - 1, bytes);
}

/* A row of 64 channels, filters of three columns: each column of the input is interleaved once and
 * serves three results. `step`: from a pixel to the next, in and out. */
MWI_INLINE void row_of_three(const mwi_dw_layer *l, const uint8_t *in, size_t pattern, size_t n,
                             size_t step, uint8_t *out, const bool positive)
{
    const mwi_requant_block *const k = &l->constants[4 * pattern];
    const int8_t *const w = l->weights + pattern * 3 * 256;
    __m512i a[4], b[4], c[4], acc[4];

    interleave(in, l->taps, a);
    interleave(in + step, l->taps, b);
    for (size_t x = 0; x < n; x++, in += step, out += step) {
        interleave(in + 2 * step, l->taps, c);
#pragma GCC unroll 4
        for (int v = 0; v < 4; v++) {
            acc[v] = _mm512_dpbusd_epi32(_mm512_loadu_si512(k[v].bias), a[v],
                                         _mm512_loadu_si512(w + 64 * v));
            acc[v] = _mm512_dpbusd_epi32(acc[v], b[v], _mm512_loadu_si512(w + 256 + 64 * v));
            acc[v] = _mm512_dpbusd_epi32(acc[v], c[v], _mm512_loadu_si512(w + 512 + 64 * v));
            a[v] = b[v];
            b[v] = c[v];
        }
        _mm512_storeu_si512(out, finish(l, k, acc, positive));
    }
}

static void row_by_columns(const mwi_dw_layer *l, const uint8_t *in, size_t n, uint8_t *out)
{
    const size_t step = l->column_step;

    for (size_t c = 0; c < step; c += 64)
        if (l->positive)
            row_of_three(l, in + c, c / 64, n / step, step, out + c, true);
        else
            row_of_three(l, in + c, c / 64, n / step, step, out + c, false);
}

void mwi_dw_row(const mwi_dw_layer *l, const uint8_t *in, size_t n, uint8_t *out)
{
    size_t pattern = 0;

    if (l->column_step != 0) {
        row_by_columns(l, in, n, out);
        return;
    }
    for (size_t i = 0; i < n; i += 64) {
        const __m512i bytes = l->sum_factor != 0 ? block_moved(l, in + i, pattern)
                              : !l->positive     ? block(l, in + i, pattern, l->n_groups, false)
                              : l->n_groups == 3 ? block(l, in + i, pattern, 3, true)
                                                 : block(l, in + i, pattern, l->n_groups, true);
        store(out + i, n - i, bytes);
        if (++pattern == l->n_patterns) pattern = 0;
    }
}
