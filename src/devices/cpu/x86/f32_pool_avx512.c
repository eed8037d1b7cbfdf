/* devices/cpu/x86/f32_pool_avx512.c - see pool_2d.h.
 * Depends: f32_pool_tiles.  Used by: the kernels of this folder.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/f32_pool_tiles.h"

void mwi_f32_average_pixel_avx512(const mwi_pool_pixel *p) { pool_pixel(p, false); }
void mwi_f32_max_pixel_avx512(const mwi_pool_pixel *p) { pool_pixel(p, true); }
