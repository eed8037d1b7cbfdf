/* devices/cpu/x86/f32_layer.h - a float matrix product for convolutions and fully connected layers:
 * packed weights and tiles of pixels times channels. A pixel's values are pieces (a filter row, or
 * one tap of a dilated one) at fixed places after its corner; a clipped window has fewer pieces.
 * Each output is one chain of fused multiply-adds over its pieces in order: the same value in
 * every tile, whatever the split of the work.
 * Depends: ops/weights.  Used by: the kernels of this folder.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_DEVICES_CPU_X86_F32_LAYER_H
#define MWI_DEVICES_CPU_X86_F32_LAYER_H

#include "ops/weights.h"

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
    /* out[i * width + c] = in[c * step + i] for i < n, c < n_channels; 0 for channels from there
     * to width, a number of whole vectors. */
    void (*transpose)(const float *in, size_t step, size_t n_channels, size_t n, float *out,
                      size_t width);
} mwi_f32_isa;

/* Where the weights of a layer lie: that of channel c, tap t and input channel k at c * out_step +
 * t * tap_step + k * in_step floats of operand `input`. One of out_step and in_step is 1. */
typedef struct mwi_f32_matrix {
    const char *kind; /* static storage: tells this order from others of the same tensor */
    size_t input;
    size_t out_c, n_taps, in_c;
    size_t out_step, tap_step, in_step;
    bool is_flipped;      /* the last tap comes first */
    bool has_bias;        /* operand 2, if it is there */
    size_t planes;        /* matrices, one after the other; 0: one */
    mwi_repack_fn repack; /* NULL: blocks as below, plane after plane; else the room of as many
                           * planes, filled from the one matrix that there is */
} mwi_f32_matrix;

/* Weights in the order of the tiles. `weights` comes first: a repack function casts back. */
typedef struct mwi_f32_packing {
    mwi_weights weights;
    const mwi_f32_isa *isa;
    mwi_f32_matrix matrix;
    size_t padded_c, block; /* channels up to whole vectors; of a block */
    size_t plane;           /* floats of a packed plane */
} mwi_f32_packing;

struct mwi_f32_layer {
    const mwi_f32_isa *isa;
    const float *weights; /* blocks of channels: [weight][channel of block]; the last block is only
                             as many vectors wide as it needs */
    const float *bias;    /* of whole vectors */
    size_t taps, out_c;
    float low, high;
    mwi_f32_packing packing;
    mwi_weights bias_packing;
};

extern const mwi_f32_isa mwi_f32_layer_avx512, mwi_f32_layer_avx2;

/* The matrix of a filter [out_c][n_taps][in_c], operand 1, and its bias. */
mwi_f32_matrix mwi_f32_matrix_of_filter(size_t out_c, size_t n_taps, size_t in_c);
/* A layer without bounds. Constants are packed once for the model; for others call->scratch_bytes
 * grows. Fails: MW_ELIMIT, MW_ENOMEM. */
MW_MUST_USE mw_status mwi_f32_layer_make(mw_ctx *ctx, mwi_prepare_call *call,
                                         const mwi_f32_isa *isa, const mwi_f32_matrix *matrix,
                                         mwi_f32_layer *out);
/* The layer of one run: packs what was not known before. */
mwi_f32_layer mwi_f32_layer_at_run(const mwi_f32_layer *layer, const mwi_run_call *call);
/* Block `block` of a plane's channels as a layer of its own, for outputs moved as far. */
mwi_f32_layer mwi_f32_layer_block(const mwi_f32_layer *layer, size_t plane, size_t block);

#endif
