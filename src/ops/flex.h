/* ops/flex.h - numbers by name from a FlexBuffers map: the options of TFLite's custom operators.
 * Depends: base/reader, model/op_desc.  Used by: custom operators.
 * Trust:   every byte is hostile; what does not lie inside counts as not there.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_OPS_FLEX_H
#define MWI_OPS_FLEX_H

#include "base/reader.h"
#include "model/op_desc.h"

typedef struct mwi_flex {
    mwi_reader r;
    uint64_t values, keys, n; /* places of the two vectors; elements */
    unsigned width, key_width;
} mwi_flex;

/* Fails: MW_EFORMAT (not a map). */
MW_MUST_USE mw_status mwi_flex_open(mw_ctx *ctx, const uint8_t *bytes, size_t n, mwi_flex *out);
/* `otherwise` when the map has no number of that name. */
double mwi_flex_number(const mwi_flex *map, const char *name, double otherwise);
/* The fields (I32, F32, BOOL) that the map has; others keep their default. Fails: MW_EFORMAT (not a
 * map, a number outside its field's range). */
MW_MUST_USE mw_status mwi_flex_fields(mw_ctx *ctx, const uint8_t *bytes, size_t n,
                                      const mwi_field *fields, void *attr);

#endif
