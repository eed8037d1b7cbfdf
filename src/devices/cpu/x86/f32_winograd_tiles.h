/* devices/cpu/x86/f32_winograd_tiles.h - see f32_winograd.h; a template: a lane is a channel.
 * Depends: f32_winograd, vec_f32.  Used by: f32_winograd_avx512.c, f32_winograd_avx2.c.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/f32_winograd.h"
#include "devices/cpu/x86/vec_f32.h"

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

/* Four values to four: d0 - d2, d1 + d2, d2 - d1, d1 - d3. */
MWI_INLINE void transform_in(vec d0, vec d1, vec d2, vec d3, vec *out)
{
    out[0] = vec_sub(d0, d2);
    out[1] = vec_add(d1, d2);
    out[2] = vec_sub(d2, d1);
    out[3] = vec_sub(d1, d3);
}

MWI_INLINE void in_vector(const float *const *pixels, size_t channel, const vec_mask *some,
                          float *out, size_t step)
{
    vec rows[4][4], columns[4][4]; /* columns[x][y] */

#pragma GCC unroll 4
    for (size_t y = 0; y < 4; y++)
        transform_in(load_of(pixels[4 * y] + channel, some),
                     load_of(pixels[4 * y + 1] + channel, some),
                     load_of(pixels[4 * y + 2] + channel, some),
                     load_of(pixels[4 * y + 3] + channel, some), rows[y]);
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++)
        transform_in(rows[0][i], rows[1][i], rows[2][i], rows[3][i], columns[i]);
#pragma GCC unroll 4
    for (size_t y = 0; y < 4; y++)
#pragma GCC unroll 4
        for (size_t i = 0; i < 4; i++) store_of(out + (4 * y + i) * step, columns[i][y], some);
}

/* Two values to four: d0, d0 + d1, d0 - d1, -d1. */
MWI_INLINE void spread(vec d0, vec d1, vec *out)
{
    out[0] = d0;
    out[1] = vec_add(d0, d1);
    out[2] = vec_sub(d0, d1);
    out[3] = vec_sub(vec_zero(), d1);
}

MWI_INLINE void out_grad_vector(const float *const *pixels, size_t channel, const vec_mask *some,
                                float *planes, size_t step)
{
    vec rows[2][4], columns[4][4]; /* columns[x][y] */

    spread(load_of(pixels[0] + channel, some), load_of(pixels[1] + channel, some), rows[0]);
    spread(load_of(pixels[2] + channel, some), load_of(pixels[3] + channel, some), rows[1]);
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++) spread(rows[0][i], rows[1][i], columns[i]);
#pragma GCC unroll 4
    for (size_t y = 0; y < 4; y++)
#pragma GCC unroll 4
        for (size_t i = 0; i < 4; i++) store_of(planes + (4 * y + i) * step, columns[i][y], some);
}

MWI_INLINE void out_vector(const float *planes, size_t step, const vec_mask *some, vec bias,
                           vec low, vec high, float *const *out, size_t channel)
{
    vec rows[4][2];

#pragma GCC unroll 4
    for (size_t y = 0; y < 4; y++) {
        const float *const p = planes + 4 * y * step;
        const vec m1 = load_of(p + step, some), m2 = load_of(p + 2 * step, some);
        rows[y][0] = vec_add(vec_add(load_of(p, some), m1), m2);
        rows[y][1] = vec_sub(vec_sub(m1, m2), load_of(p + 3 * step, some));
    }
#pragma GCC unroll 2
    for (size_t i = 0; i < 2; i++) {
        const vec top = vec_add(vec_add(rows[0][i], rows[1][i]), vec_add(rows[2][i], bias));
        const vec bottom = vec_add(vec_sub(rows[1][i], rows[2][i]), vec_sub(bias, rows[3][i]));
        store_of(out[i] + channel, vec_clamp(top, low, high), some);
        store_of(out[2 + i] + channel, vec_clamp(bottom, low, high), some);
    }
}

static void in(const float *const *pixels, size_t channels, float *to, size_t step)
{
    size_t c = 0;

    for (; c + VEC_LANES <= channels; c += VEC_LANES) in_vector(pixels, c, NULL, to + c, step);
    if (c == channels) return;
    const vec_mask some = vec_first(channels - c);
    in_vector(pixels, c, &some, to + c, step);
}

static void out_grad(const float *const *pixels, size_t channels, float *to, size_t step)
{
    size_t c = 0;

    for (; c + VEC_LANES <= channels; c += VEC_LANES)
        out_grad_vector(pixels, c, NULL, to + c, step);
    if (c == channels) return;
    const vec_mask some = vec_first(channels - c);
    out_grad_vector(pixels, c, &some, to + c, step);
}

static void out(const float *planes, size_t step, size_t channels, const float *bias, float low,
                float high, float *const *to)
{
    const vec lows = vec_set1(low), highs = vec_set1(high);
    size_t c = 0;

    for (; c + VEC_LANES <= channels; c += VEC_LANES)
        out_vector(planes + c, step, NULL, vec_load(bias + c), lows, highs, to, c);
    if (c == channels) return;
    const vec_mask some = vec_first(channels - c);
    out_vector(planes + c, step, &some, vec_load_some(bias + c, some), lows, highs, to, c);
}
