/* base/reader.h - the bounds-checked view of bytes that come from outside.
 * Depends: base/ctx.  Used by: formats, data.
 * Little-endian loads by memcpy; no struct is laid over bytes; offsets stay uint64_t.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_BASE_READER_H
#define MWI_BASE_READER_H

#include "base/ctx.h"

typedef struct mwi_reader {
    const char *name; /* file or member, for messages */
    const uint8_t *bytes;
    size_t len;
} mwi_reader;

/* Whether [at, at + n) lies inside. Never overflows. */
static inline bool mwi_reader_has(const mwi_reader *r, uint64_t at, uint64_t n)
{
    return at <= r->len && n <= r->len - at;
}

/* Each fails with MW_EFORMAT "name+0xAT: <what> runs past the end". `what` names the thing read. */
MW_MUST_USE mw_status mwi_read_u16(mw_ctx *ctx, const mwi_reader *r, uint64_t at, const char *what,
                                   uint16_t *out);
MW_MUST_USE mw_status mwi_read_u32(mw_ctx *ctx, const mwi_reader *r, uint64_t at, const char *what,
                                   uint32_t *out);
/* Borrowed from the reader's bytes. */
MW_MUST_USE mw_status mwi_read_bytes(mw_ctx *ctx, const mwi_reader *r, uint64_t at, uint64_t n,
                                     const char *what, const uint8_t **out);

/* For bytes already proven inside. */
static inline uint16_t mwi_le16(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }
static inline uint32_t mwi_le32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}
static inline uint64_t mwi_le64(const uint8_t *p)
{
    return (uint64_t)mwi_le32(p) | (uint64_t)mwi_le32(p + 4) << 32;
}

#endif
