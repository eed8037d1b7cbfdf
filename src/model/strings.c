/* model/strings.c - see strings.h.
 * Depends: base/reader, base/checked.  Used by: verifier, views, operators on strings.
 * Trust:   every byte of a constant is hostile until mwi_strings_check has passed it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/strings.h"

#include "base/checked.h"
#include "base/reader.h"

/* Bytes before the strings: their number and n + 1 offsets. */
static uint64_t header_bytes(uint64_t n) { return 4 * (n + 2); }

static uint32_t offset_of(const mwi_tensor *t, size_t i)
{
    return mwi_le32((const uint8_t *)t->data + 4 + 4 * i);
}

mw_status mwi_strings_check(mw_ctx *ctx, const mwi_tensor *t)
{
    size_t n;

    if (!mwi_dims_count(t->rank, t->dims, &n))
        return mwi_fail(ctx, MW_ELIMIT, "its shape is larger than any memory");
    if (n == 0 && t->bytes < header_bytes(0)) return MW_OK; /* a buffer may be left out */
    if (t->bytes < header_bytes(0) || n > (t->bytes - header_bytes(0)) / 4)
        return mwi_fail(ctx, MW_EFORMAT, "%zu strings do not fit a buffer of %zu bytes", n,
                        t->bytes);
    if (mwi_le32(t->data) != n)
        return mwi_fail(ctx, MW_EFORMAT, "its buffer holds %u strings, its shape says %zu",
                        mwi_le32(t->data), n);
    for (size_t i = 0; i <= n; i++) {
        const uint64_t low = i == 0 ? header_bytes(n) : offset_of(t, i - 1);
        if (offset_of(t, i) < low || offset_of(t, i) > t->bytes)
            return mwi_fail(ctx, MW_EFORMAT,
                            "string %zu begins at byte %u of its buffer, allowed %llu to %zu", i,
                            offset_of(t, i), (unsigned long long)low, t->bytes);
    }
    return MW_OK;
}

void mwi_strings_expand(const mwi_tensor *t, mw_string *out)
{
    size_t n = 0;

    (void)mwi_dims_count(t->rank, t->dims, &n);
    for (size_t i = 0; i < n; i++)
        out[i] = (mw_string){(const char *)t->data + offset_of(t, i),
                             offset_of(t, i + 1) - offset_of(t, i)};
}

bool mwi_strings_packed_bytes(const mw_string *strings, size_t n, size_t *out)
{
    size_t bytes = (size_t)header_bytes(n);

    if (n > INT32_MAX / 4 - 2) return false;
    for (size_t i = 0; i < n; i++)
        if (!mwi_add(bytes, strings[i].bytes, &bytes) || bytes > INT32_MAX) return false;
    *out = bytes;
    return true;
}

static void put_u32(uint8_t *out, size_t v)
{
    for (size_t k = 0; k < 4; k++) out[k] = (uint8_t)(v >> 8 * k);
}

void mwi_strings_pack(const mw_string *strings, size_t n, uint8_t *out)
{
    size_t at = (size_t)header_bytes(n);

    put_u32(out, n);
    for (size_t i = 0; i < n; i++) {
        put_u32(out + 4 + 4 * i, at);
        if (strings[i].bytes > 0) memcpy(out + at, strings[i].data, strings[i].bytes);
        at += strings[i].bytes;
    }
    put_u32(out + 4 + 4 * n, at);
}
