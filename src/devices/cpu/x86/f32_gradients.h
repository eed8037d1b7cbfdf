/* devices/cpu/x86/f32_gradients.h - inner loops of gradients that are no matrix products.
 * Depends: ops/pool.  Used by: the kernels of this folder.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_DEVICES_CPU_X86_F32_GRADIENTS_H
#define MWI_DEVICES_CPU_X86_F32_GRADIENTS_H

#include "ops/pool.h"

typedef struct mwi_f32_bounds {
    float low, high;
} mwi_f32_bounds;

typedef struct mwi_f32_gradients_isa {
    /* dy where low < y < high, else 0; out may be y or dy. */
    void (*relu)(const mwi_f32_bounds *bounds, const float *y, const float *dy, float *out,
                 size_t n);
    /* Windows (ops/pool.h) that give their dy to dx: adding, or writing where windows tile x. */
    void (*max_add)(const mwi_pool_pixel *p);
    void (*max_write)(const mwi_pool_pixel *p);
    void (*average_add)(const mwi_pool_pixel *p);
    void (*average_write)(const mwi_pool_pixel *p);
} mwi_f32_gradients_isa;

extern const mwi_f32_gradients_isa mwi_f32_gradients_avx512, mwi_f32_gradients_avx2;

#endif
