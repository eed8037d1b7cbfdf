/* base/text.h - a growable text with a maximum, decimal numbers, glob matching.
 * Depends: base/ctx.  Used by: dump, messages that name many things, data.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_BASE_TEXT_H
#define MWI_BASE_TEXT_H

#include "base/ctx.h"

/* Initialise with mwi_text_init. Holds: chars is NUL-terminated after the first append. */
typedef struct mwi_text {
    mwi_heap *heap;
    char *chars;
    size_t n, capacity, max;
} mwi_text;

void mwi_text_init(mw_ctx *ctx, mwi_text *text, size_t max);
void mwi_text_deinit(mwi_text *text); /* accepts a zeroed one */
/* Fails: MW_ELIMIT (over max), MW_ENOMEM. */
MW_MUST_USE mw_status mwi_text_printf(mw_ctx *ctx, mwi_text *text, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
MW_MUST_USE mw_status mwi_text_append(mw_ctx *ctx, mwi_text *text, const char *chars, size_t n);
const char *mwi_text_chars(const mwi_text *text); /* "" when empty */

/* A decimal number that is all of text[0, n): sign, digits with at most one point, exponent; the
 * nearest double, whatever the process's locale. False when it is none or too large for a double:
 * blanks, hexadecimal, "inf" and "nan" are no numbers. */
bool mwi_text_to_double(const char *text, size_t n, double *out);

/* '*' any run, '?' any one character; the rest stands for itself. */
bool mwi_glob_match(const char *pattern, const char *name);

#endif
