/* devices/cpu/x86/f32_layer_avx512.c - float tiles of AVX-512: as large as 32 registers and the
 * pointers of a tile's pixels allow, and at least 8 sums that do not wait for each other.
 * Depends: f32_layer_tiles.  Used by: the kernels of this folder.
 * SPDX-License-Identifier: Apache-2.0 */

#include "devices/cpu/x86/f32_layer_tiles.h"

TILE(1, 1)
TILE(2, 1)
TILE(4, 1)
TILE(8, 1)
TILE(1, 2)
TILE(2, 2)
TILE(4, 2)
TILE(8, 2)
TILE(1, 3)
TILE(2, 3)
TILE(4, 3)
TILE(8, 3)
TILE(1, 4)
TILE(2, 4)
TILE(3, 4)
TILE(6, 4)

static const tile_row tiles[4][4] = {
    {{8, tile_8x1}, {4, tile_4x1}, {2, tile_2x1}, {1, tile_1x1}},
    {{8, tile_8x2}, {4, tile_4x2}, {2, tile_2x2}, {1, tile_1x2}},
    {{8, tile_8x3}, {4, tile_4x3}, {2, tile_2x3}, {1, tile_1x3}},
    {{6, tile_6x4}, {3, tile_3x4}, {2, tile_2x4}, {1, tile_1x4}},
};

static void run(const mwi_f32_layer *layer, const mwi_f32_piece *pieces, size_t n_pieces,
                const float *const *pixels, float *const *out, size_t n)
{
    run_layer(tiles, layer, pieces, n_pieces, pixels, out, n);
}

const mwi_f32_isa mwi_f32_layer_avx512 = {
    .lanes = VEC_LANES, .max_vectors = 4, .run = run, .transpose = transpose};
