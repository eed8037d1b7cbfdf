/* devices/cpu/x86/f32_columns_tiles.h - see f32_columns.h; a template. Neighbouring outputs share
 * the columns that both read: with constant numbers of taps and strides the compiler loads each
 * once.
 * Depends: f32_columns, vec_f32.  Used by: f32_columns_avx512.c, f32_columns_avx2.c.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/f32_columns.h"
#include "devices/cpu/x86/vec_f32.h"

MWI_INLINE vec load_of(const float *p, const vec_mask *some)
{
    return some ? vec_load_some(p, *some) : vec_load(p);
}

/* One row of taps of X outputs: each column is loaded once, for all outputs that read it. */
MWI_INLINE void add_dense(const mwi_f32_columns *j, const float *x, const float *weights,
                          const vec_mask *some, vec *acc, const size_t X, const size_t TAPS,
                          const size_t STRIDE)
{
    vec w[5];

#pragma GCC unroll 5
    for (size_t k = 0; k < TAPS; k++) w[k] = load_of(weights + k * j->channels, some);
#pragma GCC unroll 16
    for (size_t col = 0; col < (X - 1) * STRIDE + TAPS; col++) {
        const vec v = load_of(x + col * j->channels, some);
#pragma GCC unroll 4
        for (size_t i = 0; i < X; i++)
            if (col >= i * STRIDE && col - i * STRIDE < TAPS)
                acc[i] = vec_fma(v, w[col - i * STRIDE], acc[i]);
    }
}

MWI_INLINE void add_any(const mwi_f32_columns *j, const float *x, const float *weights,
                        const vec_mask *some, vec *acc, const size_t X)
{
    for (size_t k = 0; k < j->n_taps; k++, x += j->tap_step, weights += j->channels) {
        const vec w = load_of(weights, some);
#pragma GCC unroll 4
        for (size_t i = 0; i < X; i++) acc[i] = vec_fma(load_of(x + i * j->step, some), w, acc[i]);
    }
}

/* X outputs from `first` on, one vector of channels from c on; `some`: of a vector that is not
 * full. STRIDE 0: any taps and strides. */
MWI_INLINE void run_vector(const mwi_f32_columns *j, size_t first, size_t c, const vec_mask *some,
                           const size_t X, const size_t TAPS, const size_t STRIDE)
{
    const float *x = j->x + first * j->step + c, *weights = j->weights + c;
    vec acc[4];

    acc[0] = load_of(j->bias + c, some);
#pragma GCC unroll 4
    for (size_t i = 1; i < X; i++) acc[i] = acc[0];
    for (size_t y = 0; y < j->n_rows; y++, x += j->row_step, weights += j->weight_row_step) {
        if (STRIDE > 0)
            add_dense(j, x, weights, some, acc, X, TAPS, STRIDE);
        else
            add_any(j, x, weights, some, acc, X);
    }
    const vec low = vec_set1(j->low), high = vec_set1(j->high);
    float *const out = j->out + first * j->channels + c;
#pragma GCC unroll 4
    for (size_t i = 0; i < X; i++) {
        const vec v = vec_clamp(acc[i], low, high);
        if (some)
            vec_store_some(out + i * j->channels, v, *some);
        else
            vec_store(out + i * j->channels, v);
    }
}

MWI_INLINE void run_block(const mwi_f32_columns *j, size_t first, const size_t X, const size_t TAPS,
                          const size_t STRIDE)
{
    size_t c = 0;

    for (; c + VEC_LANES <= j->channels; c += VEC_LANES)
        run_vector(j, first, c, NULL, X, TAPS, STRIDE);
    if (c == j->channels) return;
    const vec_mask some = vec_first(j->channels - c);
    run_vector(j, first, c, &some, X, TAPS, STRIDE);
}

#define COLUMNS(TAPS, STRIDE)                                                                      \
    static void columns_##TAPS##_##STRIDE(const mwi_f32_columns *columns)                          \
    {                                                                                              \
        const mwi_f32_columns j = *columns; /* stores cannot change it */                          \
        size_t i = 0;                                                                              \
        for (; i + 4 <= j.n; i += 4) run_block(&j, i, 4, TAPS, STRIDE);                            \
        if (i + 2 <= j.n) run_block(&j, i, 2, TAPS, STRIDE), i += 2;                               \
        if (i < j.n) run_block(&j, i, 1, TAPS, STRIDE);                                            \
    }
COLUMNS(0, 0)
COLUMNS(2, 1)
COLUMNS(3, 1)
COLUMNS(5, 1)
COLUMNS(2, 2)
COLUMNS(3, 2)
COLUMNS(5, 2)

MWI_INLINE void run_columns(const mwi_f32_columns *j)
{
    const bool is_dense = j->tap_step == j->channels;

    if (is_dense && j->step == j->channels && j->n_taps == 2)
        columns_2_1(j);
    else if (is_dense && j->step == j->channels && j->n_taps == 3)
        columns_3_1(j);
    else if (is_dense && j->step == j->channels && j->n_taps == 5)
        columns_5_1(j);
    else if (is_dense && j->step == 2 * j->channels && j->n_taps == 2)
        columns_2_2(j);
    else if (is_dense && j->step == 2 * j->channels && j->n_taps == 3)
        columns_3_2(j);
    else if (is_dense && j->step == 2 * j->channels && j->n_taps == 5)
        columns_5_2(j);
    else
        columns_0_0(j);
}
