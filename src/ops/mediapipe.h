/* ops/mediapipe.h - options of MediaPipe's custom operators: C structs of little-endian int32, as
 * TFLite lays out its parameters in memory: padding (1 same, 2 valid), strides, window, activation.
 * Depends: ops/shapes, base/reader.  Used by: MaxPoolingWithArgmax2D and its kind.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_OPS_MEDIAPIPE_H
#define MWI_OPS_MEDIAPIPE_H

#include "base/reader.h"
#include "ops/shapes.h"

typedef struct mwi_pool_options {
    int32_t padding, stride_w, stride_h, filter_w, filter_h, activation;
} mwi_pool_options;
extern const mwi_field mwi_pool_options_fields[];
enum { MWI_OPTION_SAME = 1, MWI_OPTION_VALID = 2 };

mw_status mwi_pool_options_parse(mw_ctx *ctx, mwi_arena *arena, const uint8_t *bytes, size_t n,
                                 void *attr);
/* The first `count` numbers of the options. Fails: MW_EFORMAT (there are fewer). */
MW_MUST_USE mw_status mwi_options_ints(mw_ctx *ctx, const uint8_t *bytes, size_t n, int32_t *out,
                                       size_t count);
/* Cells before the first that `outputs` windows over `inputs` need. */
int32_t mwi_pool_padding(int32_t inputs, int32_t outputs, int32_t filter, int32_t stride);

#endif
