/* compress/quantize/patches.h - layers that are a matrix product of patches of their input: which
 * input values meet which weights. What learning from data needs to know of a layer.
 * Depends: ops/.  Used by: moments, rounding, equalize.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_COMPRESS_PATCHES_H
#define MWI_COMPRESS_PATCHES_H

#include "ops/registry.h"

/* Output channel o of group g = o / (n_out / n_groups) is the sum over j < k of patch[j] times
 * weight [o * out_stride + j * in_stride]. */
typedef struct mwi_patches {
    const mwi_op *op;
    int32_t input; /* tensor */
    size_t n_groups, n_out, k;
    size_t out_stride, in_stride;
    size_t n_positions; /* patches of one run, in each group */
    size_t n_input;     /* values of the input of one run */
    int32_t channels;   /* of the input; patch element j is of channel group * k_channels + j %
                           k_channels */
    size_t k_channels;
    /* geometry of a window; a matrix product is a window of 1 x 1 */
    int32_t in_h, in_w, out_h, out_w, kernel_h, kernel_w, stride_h, stride_w, dilation_h,
        dilation_w;
    int32_t pad_h, pad_w;
} mwi_patches;

/* False: a layer that is none of these, or whose weight or shape is not fixed. */
bool mwi_patches_of(const mwi_graph *graph, const mwi_op *op, mwi_patches *out);
/* The k values of the input that meet the weights of `group` at `position`; zeros where it is
 * padded. */
void mwi_patch_gather(const mwi_patches *p, const float *input, size_t position, size_t group,
                      float *out);

#endif
