/* base/reader.c - bounds-checked loads.
 * Depends: base/ctx.  Used by: formats, data.     SPDX-License-Identifier: Apache-2.0 */
#include "base/reader.h"

#include <inttypes.h>

mw_status mwi_read_bytes(mw_ctx *ctx, const mwi_reader *r, uint64_t at, uint64_t n,
                         const char *what, const uint8_t **out)
{
    if (!mwi_reader_has(r, at, n))
        return mwi_fail(ctx, MW_EFORMAT,
                        "%s+0x%" PRIx64 ": %s of %" PRIu64 " bytes runs past the end (%zu bytes)",
                        r->name, at, what, n, r->len);
    *out = r->bytes + at;
    return MW_OK;
}

mw_status mwi_read_u16(mw_ctx *ctx, const mwi_reader *r, uint64_t at, const char *what,
                       uint16_t *out)
{
    const uint8_t *p = NULL;
    MWI_TRY(mwi_read_bytes(ctx, r, at, 2, what, &p));
    *out = mwi_le16(p);
    return MW_OK;
}

mw_status mwi_read_u32(mw_ctx *ctx, const mwi_reader *r, uint64_t at, const char *what,
                       uint32_t *out)
{
    const uint8_t *p = NULL;
    MWI_TRY(mwi_read_bytes(ctx, r, at, 4, what, &p));
    *out = mwi_le32(p);
    return MW_OK;
}
