/* model/strings.h - string tensors. A file holds one as TFLite does: the number of strings n, n + 1
 * offsets from the buffer's start, all int32, then the strings' bytes. In memory an element is an
 * mw_string, so that whatever moves elements moves strings; the bytes stay where they are.
 * Depends: model/graph.  Used by: verifier, views, operators on strings.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_MODEL_STRINGS_H
#define MWI_MODEL_STRINGS_H

#include "model/graph.h"

#include <string.h>

/* Proves that a constant's buffer holds as many strings as its shape says, each inside it, for the
 * verifier. Fails: MW_EFORMAT. */
MW_MUST_USE mw_status mwi_strings_check(mw_ctx *ctx, const mwi_tensor *tensor);
/* The elements of a constant that the verifier has passed.
 *   out  yours; as many as the shape says, pointing into the constant */
void mwi_strings_expand(const mwi_tensor *tensor, mw_string *out);

/* Bytes of n strings as a file holds them; false when the format's int32 offsets do not reach. */
bool mwi_strings_packed_bytes(const mw_string *strings, size_t n, size_t *out);
/* Writes them; `out` is yours, of that size. */
void mwi_strings_pack(const mw_string *strings, size_t n, uint8_t *out);

static inline bool mwi_strings_equal(const mw_string *a, const mw_string *b)
{
    return a->bytes == b->bytes && (a->bytes == 0 || memcmp(a->data, b->data, a->bytes) == 0);
}

#endif
