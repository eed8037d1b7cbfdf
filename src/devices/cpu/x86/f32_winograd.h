/* devices/cpu/x86/f32_winograd.h - the transforms of Winograd's convolution F(2x2, 3x3) (Lavin and
 * Gray 2015): a tile of 2x2 outputs takes 16 products a channel instead of 36, and its rounding
 * errors are no larger than those of a plain sum.
 * Depends: nothing.  Used by: the kernels of this folder.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_DEVICES_CPU_X86_F32_WINOGRAD_H
#define MWI_DEVICES_CPU_X86_F32_WINOGRAD_H

#include <stddef.h>

enum { MWI_WINOGRAD_PLANES = 16 };

/* Steps count floats. */
typedef struct mwi_winograd_isa {
    /* 4x4 pixels of `channels` values, pixels[4 * y + x], to out[plane * step + channel]. */
    void (*in)(const float *const *pixels, size_t channels, float *out, size_t step);
    /* planes[plane * step + channel] to four pixels: out[2 * y + x][channel]. */
    void (*out)(const float *planes, size_t step, size_t channels, const float *bias, float low,
                float high, float *const *out);
    /* The transpose of `out`: the gradients of four pixels, pixels[2 * y + x], to those of planes.
     */
    void (*out_grad)(const float *const *pixels, size_t channels, float *planes, size_t step);
} mwi_winograd_isa;

extern const mwi_winograd_isa mwi_winograd_avx512, mwi_winograd_avx2;

#endif
