/* devices/cpu/x86/f32_outer.h - sums of outer products over pixels, for gradients of filters: what
 * a pixel of x has at some places times what the same pixel of y has in its channels.
 * Each sum is one chain of fused multiply-adds over the pixels in order: the same value in every
 * tile. Depends: nothing.  Used by: the kernels of this folder.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_DEVICES_CPU_X86_F32_OUTER_H
#define MWI_DEVICES_CPU_X86_F32_OUTER_H

#include <stddef.h>

/* Steps count floats. */
typedef struct mwi_f32_outer {
    const float *x, *y;   /* the first pixel */
    const size_t *places; /* rising, after the pixel of x: a row of sums each */
    size_t n_places;
    size_t out_c, n;      /* channels of y, from one pixel to the next; those wanted, at most a
                           * block */
    size_t height, width; /* pixels */
    size_t x_row, x_step; /* between rows of pixels, between pixels */
    float *sums;          /* [place][channel], channels up to whole vectors; added to */
} mwi_f32_outer;

typedef struct mwi_f32_outer_isa {
    size_t lanes, max_vectors; /* channels of a block: at most their product */
    void (*run)(const mwi_f32_outer *outer);
} mwi_f32_outer_isa;

extern const mwi_f32_outer_isa mwi_f32_outer_avx512, mwi_f32_outer_avx2;

#endif
