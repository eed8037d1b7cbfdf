/* devices/cpu/x86/f32_winograd_grid.c - see f32_winograd_grid.h.
 * Depends: f32_winograd, base/arena.  Used by: the kernels of this folder.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/f32_winograd_grid.h"

enum {
    LEAST_CHANNELS = 16, /* fewer: transforms cost more than products */
    LEAST_TILES = 4,
};

bool mwi_winograd_pays(const mwi_window *w, size_t out_c)
{
    return out_c >= LEAST_CHANNELS && w->in_c >= LEAST_CHANNELS &&
           (int64_t)(w->out_h / 2) * (w->out_w / 2) >= LEAST_TILES;
}

mw_status mwi_winograd_grid_make(mw_ctx *ctx, mwi_arena *arena, bool is_wide, const mwi_window *w,
                                 mwi_winograd_grid *out)
{
    void *zeros;

    *out = (mwi_winograd_grid){.isa = is_wide ? &mwi_winograd_avx512 : &mwi_winograd_avx2,
                               .w = *w,
                               .in_c = (size_t)w->in_c,
                               .tiles_y = ((size_t)w->out_h + 1) / 2,
                               .tiles_x = ((size_t)w->out_w + 1) / 2};
    out->n_tiles = (size_t)w->batch * out->tiles_y * out->tiles_x;
    MWI_TRY(mwi_arena_array(ctx, arena, out->in_c, sizeof(float), &zeros));
    out->zeros = zeros;
    return MW_OK;
}

mwi_winograd_place mwi_winograd_place_of(const mwi_winograd_grid *grid, size_t tile)
{
    const size_t a_sample = grid->tiles_y * grid->tiles_x, at = tile % a_sample;
    return (mwi_winograd_place){tile / a_sample, at / grid->tiles_x * 2, at % grid->tiles_x * 2};
}

void mwi_winograd_read(const mwi_winograd_grid *grid, const float *in, size_t tile, float *planes,
                       size_t step)
{
    const mwi_window *const w = &grid->w;
    const mwi_winograd_place p = mwi_winograd_place_of(grid, tile);
    const int32_t y = (int32_t)p.y - w->pad_top, x = (int32_t)p.x - w->pad_left;
    const float *pixels[MWI_WINOGRAD_PLANES];

    for (int32_t i = 0; i < 4; i++) {
        const bool is_row = y + i >= 0 && y + i < w->in_h;
        const size_t row = is_row ? p.sample * (size_t)w->in_h + (size_t)(y + i) : 0;
        for (int32_t k = 0; k < 4; k++)
            pixels[4 * i + k] = is_row && x + k >= 0 && x + k < w->in_w
                                    ? in + (row * (size_t)w->in_w + (size_t)(x + k)) * grid->in_c
                                    : grid->zeros;
    }
    grid->isa->in(pixels, grid->in_c, planes, step);
}
