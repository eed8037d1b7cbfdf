/* devices/cpu/x86/f32_pool_tiles.h - float pixels of pool_2d.h; a template. Values are taken in
 * the reference rows' order: results are the same.
 * Depends: pool_2d, vec_f32.  Used by: f32_pool_avx512.c, f32_pool_avx2.c.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/pool_2d.h"
#include "devices/cpu/x86/vec_f32.h"

#include <float.h>

/* N vectors of channels from c on; `some`: of one vector that is not full. */
MWI_INLINE void pool_vectors(const mwi_pool_pixel *p, size_t c, const vec_mask *some,
                             const size_t N, const bool is_max)
{
    const mwi_window *const w = &p->s->w;
    const size_t channels = (size_t)w->in_c;
    const float *const in = (const float *)p->call->in[0].data + p->item + c;
    float *const out = (float *)p->call->out[0].data + p->out + c;
    const float count = (float)((p->y1 - p->y0) * (p->x1 - p->x0));
    vec acc[4];

#pragma GCC unroll 4
    for (size_t n = 0; n < N; n++) acc[n] = vec_set1(is_max ? -FLT_MAX : 0);
    for (int32_t y = p->y0; y < p->y1; y++) {
        const float *v = in + ((size_t)y * (size_t)w->in_w + (size_t)p->x0) * channels;
        for (int32_t x = p->x0; x < p->x1; x++, v += channels) {
#pragma GCC unroll 4
            for (size_t n = 0; n < N; n++) {
                const float *const at = v + n * VEC_LANES;
                const vec value = some ? vec_load_some(at, *some) : vec_load(at);
                /* The first operand gives way where the other is not a number. */
                acc[n] = is_max ? vec_max(value, acc[n]) : vec_add(acc[n], value);
            }
        }
    }
#pragma GCC unroll 4
    for (size_t n = 0; n < N; n++) {
        vec v = acc[n];
        if (!is_max) v = count > 0 ? vec_div(v, vec_set1(count)) : vec_zero();
        v = vec_clamp(v, vec_set1(p->s->low_f), vec_set1(p->s->high_f));
        if (some)
            vec_store_some(out, v, *some);
        else
            vec_store(out + n * VEC_LANES, v);
    }
}

MWI_INLINE void pool_pixel(const mwi_pool_pixel *p, const bool is_max)
{
    const size_t channels = (size_t)p->s->w.in_c;
    size_t c = 0;

    for (; c + 4 * VEC_LANES <= channels; c += 4 * VEC_LANES) pool_vectors(p, c, NULL, 4, is_max);
    for (; c + VEC_LANES <= channels; c += VEC_LANES) pool_vectors(p, c, NULL, 1, is_max);
    if (c == channels) return;
    const vec_mask some = vec_first(channels - c);
    pool_vectors(p, c, &some, 1, is_max);
}
