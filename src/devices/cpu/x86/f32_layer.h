/* devices/cpu/x86/f32_layer.h - a float matrix product for convolutions and fully connected layers:
 * packed weights and tiles of pixels times channels. A pixel's values are pieces (a filter row, or
 * one tap of a dilated one) at fixed places after its corner; a clipped window has fewer pieces.
 * Each output is one chain of fused multiply-adds over its pieces in order: the same value in
 * every tile, whatever the split of the work.
 * Depends: model/op_desc.  Used by: the kernels of this folder.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_DEVICES_CPU_X86_F32_LAYER_H
#define MWI_DEVICES_CPU_X86_F32_LAYER_H

#include "model/op_desc.h"

enum { MWI_F32_MAX_PIXELS = 48 };

typedef struct mwi_f32_piece {
    ptrdiff_t at;  /* floats after the pixel's corner */
    size_t weight; /* the first value's place among a channel's weights */
    size_t n;
} mwi_f32_piece;

typedef struct mwi_f32_layer mwi_f32_layer;

/* What a set of instructions brings. */
typedef struct mwi_f32_isa {
    size_t lanes, max_vectors; /* channels of a block: at most their product */
    /* `n` pixels (at most MWI_F32_MAX_PIXELS) with corners at pixels[i] and results at out[i]. */
    void (*run)(const mwi_f32_layer *layer, const mwi_f32_piece *pieces, size_t n_pieces,
                const float *const *pixels, float *const *out, size_t n);
} mwi_f32_isa;

struct mwi_f32_layer {
    const mwi_f32_isa *isa;
    const float *weights; /* blocks of channels: [weight][channel of block]; the last block is only
                             as many vectors wide as it needs */
    const float *bias;    /* of whole vectors */
    size_t taps, out_c;
    float low, high;
};

extern const mwi_f32_isa mwi_f32_layer_avx512, mwi_f32_layer_avx2;

/* Packs input 1, [out_c][taps], once for the model; the bias, input 2 if any, lives in the arena.
 */
MW_MUST_USE mw_status mwi_f32_layer_make(mw_ctx *ctx, mwi_prepare_call *call,
                                         const mwi_f32_isa *isa, size_t taps, size_t out_c,
                                         mwi_f32_layer *out);

#endif
