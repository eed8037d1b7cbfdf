/* devices/cpu/x86/f32_winograd_grid.h - the tiles of 2x2 outputs of all samples of a 3x3
 * convolution with stride 1, numbered, and the 4x4 pixels that each reads.
 * Depends: f32_winograd, ops/window.  Used by: the kernels of this folder.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_DEVICES_CPU_X86_F32_WINOGRAD_GRID_H
#define MWI_DEVICES_CPU_X86_F32_WINOGRAD_GRID_H

#include "devices/cpu/x86/f32_winograd.h"

#include "ops/window.h"

typedef struct mwi_winograd_grid {
    const mwi_winograd_isa *isa;
    mwi_window w;
    size_t in_c, tiles_y, tiles_x, n_tiles;
    const float *zeros; /* a pixel outside */
} mwi_winograd_grid;

/* Where a tile's outputs begin. */
typedef struct mwi_winograd_place {
    size_t sample, y, x;
} mwi_winograd_place;

/* Whether transforms are worth their work. */
bool mwi_winograd_pays(const mwi_window *w, size_t out_c);
/* `w`: in_*, out_*, batch and pads are read. Fails: MW_ENOMEM. */
MW_MUST_USE mw_status mwi_winograd_grid_make(mw_ctx *ctx, mwi_arena *arena, bool is_wide,
                                             const mwi_window *w, mwi_winograd_grid *out);
mwi_winograd_place mwi_winograd_place_of(const mwi_winograd_grid *grid, size_t tile);
/* Transforms what the tile reads to planes[plane * step + channel]. */
void mwi_winograd_read(const mwi_winograd_grid *grid, const float *in, size_t tile, float *planes,
                       size_t step);

#endif
