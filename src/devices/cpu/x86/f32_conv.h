/* devices/cpu/x86/f32_conv.h - convolutions of floats as matrix products on the input as it lies in
 * memory. Outputs are cut into regions whose windows are clipped by the border in the same way:
 * what lies outside is left out of the sum. A region's outputs may lie some pixels apart, as those
 * of the gradient of a convolution with strides do.
 * Depends: f32_layer, spans.  Used by: the kernels of this folder.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_DEVICES_CPU_X86_F32_CONV_H
#define MWI_DEVICES_CPU_X86_F32_CONV_H

#include "devices/cpu/x86/f32_layer.h"
#include "devices/cpu/x86/spans.h"

/* Outputs along one axis, numbered from 0: number i lies at first + i * step. */
typedef struct mwi_f32_axis {
    mwi_spans spans;
    int32_t first, step;
    int32_t stride, dilation;    /* input pixels from window to window, from tap to tap */
    int32_t weight, weight_step; /* where tap 0 and the next ones lie among the filter's */
} mwi_f32_axis;
typedef struct mwi_f32_axes {
    mwi_f32_axis *v;
    size_t n;
} mwi_f32_axes;

typedef struct mwi_f32_region mwi_f32_region;

typedef struct mwi_f32_conv {
    mwi_f32_layer layer;
    /* ---- set before planning ---- */
    mwi_window read; /* in_h, in_w, in_c of the area that is read, out_h, out_w, filter_w, batch */
    mwi_window copied; /* copies: the window over the sample that is copied into the area */
    bool copies;
    /* ---- planned ---- */
    mwi_f32_region *regions;
    size_t n_regions, n_strips, strip; /* pixels of a strip */
    bool is_small;
    bool by_sample;       /* threads take whole samples, else strips of one */
    size_t area, area_at; /* copies: floats of one, bytes into the scratch */
} mwi_f32_conv;

/* Grows call->scratch_bytes by what copies need. Fails: MW_ELIMIT, MW_ENOMEM. */
MW_MUST_USE mw_status mwi_f32_conv_plan(mw_ctx *ctx, mwi_prepare_call *call,
                                        const mwi_f32_axes *rows, const mwi_f32_axes *columns,
                                        mwi_f32_conv *conv);
void mwi_f32_conv_run(const mwi_f32_conv *conv, const mwi_run_call *call, const float *in,
                      float *out);

#endif
