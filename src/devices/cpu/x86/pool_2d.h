/* devices/cpu/x86/pool_2d.h - pixels (ops/pool.h) of pooling operators, vectors of channels.
 * Depends: ops/pool.  Used by: the kernels of this folder.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_DEVICES_CPU_X86_POOL_2D_H
#define MWI_DEVICES_CPU_X86_POOL_2D_H

#include "ops/pool.h"

enum { MWI_POOL_MOST_TAPS = 16000 }; /* of 8-bit averages: floats hold their sums */

void mwi_f32_average_pixel_avx512(const mwi_pool_pixel *p);
void mwi_f32_max_pixel_avx512(const mwi_pool_pixel *p);
void mwi_f32_average_pixel_avx2(const mwi_pool_pixel *p);
void mwi_f32_max_pixel_avx2(const mwi_pool_pixel *p);
void mwi_s8_average_pixel_avx512(const mwi_pool_pixel *p);
void mwi_u8_average_pixel_avx512(const mwi_pool_pixel *p);
void mwi_s8_max_pixel_avx512(const mwi_pool_pixel *p);
void mwi_u8_max_pixel_avx512(const mwi_pool_pixel *p);

#endif
