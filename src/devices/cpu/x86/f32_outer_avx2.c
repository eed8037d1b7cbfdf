/* devices/cpu/x86/f32_outer_avx2.c - see f32_outer.h; tiles for 16 registers.
 * Depends: f32_outer_tiles.  Used by: the kernels of this folder.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/f32_outer_tiles.h"

TILE(1, 1)
TILE(3, 1)
TILE(6, 1)
TILE(9, 1)
TILE(12, 1)
TILE(1, 2)
TILE(2, 2)
TILE(3, 2)
TILE(6, 2)

static const tile_row tiles[2][5] = {
    {{12, tile_12x1}, {9, tile_9x1}, {6, tile_6x1}, {3, tile_3x1}, {1, tile_1x1}},
    {{6, tile_6x2}, {3, tile_3x2}, {2, tile_2x2}, {1, tile_1x2}},
};

static void run(const mwi_f32_outer *o) { run_outer(tiles, o); }

const mwi_f32_outer_isa mwi_f32_outer_avx2 = {.lanes = VEC_LANES, .max_vectors = 2, .run = run};
