/* data/image_decode.h - one PNG or JPEG image as uint8 [height, width, channels].
 * Depends: base/, libpng, libjpeg.  Used by: data/images.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_DATA_IMAGE_DECODE_H
#define MWI_DATA_IMAGE_DECODE_H

#include "base/ctx.h"

typedef struct mwi_image_shape {
    int32_t height, width, channels; /* channels 1 (grey) or 3 (RGB) */
} mwi_image_shape;

enum { MWI_IMAGE_MAX_PIXELS = 1 << 28 };

/* Fails: MW_EIO, MW_EFORMAT (not a PNG or JPEG, or damaged), MW_ELIMIT (over 2^28 pixels). */
MW_MUST_USE mw_status mwi_image_probe(mw_ctx *ctx, const char *path, mwi_image_shape *out);
/* Decodes and scales to `shape`; out is yours, height * width * channels bytes. */
MW_MUST_USE mw_status mwi_image_load(mw_ctx *ctx, const char *path, const mwi_image_shape *shape,
                                     uint8_t *out);
/* The same from memory; `name` for messages. */
MW_MUST_USE mw_status mwi_image_decode(mw_ctx *ctx, const char *name, const uint8_t *bytes,
                                       size_t n, const mwi_image_shape *shape, uint8_t *out);

#endif
