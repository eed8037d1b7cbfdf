/* devices/cpu/x86/hybrid_values_avx512.c - float values to 8 bits, as ops/fixed.c's
 * mwi_quantize_asymmetric and mwi_quantize_symmetric do it.
 * Depends: hybrid_layer.  Used by: the kernels of this folder.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/hybrid_layer.h"
#include "devices/cpu/x86/vec_f32_avx512.h"

#include <string.h>

static mwi_hybrid_scale asymmetric(const float *values, size_t n)
{
    __m512 least = _mm512_setzero_ps(), most = least;
    mwi_hybrid_scale s = {.low = -128};

    for (size_t i = 0; i < n; i += 16) {
        const __m512 v = vec_load_some(values + i, vec_first(n - i));
        least = _mm512_min_ps(v, least); /* a NaN leaves what there was */
        most = _mm512_max_ps(v, most);
    }
    const float low = _mm512_reduce_min_ps(least), high = _mm512_reduce_max_ps(most);
    s.is_zero = low == high;
    s.scale = mwi_asymmetric_scale(low, high, &s.zero);
    s.inverse = 1.0f / s.scale;
    s.zero_f = (float)s.zero;
    return s;
}

static mwi_hybrid_scale symmetric(const float *values, size_t n)
{
    __m512 most = _mm512_setzero_ps();

    for (size_t i = 0; i < n; i += 16)
        most = _mm512_max_ps(_mm512_abs_ps(vec_load_some(values + i, vec_first(n - i))), most);
    const float range = _mm512_reduce_max_ps(most);
    if (range == 0) return (mwi_hybrid_scale){.scale = 1, .is_zero = true};
    return (mwi_hybrid_scale){.scale = range / 127.0f, .inverse = 127.0f / range, .low = -127};
}

mwi_hybrid_scale mwi_hybrid_scale_of(const float *values, size_t n, bool is_asymmetric)
{
    return is_asymmetric ? asymmetric(values, n) : symmetric(values, n);
}

/* Rounds halves away from zero, as roundf does. */
MWI_INLINE __m512 rounded(__m512 x)
{
    const __m512 sign = _mm512_set1_ps(-0.0f);
    const __m512 cut = _mm512_roundscale_ps(x, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
    const __m512 rest = _mm512_abs_ps(_mm512_sub_ps(x, cut));
    const __m512 one = _mm512_or_ps(_mm512_and_ps(x, sign), _mm512_set1_ps(1.0f));
    const __mmask16 up = _mm512_cmp_ps_mask(rest, _mm512_set1_ps(0.5f), _CMP_GE_OQ);
    return _mm512_mask_add_ps(cut, up, cut, one);
}

void mwi_hybrid_quantize(const mwi_hybrid_scale *s, const float *values, size_t n, uint8_t *out)
{
    const __m512 inverse = _mm512_set1_ps(s->inverse), zero = _mm512_set1_ps(s->zero_f);
    const __m512 low = _mm512_set1_ps(s->low), high = _mm512_set1_ps(127);

    if (s->is_zero) {
        memset(out, s->zero + 128, n);
        return;
    }
    for (size_t i = 0; i < n; i += 16) {
        const vec_mask some = vec_first(n - i);
        const __m512 v = vec_load_some(values + i, some);
        const __m512 r = rounded(_mm512_add_ps(zero, _mm512_mul_ps(v, inverse)));
        const __m512 q = _mm512_min_ps(_mm512_max_ps(r, low), high); /* NaN becomes low */
        const __m512i u = _mm512_add_epi32(_mm512_cvttps_epi32(q), _mm512_set1_epi32(128));
        if (n - i >= VEC_LANES)
            _mm_storeu_si128((__m128i *)(void *)(out + i), _mm512_cvtepi32_epi8(u));
        else
            _mm_mask_storeu_epi8(out + i, some, _mm512_cvtepi32_epi8(u));
    }
}
