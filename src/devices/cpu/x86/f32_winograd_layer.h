/* devices/cpu/x86/f32_winograd_layer.h - a 3x3 convolution of floats with stride 1 by Winograd's
 * F(2x2, 3x3): tiles of the input to 16 planes, a matrix product in each plane, planes to tiles of
 * the output. Tiles go in groups whose planes stay in the cache.
 * Depends: f32_layer, f32_winograd_grid.  Used by: the kernels of this folder.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_DEVICES_CPU_X86_F32_WINOGRAD_LAYER_H
#define MWI_DEVICES_CPU_X86_F32_WINOGRAD_LAYER_H

#include "devices/cpu/x86/f32_layer.h"
#include "devices/cpu/x86/f32_winograd_grid.h"

typedef struct mwi_winograd_layer {
    mwi_winograd_grid grid;
    mwi_f32_layer layer; /* of plane 0, with the bias and bounds of the whole */
    const float *zeros;  /* one for each output channel */
    size_t group;
    size_t scratch_at, thread_floats; /* scratch of all threads, of one */
} mwi_winograd_layer;

/* `w` has 3x3 taps side by side and stride 1; `matrix` their weights. Grows call->scratch_bytes.
 * Fails: MW_ELIMIT, MW_ENOMEM. */
MW_MUST_USE mw_status mwi_winograd_layer_make(mw_ctx *ctx, mwi_prepare_call *call, bool is_wide,
                                              const mwi_window *w, const mwi_f32_matrix *matrix,
                                              mwi_winograd_layer *out);
void mwi_winograd_layer_run(const mwi_winograd_layer *layer, const mwi_run_call *call,
                            const float *in, float *out);

#endif
