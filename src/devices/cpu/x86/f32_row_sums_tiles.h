/* devices/cpu/x86/f32_row_sums_tiles.h - see f32_row_sums.h; a template: a lane is a channel.
 * Depends: f32_row_sums, vec_f32.  Used by: f32_row_sums_avx512.c, f32_row_sums_avx2.c.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/f32_row_sums.h"
#include "devices/cpu/x86/vec_f32.h"

typedef enum term { VALUE, SQUARE, PRODUCT } term;

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

MWI_INLINE vec add_term(vec sum, const float *x, const float *y, vec mean, const vec_mask *some,
                        const term what)
{
    const vec v = load_of(x, some);

    if (what == VALUE) return vec_add(sum, v);
    const vec centred = vec_sub(v, mean);
    return vec_fma(centred, what == SQUARE ? centred : load_of(y, some), sum);
}

/* N vectors of channels from c on; four chains each, of every fourth row. */
MWI_INLINE void sum_vectors(const float *x, const float *y, const float *mean, size_t n_rows,
                            size_t channels, size_t c, const vec_mask *some, float *out,
                            const size_t N, const term what)
{
    vec acc[4][2], m[2];
    size_t at = c;

#pragma GCC unroll 2
    for (size_t n = 0; n < N; n++) {
        m[n] = what == VALUE ? vec_zero() : load_of(mean + c + n * VEC_LANES, some);
#pragma GCC unroll 4
        for (size_t k = 0; k < 4; k++) acc[k][n] = vec_zero();
    }
    for (; n_rows >= 4; n_rows -= 4, at += 4 * channels)
#pragma GCC unroll 4
        for (size_t k = 0; k < 4; k++)
#pragma GCC unroll 2
            for (size_t n = 0; n < N; n++) {
                const size_t i = at + k * channels + n * VEC_LANES;
                acc[k][n] = add_term(acc[k][n], x + i, y + i, m[n], some, what);
            }
    for (; n_rows > 0; n_rows--, at += channels)
#pragma GCC unroll 2
        for (size_t n = 0; n < N; n++) {
            const size_t i = at + n * VEC_LANES;
            acc[0][n] = add_term(acc[0][n], x + i, y + i, m[n], some, what);
        }
#pragma GCC unroll 2
    for (size_t n = 0; n < N; n++)
        store_of(out + c + n * VEC_LANES,
                 vec_add(vec_add(acc[0][n], acc[1][n]), vec_add(acc[2][n], acc[3][n])), some);
}

MWI_INLINE void sum_rows(const float *x, const float *y, const float *mean, size_t n_rows,
                         size_t channels, float *out, const term what)
{
    size_t c = 0;

    if (y == NULL) y = x; /* not read, but moved along */
    for (; c + 2 * VEC_LANES <= channels; c += 2 * VEC_LANES)
        sum_vectors(x, y, mean, n_rows, channels, c, NULL, out, 2, what);
    for (; c + VEC_LANES <= channels; c += VEC_LANES)
        sum_vectors(x, y, mean, n_rows, channels, c, NULL, out, 1, what);
    if (c == channels) return;
    const vec_mask some = vec_first(channels - c);
    sum_vectors(x, y, mean, n_rows, channels, c, &some, out, 1, what);
}

#define SUM(name, what)                                                                            \
    static void name(const float *x, const float *y, const float *mean, size_t n_rows,             \
                     size_t channels, float *out)                                                  \
    {                                                                                              \
        sum_rows(x, y, mean, n_rows, channels, out, what);                                         \
    }
SUM(sum, VALUE)
SUM(squares, SQUARE)
SUM(products, PRODUCT)

/* ---- values ---- */

MWI_INLINE void map_vector(const float *x, const float *y, const float *mean, const float *factors,
                           size_t channels, const vec_mask *some, float *out, const bool reads_y)
{
    const vec centred = vec_sub(load_of(x, some), load_of(mean, some));
    vec v = vec_fma(centred, load_of(factors, some), load_of(factors + channels, some));

    if (reads_y) v = vec_fma(load_of(y, some), load_of(factors + 2 * channels, some), v);
    store_of(out, v, some);
}

MWI_INLINE void map_rows(const float *x, const float *y, const float *mean, const float *factors,
                         size_t n_rows, size_t channels, float *out, const bool reads_y)
{
    const vec_mask some = vec_first(channels % VEC_LANES);

    if (y == NULL) y = x; /* not read, but moved along */
    for (; n_rows > 0; n_rows--, x += channels, y += channels, out += channels) {
        size_t c = 0;
        for (; c + VEC_LANES <= channels; c += VEC_LANES)
            map_vector(x + c, y + c, mean + c, factors + c, channels, NULL, out + c, reads_y);
        if (c < channels)
            map_vector(x + c, y + c, mean + c, factors + c, channels, &some, out + c, reads_y);
    }
}

static void shift(const float *x, const float *y, const float *mean, const float *factors,
                  size_t n_rows, size_t channels, float *out)
{
    map_rows(x, y, mean, factors, n_rows, channels, out, false);
}

static void combine(const float *x, const float *y, const float *mean, const float *factors,
                    size_t n_rows, size_t channels, float *out)
{
    map_rows(x, y, mean, factors, n_rows, channels, out, true);
}

#define ROW_SUMS                                                                                   \
    {                                                                                              \
        .sum = sum, .squares = squares, .products = products, .shift = shift, .combine = combine   \
    }
