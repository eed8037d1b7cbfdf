/* devices/cpu/x86/s8_layer.h - an 8-bit matrix product for convolutions and fully connected layers:
 * packed weights, constants of each channel, and tiles of pixels times channels.
 * A pixel's values are `n_segments` pieces of `segment_bytes` bytes each (a filter row, or one tap
 * of a dilated one); the place of a piece after the pixel's corner stands in `segments`.
 * Values are unsigned in the product: int8 ones have their sign bit flipped, on the way into a
 * padded copy or in the register; what that adds is in the bias.
 * Depends: s8_channels.  Used by: the kernels of this folder.   SPDX-License-Identifier: Apache-2.0
 */
#ifndef MWI_DEVICES_CPU_X86_S8_LAYER_H
#define MWI_DEVICES_CPU_X86_S8_LAYER_H

#include "devices/cpu/x86/requant.h"
#include "devices/cpu/x86/s8_channels.h"

enum { MWI_S8_LANES = 16, MWI_S8_BLOCK = 64, MWI_S8_MAX_PIXELS = 48 };

/* Channels stand in blocks of 64, then of 32 and 16, in which they lie as packing to bytes wants
 * them (channel_at in s8_layer.c). */
typedef struct mwi_s8_layer {
    const int8_t *weights;              /* of a block: [segment][quad][place][4] */
    const mwi_requant_block *constants; /* 16 places each */
    const double *scales;    /* of places: sums are scaled by them in double precision; NULL: not */
    const int32_t *segments; /* bytes after a pixel's corner */
    size_t n_segments, segment_bytes, out_c;
    int32_t out_zero, low, high;
    int32_t sum_factor; /* weights were shifted by it: times the sum of a pixel's values; 0: none */
    bool flip;          /* values are int8 in memory */
    bool positive;      /* results below zero are cut by the clamp */
} mwi_s8_layer;

/* How many channels the block has that begins at channel c. */
static inline size_t mwi_s8_block_width(size_t out_c, size_t c)
{
    const size_t left = out_c - c;
    return left > 48 ? 64 : left > 16 ? 32 : 16;
}

/* What a layer is made of: taps are the segments' bytes one after another. */
typedef struct mwi_s8_source {
    const mwi_s8_weights *weights;
    const int32_t *bias; /* NULL: none */
    const mwi_requant *rq;
    size_t n_segments, segment_bytes;
    bool flip;            /* values will be read as int8 from memory, not from a flipped copy */
    const double *scales; /* one a channel; NULL: by rq's multipliers */
} mwi_s8_source;

/* Weights are those of input 1 and packed once for the model; constants of the channels live in the
 * call's arena; `segments` is left to the caller. */
MW_MUST_USE mw_status mwi_s8_layer_make(mw_ctx *ctx, mwi_prepare_call *call,
                                        const mwi_s8_source *source, mwi_s8_layer *out);

/* `n` pixels (at most MWI_S8_MAX_PIXELS) with corners at pixels[i], whose results go to
 * out + i * out_c. Reads up to 3 bytes behind a segment. */
void mwi_s8_layer_run(const mwi_s8_layer *layer, const uint8_t *const *pixels, size_t n,
                      uint8_t *out);
/* The sums that unsigned values with moved weights need: of each row's values times sum_factor. */
void mwi_s8_layer_sums(const mwi_s8_layer *layer, const uint8_t *const *pixels, size_t n,
                       int32_t *out);
/* Block `block` of 64 channels of n rows of segment_bytes (a multiple of 4) values: a layer that
 * was made with scales. */
void mwi_s8_dense_run(const mwi_s8_layer *layer, const uint8_t *const *rows, const int32_t *sums,
                      size_t n, size_t block, uint8_t *out);

#endif
