/* formats/keras/hdf5/checksum.c - Bob Jenkins' lookup3 (public domain, 2006), the hashlittle form, seed 0.
 * Depends: base/reader.  Used by: formats/keras/hdf5/.   SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/hdf5/checksum.h"

#include <inttypes.h>
#include <string.h>

static uint32_t rotate(uint32_t x, unsigned k) { return x << k | x >> (32 - k); }

static void mix(uint32_t *a, uint32_t *b, uint32_t *c)
{
    *a -= *c; *a ^= rotate(*c, 4); *c += *b;
    *b -= *a; *b ^= rotate(*a, 6); *a += *c;
    *c -= *b; *c ^= rotate(*b, 8); *b += *a;
    *a -= *c; *a ^= rotate(*c, 16); *c += *b;
    *b -= *a; *b ^= rotate(*a, 19); *a += *c;
    *c -= *b; *c ^= rotate(*b, 4); *b += *a;
}

static uint32_t finish(uint32_t a, uint32_t b, uint32_t c)
{
    c ^= b; c -= rotate(b, 14);
    a ^= c; a -= rotate(c, 11);
    b ^= a; b -= rotate(a, 25);
    c ^= b; c -= rotate(b, 16);
    a ^= c; a -= rotate(c, 4);
    b ^= a; b -= rotate(a, 14);
    c ^= b; c -= rotate(b, 24);
    return c;
}

static uint32_t lookup3(const uint8_t *p, uint64_t n)
{
    uint32_t a = 0xdeadbeefu + (uint32_t)n, b = a, c = a;
    uint8_t last[12] = {0};

    if (n == 0) return c;
    for (; n > 12; n -= 12, p += 12) {
        a += mwi_le32(p);
        b += mwi_le32(p + 4);
        c += mwi_le32(p + 8);
        mix(&a, &b, &c);
    }
    memcpy(last, p, (size_t)n);
    a += mwi_le32(last);
    b += mwi_le32(last + 4);
    c += mwi_le32(last + 8);
    return finish(a, b, c);
}

mw_status h5_check_sum(mw_ctx *ctx, const mwi_reader *r, uint64_t at, uint64_t n, const char *what)
{
    const uint8_t *p = NULL;

    if (n > r->len) return mwi_fail(ctx, MW_EFORMAT, "%s+0x%" PRIx64 ": %s runs past the end", r->name, at, what);
    MWI_TRY(mwi_read_bytes(ctx, r, at, n + 4, what, &p));
    if (lookup3(p, n) == mwi_le32(p + n)) return MW_OK;
    return mwi_fail(ctx, MW_EFORMAT, "%s+0x%" PRIx64 ": the checksum of the %s is wrong: the file is damaged", r->name,
                    at, what);
}
