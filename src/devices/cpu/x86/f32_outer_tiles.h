/* devices/cpu/x86/f32_outer_tiles.h - the tiles of f32_outer.h, a template: a lane is a channel,
 * values of x are broadcast. The including file lists its tiles: TILE(places, vectors) and the
 * table `tiles`.
 * Depends: f32_outer, vec_f32.  Used by: f32_outer_avx512.c, f32_outer_avx2.c.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/f32_outer.h"
#include "devices/cpu/x86/vec_f32.h"

#include <stdbool.h>

/* M places times N vectors. DENSE: the places lie beside each other. */
MWI_INLINE void run_tile(const mwi_f32_outer *o, size_t place, const size_t M, const size_t N,
                         const bool DENSE)
{
    const size_t x_step = o->x_step, out_c = o->out_c, width = o->width;
    const vec_mask last = vec_first(o->n - (N - 1) * VEC_LANES);
    float *const sums = o->sums + place * N * VEC_LANES;
    const float *y = o->y, *x[12];
    vec acc[12][4];

#pragma GCC unroll 12
    for (size_t m = 0; m < M; m++) {
        x[m] = o->x + o->places[place + m];
#pragma GCC unroll 4
        for (size_t n = 0; n < N; n++) acc[m][n] = vec_load(sums + (m * N + n) * VEC_LANES);
    }
    for (size_t row = 0; row < o->height; row++) {
        for (size_t at = 0; at < width * x_step; at += x_step, y += out_c) {
            vec b[4];
#pragma GCC unroll 4
            for (size_t n = 0; n < N; n++)
                b[n] = n + 1 < N ? vec_load(y + n * VEC_LANES)
                                 : vec_load_some(y + n * VEC_LANES, last);
#pragma GCC unroll 12
            for (size_t m = 0; m < M; m++) {
                const vec a = vec_set1(DENSE ? x[0][at + m] : x[m][at]);
#pragma GCC unroll 4
                for (size_t n = 0; n < N; n++) acc[m][n] = vec_fma(a, b[n], acc[m][n]);
            }
        }
#pragma GCC unroll 12
        for (size_t m = 0; m < M; m++) x[m] += o->x_row;
    }
#pragma GCC unroll 12
    for (size_t m = 0; m < M; m++)
#pragma GCC unroll 4
        for (size_t n = 0; n < N; n++) vec_store(sums + (m * N + n) * VEC_LANES, acc[m][n]);
}

#define TILE(M, N)                                                                                 \
    static void tile_##M##x##N(const mwi_f32_outer *o, size_t place)                               \
    {                                                                                              \
        if (o->places[place + M - 1] - o->places[place] == M - 1)                                  \
            run_tile(o, place, M, N, true);                                                        \
        else                                                                                       \
            run_tile(o, place, M, N, false);                                                       \
    }

typedef struct tile_row {
    size_t places;
    void (*run)(const mwi_f32_outer *o, size_t place);
} tile_row;

/* tiles[n - 1]: those of n vectors, the largest first, the last of one place. */
MWI_INLINE void run_outer(const tile_row (*tiles)[5], const mwi_f32_outer *o)
{
    const tile_row *row = tiles[(o->n + VEC_LANES - 1) / VEC_LANES - 1];

    for (size_t place = 0; place < o->n_places; row++)
        for (; o->n_places - place >= row->places; place += row->places) row->run(o, place);
}
