/* base/text.c - growable text, glob.
 * Depends: base/ctx, base/checked.  Used by: dump, messages.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include "base/checked.h"

#include <stdio.h>
#include <string.h>

void mwi_text_init(mw_ctx *ctx, mwi_text *text, size_t max)
{
    memset(text, 0, sizeof *text);
    text->heap = mwi_heap_retain(ctx);
    text->max = max;
}

void mwi_text_deinit(mwi_text *text)
{
    if (text->heap == NULL) return;
    mwi_heap_free(text->heap, text->chars, text->capacity);
    mwi_heap_release(text->heap);
    memset(text, 0, sizeof *text);
}

static mw_status reserve(mw_ctx *ctx, mwi_text *text, size_t more)
{
    size_t need;
    void *bigger;

    if (!mwi_add(text->n, more, &need) || !mwi_add(need, 1, &need) || need > text->max)
        return mwi_fail(ctx, MW_ELIMIT, "a text of more than %zu bytes", text->max);
    if (need <= text->capacity) return MW_OK;
    size_t capacity = text->capacity < 128 ? 256 : text->capacity * 2;
    if (capacity < need) capacity = need;
    MWI_TRY(mwi_heap_alloc(ctx, text->heap, capacity, &bigger));
    if (text->n != 0) memcpy(bigger, text->chars, text->n);
    mwi_heap_free(text->heap, text->chars, text->capacity);
    text->chars = bigger;
    text->capacity = capacity;
    text->chars[text->n] = '\0';
    return MW_OK;
}

mw_status mwi_text_append(mw_ctx *ctx, mwi_text *text, const char *chars, size_t n)
{
    MWI_TRY(reserve(ctx, text, n));
    if (n != 0) memcpy(text->chars + text->n, chars, n);
    text->n += n;
    text->chars[text->n] = '\0';
    return MW_OK;
}

mw_status mwi_text_printf(mw_ctx *ctx, mwi_text *text, const char *format, ...)
{
    va_list args, again;
    mw_status st;

    va_start(args, format);
    va_copy(again, args);
    const int n = vsnprintf(NULL, 0, format, args);
    st = n < 0 ? mwi_fail(ctx, MW_EINVAL, "text cannot be formatted")
               : reserve(ctx, text, (size_t)n);
    if (st == MW_OK) {
        (void)vsnprintf(text->chars + text->n, (size_t)n + 1, format, again);
        text->n += (size_t)n;
    }
    va_end(again);
    va_end(args);
    return st;
}

const char *mwi_text_chars(const mwi_text *text) { return text->chars == NULL ? "" : text->chars; }

bool mwi_glob_match(const char *pattern, const char *name)
{
    const char *star = NULL, *resume = NULL;

    while (*name != '\0') {
        if (*pattern == '*') {
            star = pattern++;
            resume = name;
        } else if (*pattern == '?' || *pattern == *name) {
            pattern++;
            name++;
        } else if (star != NULL) {
            pattern = star + 1;
            name = ++resume;
        } else {
            return false;
        }
    }
    while (*pattern == '*') pattern++;
    return *pattern == '\0';
}
