/* devices/cpu/x86/f32_layer_avx2.c - float tiles of AVX2 and FMA, for 16 registers.
 * Depends: f32_layer_tiles.  Used by: the kernels of this folder.
 * SPDX-License-Identifier: Apache-2.0 */

#include "devices/cpu/x86/f32_layer_tiles.h"

TILE(1, 1)
TILE(2, 1)
TILE(4, 1)
TILE(8, 1)
TILE(1, 2)
TILE(2, 2)
TILE(3, 2)
TILE(6, 2)

static const tile_row tiles[2][4] = {
    {{8, tile_8x1}, {4, tile_4x1}, {2, tile_2x1}, {1, tile_1x1}},
    {{6, tile_6x2}, {3, tile_3x2}, {2, tile_2x2}, {1, tile_1x2}},
};

static void run(const mwi_f32_layer *layer, const mwi_f32_piece *pieces, size_t n_pieces,
                const float *const *pixels, float *const *out, size_t n)
{
    run_layer(tiles, layer, pieces, n_pieces, pixels, out, n);
}

const mwi_f32_isa mwi_f32_layer_avx2 = {
    .lanes = VEC_LANES, .max_vectors = 2, .run = run, .transpose = transpose};
