/* devices/cpu/x86/s8_lstm_avx512vnni.c - see s8_lstm.h. Functions of 16-bit fixed point are those
 * of ops/fixed16.c, 32 at once: vpmulhrsw is gemmlowp's rounding product.
 * Depends: s8_lstm.  Used by: the kernels of this folder.   SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/s8_lstm.h"

#include <immintrin.h>
#include <string.h>

#define MWI_INLINE static inline __attribute__((always_inline))

/* ---- 16-bit fixed point ---- */

MWI_INLINE __m512i all16(int v) { return _mm512_set1_epi16((short)v); }
MWI_INLINE __m512i high_mul(__m512i a, __m512i b) { return _mm512_mulhrs_epi16(a, b); }
MWI_INLINE __m512i twice(__m512i v) { return _mm512_adds_epi16(v, v); } /* saturated */

/* Half of v, halves away from zero. */
MWI_INLINE __m512i half_of(__m512i v)
{
    const __m512i sign = _mm512_srai_epi16(v, 15);
    return _mm512_srai_epi16(_mm512_add_epi16(_mm512_add_epi16(v, all16(1)), sign), 1);
}

/* exp on [-1/4, 0), Q0: Taylor's polynomial around -1/8. */
MWI_INLINE __m512i exp_quarter(__m512i a)
{
    const __m512i centre = all16(28918), third = all16(10923); /* exp(-1/8), 1/3 */
    const __m512i x = _mm512_add_epi16(a, all16(1 << 12));
    const __m512i x2 = high_mul(x, x), x3 = high_mul(x2, x), x4 = high_mul(x2, x2);
    const __m512i quarter = _mm512_srai_epi16(_mm512_add_epi16(x4, all16(2)), 2);
    const __m512i sum = _mm512_add_epi16(high_mul(_mm512_add_epi16(quarter, x3), third), x2);

    return _mm512_adds_epi16(centre, high_mul(centre, _mm512_add_epi16(x, half_of(sum))));
}

/* exp(a) for a <= 0 in Q(integer_bits); result Q0. */
MWI_INLINE __m512i exp_negative(__m512i a, int integer_bits)
{
    /* exp(-2^exponent), exponents from -2 on. */
    static const int16_t factors[] = {25520, 19875, 12055, 4435, 600, 11, 0};
    const int fraction_bits = 15 - integer_bits, quarter = 1 << (fraction_bits - 2);
    const __m512i rest = _mm512_sub_epi16(_mm512_and_si512(a, all16(quarter - 1)), all16(quarter));
    const __m512i remainder = _mm512_sub_epi16(rest, a);
    __m512i result = exp_quarter(_mm512_sll_epi16(rest, _mm_cvtsi32_si128(integer_bits)));

    for (int exponent = -2; exponent <= 4 && exponent < integer_bits; exponent++) {
        const __mmask32 has =
            _mm512_test_epi16_mask(remainder, all16(1 << (fraction_bits + exponent)));
        result = _mm512_mask_mulhrs_epi16(result, has, result, all16(factors[exponent + 2]));
    }
    if (integer_bits > 5)
        result = _mm512_mask_mov_epi16(
            result, _mm512_cmplt_epi16_mask(a, all16(-(1 << (fraction_bits + 5)))),
            _mm512_setzero_si512());
    return _mm512_mask_mov_epi16(result, _mm512_testn_epi16_mask(a, a), all16(32767));
}

/* 2 / (1 + a) in Q2 for a in [0, 1] Q0: three steps of Newton-Raphson. */
MWI_INLINE __m512i two_over_one_plus(__m512i a)
{
    const __m512i denominator = _mm512_add_epi16(_mm512_srai_epi16(a, 1), all16(1 << 14));
    __m512i x = _mm512_add_epi16(all16(23130), high_mul(denominator, all16(-15420)));

    for (int i = 0; i < 3; i++) {
        const __m512i error = _mm512_sub_epi16(all16(1 << 13), high_mul(denominator, x));
        x = _mm512_add_epi16(x, twice(twice(high_mul(x, error))));
    }
    return x;
}

MWI_INLINE __m512i negative_of(__m512i a, __mmask32 positive)
{
    return _mm512_mask_sub_epi16(a, positive, _mm512_setzero_si512(), a);
}

MWI_INLINE __m512i logistic(__m512i a, int integer_bits)
{
    const __mmask32 positive = _mm512_cmpgt_epi16_mask(a, _mm512_setzero_si512());
    const __m512i e = exp_negative(negative_of(a, positive), integer_bits);
    const __m512i y = twice(two_over_one_plus(e));
    const __m512i v = _mm512_mask_mov_epi16(_mm512_sub_epi16(all16(32767), y), positive, y);

    return _mm512_mask_mov_epi16(v, _mm512_testn_epi16_mask(a, a), all16(1 << 14));
}

MWI_INLINE __m512i hyperbolic(__m512i a, int integer_bits)
{
    const __mmask32 positive = _mm512_cmpgt_epi16_mask(a, _mm512_setzero_si512());
    const __m512i e = exp_negative(negative_of(a, positive), integer_bits + 1);
    const __m512i t = twice(twice(_mm512_sub_epi16(two_over_one_plus(e), all16(1 << 13))));
    const __m512i v =
        _mm512_mask_mov_epi16(_mm512_sub_epi16(_mm512_setzero_si512(), t), positive, t);

    return _mm512_maskz_mov_epi16(_mm512_test_epi16_mask(a, a), v);
}

MWI_INLINE __mmask32 first32(size_t n) { return n >= 32 ? 0xffffffffu : (1u << n) - 1; }
MWI_INLINE __mmask16 first16(size_t n) { return (__mmask16)(n >= 16 ? 0xffff : (1u << n) - 1); }

void mwi_s8_lstm_logistic(int16_t *values, size_t n, int integer_bits)
{
    for (size_t i = 0; i < n; i += 32) {
        const __mmask32 some = first32(n - i);
        const __m512i v = logistic(_mm512_maskz_loadu_epi16(some, values + i), integer_bits);
        _mm512_mask_storeu_epi16(values + i, some, v);
    }
}

void mwi_s8_lstm_tanh(int16_t *values, size_t n, int integer_bits)
{
    for (size_t i = 0; i < n; i += 32) {
        const __mmask32 some = first32(n - i);
        const __m512i v = hyperbolic(_mm512_maskz_loadu_epi16(some, values + i), integer_bits);
        _mm512_mask_storeu_epi16(values + i, some, v);
    }
}

/* ---- 32-bit steps ---- */

/* x / 2^exponent, halves away from zero. */
MWI_INLINE __m512i round_shift(__m512i x, int exponent)
{
    if (exponent == 0) return x;
    const __m512i sum = _mm512_add_epi32(_mm512_add_epi32(x, _mm512_srai_epi32(x, 31)),
                                         _mm512_set1_epi32(1 << (exponent - 1)));
    return _mm512_sra_epi32(sum, _mm_cvtsi32_si128(exponent));
}

/* ops/fixed.h's mwi_scale. The high half is rounded down after 2^30 is added, then the sum of the
 * shift's half may pass 32 bits only for shifts of 31, where it is taken apart. */
MWI_INLINE __m512i scale(__m512i x, mwi_multiplier m)
{
    const __m512i multiplier = _mm512_set1_epi32(m.multiplier), nudge = _mm512_set1_epi64(1 << 30);
    const int left = m.shift > 0 ? m.shift : 0, right = m.shift > 0 ? 0 : -m.shift;
    const __m512i v = _mm512_sll_epi32(x, _mm_cvtsi32_si128(left));
    const __m512i even = _mm512_add_epi64(_mm512_mul_epi32(v, multiplier), nudge);
    const __m512i odd =
        _mm512_add_epi64(_mm512_mul_epi32(_mm512_srli_epi64(v, 32), multiplier), nudge);
    const __m512i high =
        _mm512_mask_blend_epi32(0xaaaa, _mm512_srli_epi64(even, 31), _mm512_slli_epi64(odd, 1));
    if (right == 0) return high;
    /* (x >> e) + (rest > threshold), which no value passes. */
    const __m512i mask = _mm512_set1_epi32((int32_t)(((int64_t)1 << right) - 1));
    const __m512i rest = _mm512_and_si512(high, mask);
    const __m512i threshold =
        _mm512_sub_epi32(_mm512_srli_epi32(mask, 1), _mm512_srai_epi32(high, 31));
    const __m512i cut = _mm512_sra_epi32(high, _mm_cvtsi32_si128(right));

    return _mm512_mask_add_epi32(cut, _mm512_cmpgt_epi32_mask(rest, threshold), cut,
                                 _mm512_set1_epi32(1));
}

MWI_INLINE __m512i dot(const mwi_s8_lstm_matrix *m, const uint8_t *values, size_t quads,
                       size_t first)
{
    const int8_t *const w = m->weights + first * quads * 4;
    __m512i sum = _mm512_loadu_si512(m->bias + first);

    for (size_t q = 0; q < quads; q++) {
        int32_t four;
        memcpy(&four, values + 4 * q, sizeof four);
        sum = _mm512_dpbusd_epi32(sum, _mm512_set1_epi32(four), _mm512_load_si512(w + q * 64));
    }
    return sum;
}

MWI_INLINE __m512i saturate16(__m512i v)
{
    return _mm512_max_epi32(_mm512_min_epi32(v, _mm512_set1_epi32(32767)),
                            _mm512_set1_epi32(-32768));
}

/* 16 cells of a gate before its function: both products, each rescaled and added saturated. */
MWI_INLINE __m256i gate16(const mwi_s8_lstm *l, size_t g, const uint8_t *values,
                          const uint8_t *state_values, size_t first)
{
    const __m512i limit = _mm512_set1_epi32(1 << 20); /* far past what saturates */
    const __m512i in =
        scale(dot(&l->input[g], values, l->input_quads, first), l->input[g].multiplier);
    const __m512i again = scale(dot(&l->recurrent[g], state_values, l->recurrent_quads, first),
                                l->recurrent[g].multiplier);
    const __m512i bounded = _mm512_max_epi32(_mm512_min_epi32(again, limit),
                                             _mm512_sub_epi32(_mm512_setzero_si512(), limit));

    return _mm512_cvtsepi32_epi16(_mm512_add_epi32(saturate16(in), bounded));
}

MWI_INLINE __m512i load16(const int16_t *p, __mmask16 some)
{
    return _mm512_cvtepi16_epi32(_mm256_maskz_loadu_epi16(some, p));
}

/* 16 cells' new state, and what comes of it. */
MWI_INLINE void update16(const mwi_s8_lstm *l, const int16_t *gates, int16_t *cell, __mmask16 some)
{
    const __m512i input = load16(gates + MWI_GATE_INPUT * l->padded_cells, some);
    const __m512i forget = load16(gates + MWI_GATE_FORGET * l->padded_cells, some);
    const __m512i update = load16(gates + MWI_GATE_CELL * l->padded_cells, some);
    const __m512i kept = round_shift(_mm512_mullo_epi32(forget, load16(cell, some)), 15);
    const __m512i added = round_shift(_mm512_mullo_epi32(input, update), 30 + l->cell_scale_log2);
    __m512i sum = saturate16(_mm512_add_epi32(kept, added));

    if (l->cell_clip > 0)
        sum = _mm512_max_epi32(_mm512_min_epi32(sum, _mm512_set1_epi32(l->cell_clip)),
                               _mm512_set1_epi32(-l->cell_clip));
    _mm256_mask_storeu_epi16(cell, some, _mm512_cvtepi32_epi16(sum));
}

MWI_INLINE void hidden16(const mwi_s8_lstm *l, const int16_t *activated, const int16_t *output,
                         int8_t *hidden, __mmask16 some)
{
    const __m512i product = _mm512_mullo_epi32(load16(activated, some), load16(output, some));
    const __m512i v =
        _mm512_add_epi32(scale(product, l->hidden), _mm512_set1_epi32(l->hidden_zero));
    const __m512i q =
        _mm512_max_epi32(_mm512_min_epi32(v, _mm512_set1_epi32(127)), _mm512_set1_epi32(-128));
    _mm_mask_storeu_epi8(hidden, some, _mm512_cvtepi32_epi8(q));
}

void mwi_s8_lstm_step(const mwi_s8_lstm *l, const uint8_t *values, const uint8_t *state_values,
                      int16_t *gates, int16_t *cell, int8_t *hidden)
{
    const size_t n = l->n_cell, padded = l->padded_cells;
    int16_t *const output = gates + MWI_GATE_OUTPUT * padded;

    for (size_t g = 0; g < MWI_N_GATES; g++)
        for (size_t i = 0; i < padded; i += 16)
            _mm256_storeu_si256((__m256i *)(void *)(gates + g * padded + i),
                                gate16(l, g, values, state_values, i));
    for (size_t i = 0; i < padded; i += 32) {
        int16_t *const at = gates + i;
        const __m512i in = _mm512_loadu_si512(at + MWI_GATE_INPUT * padded);
        const __m512i forget = _mm512_loadu_si512(at + MWI_GATE_FORGET * padded);
        const __m512i update = _mm512_loadu_si512(at + MWI_GATE_CELL * padded);
        const __m512i out = _mm512_loadu_si512(at + MWI_GATE_OUTPUT * padded);
        _mm512_storeu_si512(at + MWI_GATE_INPUT * padded, logistic(in, 3));
        _mm512_storeu_si512(at + MWI_GATE_FORGET * padded, logistic(forget, 3));
        _mm512_storeu_si512(at + MWI_GATE_CELL * padded, hyperbolic(update, 3));
        _mm512_storeu_si512(at + MWI_GATE_OUTPUT * padded, logistic(out, 3));
    }
    for (size_t i = 0; i < n; i += 16) update16(l, gates + i, cell + i, first16(n - i));
    for (size_t i = 0; i < n; i += 32) /* into the input gate, which is done with */
        _mm512_storeu_si512(gates + i,
                            hyperbolic(_mm512_maskz_loadu_epi16(first32(n - i), cell + i),
                                       15 + l->cell_scale_log2));
    for (size_t i = 0; i < n; i += 16)
        hidden16(l, gates + i, output + i, hidden + i, first16(n - i));
}
