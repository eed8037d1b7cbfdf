/* devices/cpu/x86/f32_gradients_tiles.h - see f32_gradients.h; a template.
 * Depends: f32_gradients, vec_f32.  Used by: f32_gradients_avx512.c, f32_gradients_avx2.c.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/f32_gradients.h"
#include "devices/cpu/x86/vec_f32.h"

/* `some` NULL: whole vectors. */
MWI_INLINE vec load_of(const float *p, const vec_mask *some)
{
    return some ? vec_load_some(p, *some) : vec_load(p);
}

MWI_INLINE void store_of(float *p, vec v, const vec_mask *some)
{
    if (some)
        vec_store_some(p, v, *some);
    else
        vec_store(p, v);
}

/* ---- clamps ---- */

MWI_INLINE void relu_vector(vec low, vec high, const float *y, const float *dy, float *out,
                            const vec_mask *some)
{
    const vec v = load_of(y, some), zero = vec_zero();
    const vec below = vec_if_less(v, high, load_of(dy, some), zero);
    store_of(out, vec_if_less(low, v, below, zero), some);
}

static void relu(const mwi_f32_bounds *bounds, const float *y, const float *dy, float *out,
                 size_t n)
{
    const vec low = vec_set1(bounds->low), high = vec_set1(bounds->high);
    size_t i = 0;

    for (; i + VEC_LANES <= n; i += VEC_LANES) relu_vector(low, high, y + i, dy + i, out + i, NULL);
    if (i == n) return;
    const vec_mask some = vec_first(n - i);
    relu_vector(low, high, y + i, dy + i, out + i, &some);
}

/* ---- pooling ---- */

/* One vector of channels of a window: all of dy to the first tap that is y, or equal parts. */
MWI_INLINE void pool_vector(const mwi_pool_pixel *p, size_t c, const vec_mask *some,
                            const bool is_max, const bool adds)
{
    const mwi_window *const w = &p->s->w;
    const size_t channels = (size_t)w->in_c;
    const float *const gradient = p->call->in[is_max ? 2 : 0].data;
    const float *const in = p->call->in[is_max ? 0 : 1].data; /* read by is_max alone */
    float *const dx = (float *)p->call->out[0].data + p->item + c;
    const float part = 1.0f / (float)((p->y1 - p->y0) * (p->x1 - p->x0)); /* unused when none */
    vec left = load_of(gradient + p->out + c, some), y = vec_zero();

    if (is_max)
        y = load_of((const float *)p->call->in[1].data + p->out + c, some);
    else
        left = vec_mul(left, vec_set1(part));
    for (int32_t i = p->y0; i < p->y1; i++)
        for (int32_t k = p->x0; k < p->x1; k++) {
            const size_t at = ((size_t)i * (size_t)w->in_w + (size_t)k) * channels;
            vec v = left;
            if (is_max) {
                const vec x = load_of(in + p->item + c + at, some);
                v = vec_if_equal(x, y, left, vec_zero());
                left = vec_if_equal(x, y, vec_zero(), left);
            }
            if (adds) v = vec_add(load_of(dx + at, some), v);
            store_of(dx + at, v, some);
        }
}

MWI_INLINE void pool_pixel(const mwi_pool_pixel *p, const bool is_max, const bool adds)
{
    const size_t channels = (size_t)p->s->w.in_c;
    size_t c = 0;

    for (; c + VEC_LANES <= channels; c += VEC_LANES) pool_vector(p, c, NULL, is_max, adds);
    if (c == channels) return;
    const vec_mask some = vec_first(channels - c);
    pool_vector(p, c, &some, is_max, adds);
}

static void max_add(const mwi_pool_pixel *p) { pool_pixel(p, true, true); }
static void max_write(const mwi_pool_pixel *p) { pool_pixel(p, true, false); }
static void average_add(const mwi_pool_pixel *p) { pool_pixel(p, false, true); }
static void average_write(const mwi_pool_pixel *p) { pool_pixel(p, false, false); }

#define GRADIENTS                                                                                  \
    {                                                                                              \
        .relu = relu, .max_add = max_add, .max_write = max_write, .average_add = average_add,      \
        .average_write = average_write                                                             \
    }
