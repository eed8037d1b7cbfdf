/* devices/cpu/x86/f32_rows_tiles.h - see f32_rows.h; a template: eight rows side by side.
 * Depends: f32_rows, vec_f32.  Used by: f32_rows_avx512.c, f32_rows_avx2.c.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/f32_rows.h"
#include "devices/cpu/x86/vec_f32.h"

/* The sums of the lanes of eight vectors. */
MWI_INLINE __m256 sums_of(const vec *v)
{
    const __m256 a = _mm256_hadd_ps(vec_fold(v[0]), vec_fold(v[1]));
    const __m256 b = _mm256_hadd_ps(vec_fold(v[2]), vec_fold(v[3]));
    const __m256 c = _mm256_hadd_ps(vec_fold(v[4]), vec_fold(v[5]));
    const __m256 d = _mm256_hadd_ps(vec_fold(v[6]), vec_fold(v[7]));
    const __m256 ab = _mm256_hadd_ps(a, b), cd = _mm256_hadd_ps(c, d);
    return _mm256_add_ps(_mm256_permute2f128_ps(ab, cd, 0x20),
                         _mm256_permute2f128_ps(ab, cd, 0x31));
}

/* Rows from `row` on, eight or as many as there are before `end`; the last stands in for others. */
MWI_INLINE void run_eight(const mwi_f32_rows *j, size_t row, size_t end)
{
    const size_t n = j->n_values;
    const float *w[8], *x = j->x;
    float results[8];
    vec acc[8];
    size_t i = 0;

#pragma GCC unroll 8
    for (size_t r = 0; r < 8; r++) {
        w[r] = j->weights + (row + r < end ? row + r : end - 1) * n;
        acc[r] = vec_zero();
    }
    for (; i + VEC_LANES <= n; i += VEC_LANES) {
        const vec v = vec_load(x + i);
#pragma GCC unroll 8
        for (size_t r = 0; r < 8; r++) acc[r] = vec_fma(vec_load(w[r] + i), v, acc[r]);
    }
    if (i < n) {
        const vec_mask some = vec_first(n - i);
        const vec v = vec_load_some(x + i, some);
#pragma GCC unroll 8
        for (size_t r = 0; r < 8; r++) acc[r] = vec_fma(vec_load_some(w[r] + i, some), v, acc[r]);
    }
    _mm256_storeu_ps(results, sums_of(acc));
    for (size_t r = 0; r < 8 && row + r < end; r++) {
        float v = results[r] + (j->bias == NULL ? 0.0f : j->bias[row + r]);
        v = v < j->low ? j->low : v;
        j->out[row + r] = v > j->high ? j->high : v;
    }
}

MWI_INLINE void run_rows(const mwi_f32_rows *j, size_t begin, size_t end)
{
    for (size_t row = begin; row < end; row += 8) run_eight(j, row, end);
}
