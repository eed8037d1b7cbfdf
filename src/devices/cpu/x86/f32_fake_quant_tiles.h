/* devices/cpu/x86/f32_fake_quant_tiles.h - see f32_fake_quant.h; a template.
 * Depends: f32_fake_quant, vec_f32.  Used by: f32_fake_quant_avx512.c, f32_fake_quant_avx2.c.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/f32_fake_quant.h"
#include "devices/cpu/x86/vec_f32.h"

#include <math.h>

/* Halves away from zero, as mwi_fq_nearest; a sum with 0 has no sign where it is 0. */
MWI_INLINE vec nearest(vec v)
{
    const vec half = vec_with_sign(vec_set1(0x1.fffffep-2f), v);
    return vec_add(vec_trunc(vec_add(v, half)), vec_zero());
}

MWI_INLINE vec rounded(vec x, vec scale, vec low, vec high)
{
    return vec_mul(scale, nearest(vec_clamp(vec_div(x, scale), low, high)));
}

static void round_run(const mwi_fq_grid *g, const float *x, float *y, size_t n)
{
    const vec scale = vec_set1(g->scale), low = vec_set1(g->low), high = vec_set1(g->high);
    size_t i = 0;

    for (; i + VEC_LANES <= n; i += VEC_LANES)
        vec_store(y + i, rounded(vec_load(x + i), scale, low, high));
    if (i == n) return;
    const vec_mask some = vec_first(n - i);
    vec_store_some(y + i, rounded(vec_load_some(x + i, some), scale, low, high), some);
}

static void widen(const float *x, size_t n, float *min, float *max)
{
    float lows[VEC_LANES], highs[VEC_LANES];
    vec low = vec_set1(INFINITY), high = vec_set1(-INFINITY);
    size_t i = 0;

    /* The second operand stays where the first is not a number. */
    for (; i + VEC_LANES <= n; i += VEC_LANES) {
        low = vec_min(vec_load(x + i), low);
        high = vec_max(vec_load(x + i), high);
    }
    vec_store(lows, low);
    vec_store(highs, high);
    for (size_t k = 0; k < VEC_LANES; k++) {
        *min = lows[k] < *min ? lows[k] : *min;
        *max = highs[k] > *max ? highs[k] : *max;
    }
    for (; i < n; i++) {
        *min = x[i] < *min ? x[i] : *min;
        *max = x[i] > *max ? x[i] : *max;
    }
}

/* dy where low <= x / scale <= high; what is not a number is neither. */
MWI_INLINE vec passed(vec x, vec dy, vec scale, vec low, vec high)
{
    const vec v = vec_div(x, scale), held = vec_clamp(v, low, high);
    return vec_if_equal(v, held, dy, vec_zero());
}

static void pass_run(const mwi_fq_grid *g, const float *x, const float *dy, float *dx, size_t n)
{
    const vec scale = vec_set1(g->scale), low = vec_set1(g->low), high = vec_set1(g->high);
    size_t i = 0;

    for (; i + VEC_LANES <= n; i += VEC_LANES)
        vec_store(dx + i, passed(vec_load(x + i), vec_load(dy + i), scale, low, high));
    if (i == n) return;
    const vec_mask some = vec_first(n - i);
    vec_store_some(
        dx + i, passed(vec_load_some(x + i, some), vec_load_some(dy + i, some), scale, low, high),
        some);
}

enum { VECTORS = MWI_FQ_LANES / VEC_LANES };

/* Terms of one vector, each added to its sum; those that do not count add 0. */
MWI_INLINE void add_vector(vec x, vec dy, const vec *grid, float *dx, vec *below, vec *above,
                           vec *inside)
{
    const vec v = vec_div(x, grid[0]), held = vec_clamp(v, grid[1], grid[2]);
    const vec error = vec_mul(dy, vec_sub(nearest(held), v));
    const vec over = vec_if_less(grid[2], v, dy, vec_zero());

    *inside = vec_add(*inside, vec_if_equal(v, held, error, vec_zero()));
    *above = vec_add(*above, over);
    *below =
        vec_add(*below, vec_if_equal(v, held, vec_zero(), vec_if_less(grid[2], v, vec_zero(), dy)));
    vec_store(dx, vec_if_equal(v, held, dy, vec_zero()));
}

static void add_run(const mwi_fq_grid *g, const float *x, const float *dy, float *dx, size_t n,
                    mwi_fq_lanes *lanes)
{
    const vec grid[3] = {vec_set1(g->scale), vec_set1(g->low), vec_set1(g->high)};
    vec below[VECTORS], above[VECTORS], inside[VECTORS];
    size_t i = 0;

    for (int k = 0; k < VECTORS; k++) below[k] = above[k] = inside[k] = vec_zero();
    for (; i + MWI_FQ_LANES <= n; i += MWI_FQ_LANES)
        for (size_t k = 0; k < VECTORS; k++) {
            const size_t at = i + k * VEC_LANES;
            add_vector(vec_load(x + at), vec_load(dy + at), grid, dx + at, &below[k], &above[k],
                       &inside[k]);
        }
    for (size_t k = 0; k < VECTORS; k++) {
        vec_store(lanes->below + k * VEC_LANES, below[k]);
        vec_store(lanes->above + k * VEC_LANES, above[k]);
        vec_store(lanes->inside + k * VEC_LANES, inside[k]);
    }
    for (size_t k = 0; i + k < n; k++) mwi_fq_add_one(g, x[i + k], dy[i + k], &dx[i + k], k, lanes);
}
