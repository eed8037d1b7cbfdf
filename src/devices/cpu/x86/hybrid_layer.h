/* devices/cpu/x86/hybrid_layer.h - layers of float values and int8 weights: values are quantized
 * at run time, sums are integers, results floats. The integers are those of the reference kernels
 * and the floats are computed in their order: results are equal to the bit.
 * Depends: ops/fixed.  Used by: the kernels of this folder.   SPDX-License-Identifier: Apache-2.0
 */
#ifndef MWI_DEVICES_CPU_X86_HYBRID_LAYER_H
#define MWI_DEVICES_CPU_X86_HYBRID_LAYER_H

#include "ops/fixed.h"

enum { MWI_HYBRID_MAX_PIXELS = 48, MWI_HYBRID_SLACK = 64 };

typedef struct mwi_hybrid_layer {
    const int8_t *weights;      /* blocks of 64 channels: [segment][quad][channel of block][4] */
    const int32_t *sums;        /* of each channel's weights; whole vectors of 16 */
    const float *scales, *bias; /* the same */
    const int32_t *segments;    /* bytes after a pixel's corner */
    size_t n_segments, segment_bytes, out_c;
    float low, high;
    bool scales_first; /* scale * channel's scale is one factor; else sum * channel's, then scale */
} mwi_hybrid_layer;

/* Packs input 1, [out_c][n_segments][segment_bytes], and the constants of channels; `segments` is
 * left to the caller. Fails: MW_EFORMAT (weights without scales), MW_ENOMEM. */
MW_MUST_USE mw_status mwi_hybrid_layer_make(mw_ctx *ctx, mwi_prepare_call *call, size_t n_segments,
                                            size_t segment_bytes, mwi_hybrid_layer *out);

/* What values of one sample are quantized with. */
typedef struct mwi_hybrid_scale {
    float scale, inverse;
    float zero_f; /* added before rounding */
    float low;    /* -128 or -127 */
    int32_t zero;
    bool is_zero; /* all values count as `zero` */
} mwi_hybrid_scale;

mwi_hybrid_scale mwi_hybrid_scale_of(const float *values, size_t n, bool is_asymmetric);
/* n values, plus 128 to be unsigned. */
void mwi_hybrid_quantize(const mwi_hybrid_scale *scale, const float *values, size_t n,
                         uint8_t *out);

/* `n` pixels (at most MWI_HYBRID_MAX_PIXELS) of quantized values with corners at pixels[i], results
 * to out + i * out_c. Reads up to 3 bytes behind a segment. */
void mwi_hybrid_layer_run(const mwi_hybrid_layer *layer, const mwi_hybrid_scale *scale,
                          const uint8_t *const *pixels, size_t n, float *out);

#endif
