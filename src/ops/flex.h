/* ops/flex.h - numbers by name from a FlexBuffers map: the options of TFLite's custom operators.
 * Depends: base/reader.  Used by: custom operators.   SPDX-License-Identifier: Apache-2.0
 * Trust:   every byte is hostile; what does not lie inside counts as not there. */
#ifndef MWI_OPS_FLEX_H
#define MWI_OPS_FLEX_H

#include "base/reader.h"

typedef struct mwi_flex {
    mwi_reader r;
    uint64_t values, keys, n; /* places of the two vectors; elements */
    unsigned width, key_width;
} mwi_flex;

/* Fails: MW_EFORMAT (not a map). */
MW_MUST_USE mw_status mwi_flex_open(mw_ctx *ctx, const uint8_t *bytes, size_t n, mwi_flex *out);
/* `otherwise` when the map has no number of that name. */
double mwi_flex_number(const mwi_flex *map, const char *name, double otherwise);

#endif
