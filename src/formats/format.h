/* formats/format.h - one file format: bytes <-> model.
 * Depends: model/, ops/.  Used by: the list of formats; api/.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_FORMATS_FORMAT_H
#define MWI_FORMATS_FORMAT_H

#include "base/reader.h"
#include "ops/registry.h"

enum {
    MWI_FORMAT_TRAINING_OPS = 1, /* holds operators that only training needs */
    MWI_FORMAT_KEEPS_LAYERS = 2, /* holds the layers of the model that was read, not operators */
};

typedef struct mwi_format_desc {
    const char *name;    /* "tflite" */
    const char *summary; /* one line for `list formats` */
    const char *suffix;  /* ".tflite": what mw_model_save chooses by; NULL: read only */
    uint32_t flags;
    bool (*probe)(const uint8_t *bytes, size_t n); /* by the first bytes, never by the name */
    /* Fills an empty model (arena and name ready). `r` is borrowed as long as the model lives, so
     * that constants may point into it. The caller infers and verifies afterwards. */
    mw_status (*load)(mw_ctx *ctx, const mwi_reader *r, const mw_load_options *options,
                      mw_model *model);
    /* NULL: read only. The caller commits or discards. */
    mw_status (*save)(mw_ctx *ctx, const mw_model *model, mwi_output *output);
} mwi_format_desc;

extern const mwi_format_desc *const mwi_formats[]; /* formats.def, ends with NULL */

#endif
