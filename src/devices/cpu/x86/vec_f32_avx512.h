/* devices/cpu/x86/vec_f32_avx512.h - a vector of 16 floats, under the names that the templates of
 * float kernels use. vec_f32_avx2.h has the same names.
 * Depends: nothing.  Used by: *_avx512.c of this folder.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_DEVICES_CPU_X86_VEC_F32_AVX512_H
#define MWI_DEVICES_CPU_X86_VEC_F32_AVX512_H

#include <immintrin.h>
#include <stddef.h>

#define MWI_INLINE static inline __attribute__((always_inline))

enum { VEC_LANES = 16, VEC_REGISTERS = 32 };
typedef __m512 vec;
typedef __mmask16 vec_mask;

/* The first n lanes, all for n >= VEC_LANES. */
MWI_INLINE vec_mask vec_first(size_t n) { return (vec_mask)(n >= 16 ? 0xffff : (1u << n) - 1); }
MWI_INLINE vec vec_set1(float x) { return _mm512_set1_ps(x); }
MWI_INLINE vec vec_zero(void) { return _mm512_setzero_ps(); }
MWI_INLINE vec vec_load(const float *p) { return _mm512_loadu_ps(p); }
MWI_INLINE void vec_store(float *p, vec v) { _mm512_storeu_ps(p, v); }
/* Lanes outside the mask are 0 and not read; not written. */
MWI_INLINE vec vec_load_some(const float *p, vec_mask m) { return _mm512_maskz_loadu_ps(m, p); }
MWI_INLINE void vec_store_some(float *p, vec v, vec_mask m) { _mm512_mask_storeu_ps(p, m, v); }
MWI_INLINE vec vec_add(vec a, vec b) { return _mm512_add_ps(a, b); }
MWI_INLINE vec vec_sub(vec a, vec b) { return _mm512_sub_ps(a, b); }
MWI_INLINE vec vec_mul(vec a, vec b) { return _mm512_mul_ps(a, b); }
MWI_INLINE vec vec_div(vec a, vec b) { return _mm512_div_ps(a, b); }
/* a * b + c, rounded once. */
MWI_INLINE vec vec_fma(vec a, vec b, vec c) { return _mm512_fmadd_ps(a, b, c); }
/* A NaN in v stays. */
MWI_INLINE vec vec_clamp(vec v, vec low, vec high)
{
    return _mm512_min_ps(high, _mm512_max_ps(low, v));
}
MWI_INLINE vec vec_max(vec a, vec b) { return _mm512_max_ps(a, b); }
MWI_INLINE vec vec_min(vec a, vec b) { return _mm512_min_ps(a, b); }
/* a < b ? yes : no, lane by lane. */
MWI_INLINE vec vec_if_less(vec a, vec b, vec yes, vec no)
{
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), no, yes);
}
/* a == b ? yes : no. */
MWI_INLINE vec vec_if_equal(vec a, vec b, vec yes, vec no)
{
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ), no, yes);
}
MWI_INLINE vec vec_abs(vec v) { return _mm512_abs_ps(v); }
/* The size of a with the sign of b. */
MWI_INLINE vec vec_with_sign(vec a, vec b)
{
    return _mm512_or_ps(_mm512_abs_ps(a), _mm512_and_ps(b, _mm512_set1_ps(-0.0f)));
}
/* Towards zero. */
MWI_INLINE vec vec_trunc(vec v)
{
    return _mm512_roundscale_ps(v, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
}
MWI_INLINE vec vec_round(vec v)
{
    return _mm512_roundscale_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
/* v * 2^n, n whole. */
MWI_INLINE vec vec_scale2(vec v, vec n) { return _mm512_scalef_ps(v, n); }
/* One step of a transposition: blocks of `d` lanes off the diagonal change places. */
MWI_INLINE void vec_swap_blocks(vec *a, vec *b, const int d)
{
    const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __mmask16 odd = _mm512_test_epi32_mask(lane, _mm512_set1_epi32(d));
    const vec x = *a, y = *b;
    const __m512i back = _mm512_sub_epi32(lane, _mm512_set1_epi32(d));
    const __m512i on = _mm512_add_epi32(lane, _mm512_set1_epi32(d));
    *a = _mm512_mask_permutexvar_ps(x, odd, back, y);
    *b = _mm512_mask_permutexvar_ps(y, (__mmask16)~odd, on, x);
}
/* VEC_LANES vectors: lane j of vector i to lane i of vector j. */
MWI_INLINE void vec_transpose(vec *v)
{
#pragma GCC unroll 4
    for (int d = 8; d > 0; d /= 2)
#pragma GCC unroll 16
        for (int i = 0; i < 16; i++)
            if ((i & d) == 0) vec_swap_blocks(&v[i], &v[i + d], d);
}
/* Halves added up. */
MWI_INLINE __m256 vec_fold(vec v)
{
    return _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
}
/* Lanes of four quarters, then of each: always in the same order. */
MWI_INLINE float vec_sum(vec v)
{
    const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
}

#endif
