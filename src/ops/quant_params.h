/* ops/quant_params.h - ranges of real numbers to scales and zero points, by TFLite's quantization
 * specification: one rule for the quantizer and for the rounding that training sees.
 * Depends: model/.  Used by: ops/, compress/.     SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_OPS_QUANT_PARAMS_H
#define MWI_OPS_QUANT_PARAMS_H

#include "model/graph.h"

typedef struct mwi_params {
    float scale;
    int32_t zero_point;
} mwi_params;

/* Smallest and largest value of an integer type; for int4 [-8, 7]. */
void mwi_quant_range(mw_dtype dtype, int32_t *low, int32_t *high);

/* int8 and uint8: asymmetric over all 256 values with zero on a value; int16, or `symmetric`: zero
 * point 0 over [-127, 127] or [-32767, 32767]. A range without extent gets scale 1. */
mwi_params mwi_params_from_range(mw_dtype dtype, bool symmetric, double min, double max);
/* q = round-half-away(x / scale) + zero point, saturated: what LiteRT's QUANTIZE computes. */
int32_t mwi_quantize_one(float x, mwi_params p, int32_t low, int32_t high);

#endif
