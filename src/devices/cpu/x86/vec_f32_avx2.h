/* devices/cpu/x86/vec_f32_avx2.h - a vector of 8 floats, under the names that the templates of
 * float kernels use. vec_f32_avx512.h has the same names, and says what they mean.
 * Depends: nothing.  Used by: *_avx2.c of this folder.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_DEVICES_CPU_X86_VEC_F32_AVX2_H
#define MWI_DEVICES_CPU_X86_VEC_F32_AVX2_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#define MWI_INLINE static inline __attribute__((always_inline))

enum { VEC_LANES = 8, VEC_REGISTERS = 16 };
typedef __m256 vec;
typedef __m256i vec_mask;

MWI_INLINE vec_mask vec_first(size_t n)
{
    const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int32_t)(n < 8 ? n : 8)), lanes);
}
MWI_INLINE vec vec_set1(float x) { return _mm256_set1_ps(x); }
MWI_INLINE vec vec_zero(void) { return _mm256_setzero_ps(); }
MWI_INLINE vec vec_load(const float *p) { return _mm256_loadu_ps(p); }
MWI_INLINE void vec_store(float *p, vec v) { _mm256_storeu_ps(p, v); }
MWI_INLINE vec vec_load_some(const float *p, vec_mask m) { return _mm256_maskload_ps(p, m); }
MWI_INLINE void vec_store_some(float *p, vec v, vec_mask m) { _mm256_maskstore_ps(p, m, v); }
MWI_INLINE vec vec_add(vec a, vec b) { return _mm256_add_ps(a, b); }
MWI_INLINE vec vec_sub(vec a, vec b) { return _mm256_sub_ps(a, b); }
MWI_INLINE vec vec_mul(vec a, vec b) { return _mm256_mul_ps(a, b); }
MWI_INLINE vec vec_div(vec a, vec b) { return _mm256_div_ps(a, b); }
MWI_INLINE vec vec_fma(vec a, vec b, vec c) { return _mm256_fmadd_ps(a, b, c); }
MWI_INLINE vec vec_clamp(vec v, vec low, vec high)
{
    return _mm256_min_ps(high, _mm256_max_ps(low, v));
}
MWI_INLINE vec vec_max(vec a, vec b) { return _mm256_max_ps(a, b); }
MWI_INLINE vec vec_min(vec a, vec b) { return _mm256_min_ps(a, b); }
MWI_INLINE vec vec_if_less(vec a, vec b, vec yes, vec no)
{
    return _mm256_blendv_ps(no, yes, _mm256_cmp_ps(a, b, _CMP_LT_OQ));
}
MWI_INLINE vec vec_if_equal(vec a, vec b, vec yes, vec no)
{
    return _mm256_blendv_ps(no, yes, _mm256_cmp_ps(a, b, _CMP_EQ_OQ));
}
MWI_INLINE vec vec_abs(vec v) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), v); }
MWI_INLINE vec vec_with_sign(vec a, vec b)
{
    return _mm256_or_ps(vec_abs(a), _mm256_and_ps(b, _mm256_set1_ps(-0.0f)));
}
/* Towards zero. */
MWI_INLINE vec vec_trunc(vec v)
{
    return _mm256_round_ps(v, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
}
MWI_INLINE vec vec_round(vec v)
{
    return _mm256_round_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
/* In two steps, so that results below the normal range and above it come out right. |n| < 252. */
MWI_INLINE vec vec_scale2(vec v, vec n)
{
    const __m256i whole = _mm256_cvtps_epi32(n), half = _mm256_srai_epi32(whole, 1);
    const __m256i rest = _mm256_sub_epi32(whole, half), bias = _mm256_set1_epi32(127);
    const vec a = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(half, bias), 23));
    const vec b = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(rest, bias), 23));
    return _mm256_mul_ps(_mm256_mul_ps(v, a), b);
}
MWI_INLINE void vec_transpose(vec *v)
{
    vec pairs[8], quads[8];

#pragma GCC unroll 4
    for (int i = 0; i < 8; i += 2) {
        pairs[i] = _mm256_unpacklo_ps(v[i], v[i + 1]);
        pairs[i + 1] = _mm256_unpackhi_ps(v[i], v[i + 1]);
    }
#pragma GCC unroll 2
    for (int i = 0; i < 8; i += 4) {
        quads[i] = _mm256_shuffle_ps(pairs[i], pairs[i + 2], 0x44);
        quads[i + 1] = _mm256_shuffle_ps(pairs[i], pairs[i + 2], 0xee);
        quads[i + 2] = _mm256_shuffle_ps(pairs[i + 1], pairs[i + 3], 0x44);
        quads[i + 3] = _mm256_shuffle_ps(pairs[i + 1], pairs[i + 3], 0xee);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        v[i] = _mm256_permute2f128_ps(quads[i], quads[i + 4], 0x20);
        v[i + 4] = _mm256_permute2f128_ps(quads[i], quads[i + 4], 0x31);
    }
}
MWI_INLINE __m256 vec_fold(vec v) { return v; }
MWI_INLINE float vec_sum(vec v)
{
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
}

#endif
