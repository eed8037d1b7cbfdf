/* data/npy_strings.c - strings of .npy arrays: NumPy's "S" (bytes) and "U" (UTF-32), filled up with
 * zeros.
 * Depends: data/source.  Used by: data/.
 * Trust:   every byte is hostile.   SPDX-License-Identifier: Apache-2.0 */
#include "data/source.h"

#include <string.h>

/* UTF-8 of a character; what is none becomes U+FFFD. Never more than the four bytes it came in. */
static size_t put_utf8(uint32_t c, uint8_t *out)
{
    if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) c = 0xfffd;
    if (c < 0x80) {
        out[0] = (uint8_t)c;
        return 1;
    }
    const size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const uint8_t heads[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = n - 1; i > 0; i--, c >>= 6) out[i] = (uint8_t)(0x80 | (c & 0x3f));
    out[0] = (uint8_t)(heads[n] | c);
    return n;
}

/* In its place: what is written never overtakes what is read. */
static size_t to_utf8(uint8_t *text, size_t bytes)
{
    size_t n = 0;

    for (size_t i = 0; i < bytes; i += 4) n += put_utf8(mwi_le32(text + i), text + n);
    return n;
}

void mwi_npy_strings(const mwi_npy_text *text, uint8_t *stored, size_t n, mw_string *out)
{
    const size_t unit = text->is_utf32 ? 4 : 1;

    for (size_t i = 0; i < n; i++, stored += text->bytes) {
        size_t bytes = text->bytes;
        while (bytes > 0 && memcmp(stored + bytes - unit, "\0\0\0", unit) == 0) bytes -= unit;
        out[i] = (mw_string){(const char *)stored, text->is_utf32 ? to_utf8(stored, bytes) : bytes};
    }
}
