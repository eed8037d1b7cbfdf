/* devices/cpu/x86/f32_columns_tiles.h - see f32_columns.h; a template. A lane is a channel; the
 * weights of a vector of channels stay in registers while outputs pass by, four at a time, which
 * share the columns that several of them read.
 * Depends: f32_columns, vec_f32.  Used by: f32_columns_avx512.c, f32_columns_avx2.c.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/f32_columns.h"
#include "devices/cpu/x86/vec_f32.h"

/* What one vector of channels of a row of outputs needs. */
typedef struct lane_job {
    const float *x, *weights;
    float *out;
    size_t channels, n_rows, n_taps, row_step, tap_step, step, weight_row_step;
    vec bias, low, high;
} lane_job;

/* X outputs with ROWS x TAPS taps, whose windows are STRIDE pixels apart. */
MWI_INLINE void run_dense(const lane_job *j, const vec *w, const float *x, float *out,
                          const size_t X, const size_t ROWS, const size_t TAPS, const size_t STRIDE)
{
    vec acc[4];

#pragma GCC unroll 4
    for (size_t i = 0; i < X; i++) acc[i] = j->bias;
#pragma GCC unroll 3
    for (size_t y = 0; y < ROWS; y++, x += j->row_step) {
#pragma GCC unroll 16
        for (size_t col = 0; col < (X - 1) * STRIDE + TAPS; col++) {
            const vec v = vec_load(x + col * j->channels);
#pragma GCC unroll 4
            for (size_t i = 0; i < X; i++)
                if (col >= i * STRIDE && col - i * STRIDE < TAPS)
                    acc[i] = vec_fma(v, w[y * TAPS + col - i * STRIDE], acc[i]);
        }
    }
#pragma GCC unroll 4
    for (size_t i = 0; i < X; i++)
        vec_store(out + i * j->channels, vec_clamp(acc[i], j->low, j->high));
}

MWI_INLINE void run_any(const lane_job *j, const float *x, float *out, const size_t X,
                        const vec_mask *some)
{
    const float *weights = j->weights;
    vec acc[4];

#pragma GCC unroll 4
    for (size_t i = 0; i < X; i++) acc[i] = j->bias;
    for (size_t y = 0; y < j->n_rows; y++, weights += j->weight_row_step) {
        for (size_t k = 0; k < j->n_taps; k++) {
            const float *const at = weights + k * j->channels;
            const float *const value = x + y * j->row_step + k * j->tap_step;
            const vec w = some ? vec_load_some(at, *some) : vec_load(at);
#pragma GCC unroll 4
            for (size_t i = 0; i < X; i++) {
                const float *const p = value + i * j->step;
                acc[i] = vec_fma(some ? vec_load_some(p, *some) : vec_load(p), w, acc[i]);
            }
        }
    }
#pragma GCC unroll 4
    for (size_t i = 0; i < X; i++) {
        const vec v = vec_clamp(acc[i], j->low, j->high);
        if (some)
            vec_store_some(out + i * j->channels, v, *some);
        else
            vec_store(out + i * j->channels, v);
    }
}

/* A row of outputs. ROWS 0: any taps and strides. */
MWI_INLINE void run_row(const lane_job *j, const vec *w, const float *x, float *out, size_t n,
                        const size_t ROWS, const size_t TAPS, const size_t STRIDE)
{
    for (; n >= 4; n -= 4, x += 4 * j->step, out += 4 * j->channels) {
        if (ROWS > 0)
            run_dense(j, w, x, out, 4, ROWS, TAPS, STRIDE);
        else
            run_any(j, x, out, 4, NULL);
    }
    if (ROWS == 0)
        for (; n > 0; n--, x += j->step, out += j->channels) run_any(j, x, out, 1, NULL);
    else if (n == 3)
        run_dense(j, w, x, out, 3, ROWS, TAPS, STRIDE);
    else if (n == 2)
        run_dense(j, w, x, out, 2, ROWS, TAPS, STRIDE);
    else if (n == 1)
        run_dense(j, w, x, out, 1, ROWS, TAPS, STRIDE);
}

MWI_INLINE void run_lane(const lane_job *j, const mwi_f32_columns *all, const size_t ROWS,
                         const size_t TAPS, const size_t STRIDE)
{
    const size_t n = all->n, n_out_rows = all->n_out_rows, x_row = all->x_row,
                 out_row = all->out_row;
    const float *x = j->x;
    float *out = j->out;
    vec w[9];

#pragma GCC unroll 3
    for (size_t y = 0; y < ROWS; y++)
#pragma GCC unroll 3
        for (size_t k = 0; k < TAPS; k++)
            w[y * TAPS + k] = vec_load(j->weights + y * j->weight_row_step + k * j->channels);
    for (size_t y = 0; y < n_out_rows; y++, x += x_row, out += out_row)
        run_row(j, w, x, out, n, ROWS, TAPS, STRIDE);
}

MWI_INLINE lane_job lane_at(const mwi_f32_columns *j, size_t c)
{
    return (lane_job){.x = j->x + c,
                      .weights = j->weights + c,
                      .out = j->out + c,
                      .channels = j->channels,
                      .n_rows = j->n_rows,
                      .n_taps = j->n_taps,
                      .row_step = j->row_step,
                      .tap_step = j->tap_step,
                      .step = j->step,
                      .weight_row_step = j->weight_row_step,
                      .low = vec_set1(j->low),
                      .high = vec_set1(j->high)};
}

/* At least a vector of channels; the last vector begins early enough to be whole. */
MWI_INLINE void run_lanes(const mwi_f32_columns *j, const size_t ROWS, const size_t TAPS,
                          const size_t STRIDE)
{
    const size_t channels = j->channels;

    for (size_t c = 0; c < channels; c += VEC_LANES) {
        const size_t at = c + VEC_LANES <= channels ? c : channels - VEC_LANES;
        lane_job lane = lane_at(j, at);
        lane.bias = vec_load(j->bias + at);
        run_lane(&lane, j, ROWS, TAPS, STRIDE);
    }
}

static void run_few_channels(const mwi_f32_columns *j)
{
    const vec_mask some = vec_first(j->channels);
    lane_job lane = lane_at(j, 0);

    lane.bias = vec_load_some(j->bias, some);
    for (size_t y = 0; y < j->n_out_rows; y++)
        for (size_t i = 0; i < j->n; i++)
            run_any(&lane, lane.x + y * j->x_row + i * j->step,
                    lane.out + y * j->out_row + i * j->channels, 1, &some);
}

#define COLUMNS(ROWS, TAPS, STRIDE)                                                                \
    static void columns_##ROWS##x##TAPS##_##STRIDE(const mwi_f32_columns *j)                       \
    {                                                                                              \
        run_lanes(j, ROWS, TAPS, STRIDE);                                                          \
    }
COLUMNS(0, 0, 0)
COLUMNS(2, 2, 1)
COLUMNS(2, 3, 1)
COLUMNS(3, 2, 1)
COLUMNS(3, 3, 1)
COLUMNS(2, 2, 2)
COLUMNS(2, 3, 2)
COLUMNS(3, 2, 2)
COLUMNS(3, 3, 2)

MWI_INLINE void run_columns(const mwi_f32_columns *j)
{
    static void (*const dense[2][2][2])(const mwi_f32_columns *) = {
        {{columns_2x2_1, columns_2x3_1}, {columns_3x2_1, columns_3x3_1}},
        {{columns_2x2_2, columns_2x3_2}, {columns_3x2_2, columns_3x3_2}}};
    const bool is_small = (j->n_rows == 2 || j->n_rows == 3) && (j->n_taps == 2 || j->n_taps == 3);
    const bool is_dense =
        j->tap_step == j->channels && (j->step == j->channels || j->step == 2 * j->channels);

    if (j->channels < VEC_LANES)
        run_few_channels(j);
    else if (is_small && is_dense)
        dense[j->step / j->channels - 1][j->n_rows - 2][j->n_taps - 2](j);
    else
        columns_0x0_0(j);
}
