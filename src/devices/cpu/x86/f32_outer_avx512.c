/* devices/cpu/x86/f32_outer_avx512.c - see f32_outer.h; tiles for 32 registers.
 * Depends: f32_outer_tiles.  Used by: the kernels of this folder.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/f32_outer_tiles.h"

TILE(1, 1)
TILE(3, 1)
TILE(6, 1)
TILE(9, 1)
TILE(12, 1)
TILE(1, 2)
TILE(3, 2)
TILE(6, 2)
TILE(9, 2)
TILE(12, 2)
TILE(1, 3)
TILE(3, 3)
TILE(6, 3)
TILE(8, 3)
TILE(1, 4)
TILE(2, 4)
TILE(3, 4)
TILE(6, 4)

static const tile_row tiles[4][5] = {
    {{12, tile_12x1}, {9, tile_9x1}, {6, tile_6x1}, {3, tile_3x1}, {1, tile_1x1}},
    {{12, tile_12x2}, {9, tile_9x2}, {6, tile_6x2}, {3, tile_3x2}, {1, tile_1x2}},
    {{8, tile_8x3}, {6, tile_6x3}, {3, tile_3x3}, {1, tile_1x3}},
    {{6, tile_6x4}, {3, tile_3x4}, {2, tile_2x4}, {1, tile_1x4}},
};

static void run(const mwi_f32_outer *o) { run_outer(tiles, o); }

const mwi_f32_outer_isa mwi_f32_outer_avx512 = {.lanes = VEC_LANES, .max_vectors = 4, .run = run};
