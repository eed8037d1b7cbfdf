/* compress/quantize/affine.h - arithmetic of TFLite's quantization specification: values and
 * weights to integers.
 * Depends: model/, ops/quant_params.  Used by: compress/.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_COMPRESS_AFFINE_H
#define MWI_COMPRESS_AFFINE_H

#include "model/graph.h"
#include "ops/quant_params.h"

void mwi_quantize_all(const float *x, size_t n, mw_dtype dtype, mwi_params p, void *out);
/* values of int8, uint8 or int16 */
void mwi_dequantize_all(const void *q, size_t n, mw_dtype dtype, mwi_params p, float *out);
/* Rounds to what `dtype` can hold and back, in place. */
void mwi_fake_quantize(float *x, size_t n, mw_dtype dtype, mwi_params p);

/* How a weight is cut into channels: element i belongs to channel (i / inner) % n_channels. */
typedef struct mwi_channels {
    size_t n_channels, inner, n; /* n elements in all */
} mwi_channels;
/* axis -1: one channel. */
mwi_channels mwi_channels_of(int32_t rank, const int32_t *dims, int32_t axis);
static inline size_t mwi_channel(const mwi_channels *c, size_t i)
{
    MWI_ASSERT(c->inner > 0);
    return c->n_channels == 1 ? 0 : i / c->inner % c->n_channels;
}

/* Largest integer of a symmetric weight: 127 for 8 bits, 7 for 4: the specification leaves out the
 * lowest so that the range is symmetric. */
int32_t mwi_weight_limit(int bits);

typedef enum mwi_weight_range { MWI_WEIGHT_MAX = 0, MWI_WEIGHT_MSE = 1 } mwi_weight_range;
/* Scales by the largest magnitude of each channel, or by the least squared error when `how` says
 * so. A channel of zeros gets scale 0: the caller chooses one. */
void mwi_weight_scales(const float *w, const mwi_channels *c, int bits, mwi_weight_range how,
                       float *scales);
/* Rounds to nearest; a scale of 0 gives 0. */
void mwi_weight_round(const float *w, const mwi_channels *c, int bits, const float *scales,
                      int8_t *q);

/* Blockwise along the last axis: rows x (columns / block) scales, stored as float16. */
void mwi_block_scales(const float *w, size_t rows, size_t columns, size_t block, int bits,
                      mwi_weight_range how, uint16_t *scales);
void mwi_block_round(const float *w, size_t rows, size_t columns, size_t block, int bits,
                     const uint16_t *scales, int8_t *q);

/* Two values a byte, the first in the low half; (n + 1) / 2 bytes. */
void mwi_pack_int4(const int8_t *q, size_t n, uint8_t *out);

/* 10 log10(signal / noise); +inf without noise, and 0 dB for noise without signal counts as -inf.
 */
double mwi_decibel(double signal, double noise);

#endif
