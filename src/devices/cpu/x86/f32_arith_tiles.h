/* devices/cpu/x86/f32_arith_tiles.h - see f32_arith.h; a template.
 * Depends: f32_arith, vec_f32.  Used by: f32_arith_avx512.c, f32_arith_avx2.c.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/f32_arith.h"
#include "devices/cpu/x86/vec_f32.h"

typedef enum action { ADD, SUB, MUL } action;

MWI_INLINE vec result(vec a, vec b, const action what, vec low, vec high)
{
    const vec v = what == ADD ? vec_add(a, b) : what == SUB ? vec_sub(a, b) : vec_mul(a, b);
    return vec_clamp(v, low, high);
}

/* STEP 0: one value for all. */
MWI_INLINE void run_steps(const mwi_arith *s, const float *a, const size_t STEP_A, const float *b,
                          const size_t STEP_B, float *out, size_t n, const action what)
{
    const vec low = vec_set1(s->low_f), high = vec_set1(s->high_f);
    const vec one_a = vec_set1(n > 0 ? *a : 0), one_b = vec_set1(n > 0 ? *b : 0);
    size_t i = 0;

    for (; i + VEC_LANES <= n; i += VEC_LANES)
        vec_store(out + i, result(STEP_A ? vec_load(a + i) : one_a,
                                  STEP_B ? vec_load(b + i) : one_b, what, low, high));
    if (i == n) return;
    const vec_mask some = vec_first(n - i);
    vec_store_some(out + i,
                   result(STEP_A ? vec_load_some(a + i, some) : one_a,
                          STEP_B ? vec_load_some(b + i, some) : one_b, what, low, high),
                   some);
}

MWI_INLINE void run_row(const mwi_arith *s, const float *a, size_t step_a, const float *b,
                        size_t step_b, float *out, size_t n, const action what)
{
    if (step_a == 1 && step_b == 1)
        run_steps(s, a, 1, b, 1, out, n, what);
    else if (step_a == 1)
        run_steps(s, a, 1, b, 0, out, n, what);
    else if (step_b == 1)
        run_steps(s, a, 0, b, 1, out, n, what);
    else
        run_steps(s, a, 0, b, 0, out, n, what);
}

#define ROW(name, what)                                                                            \
    static void name(const void *s, const void *a, size_t step_a, const void *b, size_t step_b,    \
                     void *out, size_t n)                                                          \
    {                                                                                              \
        run_row(s, a, step_a, b, step_b, out, n, what);                                            \
    }
ROW(add_row, ADD)
ROW(sub_row, SUB)
ROW(mul_row, MUL)
