/* formats/keras/hdf5/h5_file.c - superblock, bounded bytes, cursor, checksums.
 * Depends: base/.  Used by: the other files of this folder.
 * Format:  sections II.A (superblock) and the lookup3 hash of Bob Jenkins (2006, public domain).
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/hdf5/h5.h"

#include <inttypes.h>
#include <string.h>

/* A legitimate reader meets each structure a few times; 64 visits of every byte is far above. */
enum { WORK_PER_BYTE = 64, WORK_FLOOR = 1 << 20, WORK_PER_VISIT = 16 };
/* Deflate makes at most 1,032 bytes from one; twice for the chunk and for its place in the dataset.
 */
enum { EXPAND_PER_BYTE = 2200, EXPAND_FLOOR = 64 << 20 };

static const uint8_t signature[8] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};

/* ---- bytes ---- */

mw_status mwi_h5_work(mwi_h5 *h5, uint64_t n)
{
    if (n > h5->work_left || h5->work_left - n < WORK_PER_VISIT)
        return mwi_fail(
            h5->ctx, MW_ELIMIT,
            "%s: its structures refer to each other so often that reading does not end; "
            "the file is damaged",
            h5->r->name);
    h5->work_left -= n + WORK_PER_VISIT;
    return MW_OK;
}

mw_status mwi_h5_expand(mwi_h5 *h5, uint64_t n)
{
    if (n > h5->expand_left)
        return mwi_fail(h5->ctx, MW_ELIMIT,
                        "%s: %" PRIu64 " more bytes from a file of %zu bytes, allowed %" PRIu64
                        ": no honest compression gives that",
                        h5->r->name, n, h5->r->len, h5->expand_left);
    h5->expand_left -= n;
    return MW_OK;
}

bool mwi_h5_undefined(const mwi_h5 *h5, uint64_t addr)
{
    return addr ==
           (h5->offset_bytes == 8 ? UINT64_MAX : ((uint64_t)1 << (8 * h5->offset_bytes)) - 1);
}

mw_status mwi_h5_bytes(mwi_h5 *h5, uint64_t addr, uint64_t n, const char *what, const uint8_t **out)
{
    MWI_TRY(mwi_h5_work(h5, n));
    if (mwi_h5_undefined(h5, addr) || addr > UINT64_MAX - h5->base)
        return mwi_fail(h5->ctx, MW_EFORMAT, "%s: %s has the address 0x%" PRIx64 ", which is none",
                        h5->r->name, what, addr);
    return mwi_read_bytes(h5->ctx, h5->r, h5->base + addr, n, what, out);
}

mw_status mwi_h5_block(mwi_h5 *h5, uint64_t addr, uint64_t n, const char *sign, bool with_checksum,
                       const uint8_t **out)
{
    MWI_TRY(mwi_h5_bytes(h5, addr, n, sign, out));
    if (n < (with_checksum ? 8u : 4u) || memcmp(*out, sign, 4) != 0)
        return mwi_fail(h5->ctx, MW_EFORMAT, "%s+0x%" PRIx64 ": no '%s' block where one must be",
                        h5->r->name, h5->base + addr, sign);
    if (!with_checksum) return MW_OK;
    const uint32_t stored = mwi_le32(*out + n - 4);
    const uint32_t made = mwi_h5_lookup3(*out, (size_t)n - 4, 0);
    if (!mwi_h5_sum_is(made, stored))
        return mwi_fail(h5->ctx, MW_EFORMAT,
                        "%s+0x%" PRIx64 ": the checksum of a '%s' block is 0x%08" PRIx32
                        ", its bytes give 0x%08" PRIx32 "; the file is damaged",
                        h5->r->name, h5->base + addr, sign, stored, made);
    return MW_OK;
}

/* ---- cursor ---- */

const uint8_t *mwi_h5_take_bytes(mwi_h5_cur *c, uint64_t n)
{
    if (c->past || c->i > c->n || n > c->n - c->i) {
        c->past = true;
        return NULL;
    }
    const uint8_t *const p = c->p + c->i;
    c->i += (size_t)n;
    return p;
}

uint64_t mwi_h5_take(mwi_h5_cur *c, unsigned width)
{
    const uint8_t *const p = mwi_h5_take_bytes(c, width);
    uint64_t v = 0;

    if (p == NULL) return 0;
    for (unsigned i = 0; i < width; i++) v |= (uint64_t)p[i] << (8 * i);
    return v;
}

uint64_t mwi_h5_take_offset(const mwi_h5 *h5, mwi_h5_cur *c)
{
    return mwi_h5_take(c, h5->offset_bytes);
}

uint64_t mwi_h5_take_length(const mwi_h5 *h5, mwi_h5_cur *c)
{
    return mwi_h5_take(c, h5->length_bytes);
}

void mwi_h5_skip(mwi_h5_cur *c, uint64_t n) { (void)mwi_h5_take_bytes(c, n); }

mw_status mwi_h5_cur_ok(mwi_h5 *h5, const mwi_h5_cur *c, const char *what)
{
    if (!c->past) return MW_OK;
    return mwi_fail(h5->ctx, MW_EFORMAT, "%s+0x%" PRIx64 ": %s runs past its %zu bytes",
                    h5->r->name, h5->base + c->addr, what, c->n);
}

unsigned mwi_h5_bytes_for(uint64_t limit)
{
    unsigned n = 1;
    while (n < 8 && limit >> (8 * n) != 0) n++;
    return n;
}

/* ---- checksums ---- */

static uint32_t rotate(uint32_t x, unsigned k) { return x << k | x >> (32 - k); }

/* hashlittle() of lookup3, read byte by byte. */
uint32_t mwi_h5_lookup3(const uint8_t *p, size_t n, uint32_t seed)
{
    uint32_t a = 0xdeadbeefu + (uint32_t)n + seed, b = a, c = a;
    uint8_t tail[12] = {0};

    while (n > 12) {
        a += mwi_le32(p), b += mwi_le32(p + 4), c += mwi_le32(p + 8);
        a -= c, a ^= rotate(c, 4), c += b;
        b -= a, b ^= rotate(a, 6), a += c;
        c -= b, c ^= rotate(b, 8), b += a;
        a -= c, a ^= rotate(c, 16), c += b;
        b -= a, b ^= rotate(a, 19), a += c;
        c -= b, c ^= rotate(b, 4), b += a;
        p += 12, n -= 12;
    }
    if (n == 0) return c;
    memcpy(tail, p, n);
    a += mwi_le32(tail), b += mwi_le32(tail + 4), c += mwi_le32(tail + 8);
    c ^= b, c -= rotate(b, 14);
    a ^= c, a -= rotate(c, 11);
    b ^= a, b -= rotate(a, 25);
    c ^= b, c -= rotate(b, 16);
    a ^= c, a -= rotate(c, 4);
    b ^= a, b -= rotate(a, 14);
    c ^= b, c -= rotate(b, 24);
    return c;
}

/* Fletcher's sum over big-endian 16-bit words, an odd last byte in the high half. */
uint32_t mwi_h5_fletcher32(const uint8_t *p, size_t n)
{
    uint32_t low = 0, high = 0;

    for (size_t i = 0; i < n; i += 2) {
        low += (uint32_t)p[i] << 8 | (i + 1 < n ? p[i + 1] : 0u);
        low = (low & 0xffff) + (low >> 16);
        high += low;
        high = (high & 0xffff) + (high >> 16);
    }
    return high << 16 | low;
}

/* ---- superblock ---- */

static mw_status find_superblock(mwi_h5 *h5)
{
    uint64_t at = 0;

    while (mwi_reader_has(h5->r, at, sizeof signature)) {
        if (memcmp(h5->r->bytes + at, signature, sizeof signature) == 0) {
            h5->base = at;
            return MW_OK;
        }
        at = at == 0 ? 512 : at * 2; /* behind a user block */
    }
    return mwi_fail(h5->ctx, MW_EFORMAT, "%s: not an HDF5 file: no signature at 0, 512, 1024, ...",
                    h5->r->name);
}

static mw_status take_sizes(mwi_h5 *h5, mwi_h5_cur *c)
{
    h5->offset_bytes = (unsigned)mwi_h5_take(c, 1);
    h5->length_bytes = (unsigned)mwi_h5_take(c, 1);
    MWI_TRY(mwi_h5_cur_ok(h5, c, "superblock"));
    if ((h5->offset_bytes != 2 && h5->offset_bytes != 4 && h5->offset_bytes != 8) ||
        (h5->length_bytes != 2 && h5->length_bytes != 4 && h5->length_bytes != 8))
        return mwi_fail(
            h5->ctx, MW_EUNSUPPORTED,
            "%s: superblock with addresses of %u and lengths of %u bytes, allowed 2, 4, 8",
            h5->r->name, h5->offset_bytes, h5->length_bytes);
    return MW_OK;
}

static mw_status read_superblock(mwi_h5 *h5)
{
    mwi_h5_cur c = {h5->r->bytes + h5->base, h5->r->len - (size_t)h5->base, 8, 0, false};
    const unsigned version = (unsigned)mwi_h5_take(&c, 1);
    uint64_t end;

    if (version <= 1) {
        mwi_h5_skip(&c, 4); /* versions of parts, reserved */
        MWI_TRY(take_sizes(h5, &c));
        mwi_h5_skip(&c, version == 0 ? 9 : 13); /* reserved, B-tree ranks, flags */
        mwi_h5_skip(&c, 2 * h5->offset_bytes);  /* base address, free space */
        end = mwi_h5_take_offset(h5, &c);
        mwi_h5_skip(&c, 2 * h5->offset_bytes); /* driver block; name of the root entry */
        h5->root = mwi_h5_take_offset(h5, &c);
    } else if (version <= 3) {
        MWI_TRY(take_sizes(h5, &c));
        mwi_h5_skip(&c, 1 + 2 * h5->offset_bytes); /* flags, base address, extension */
        end = mwi_h5_take_offset(h5, &c);
        h5->root = mwi_h5_take_offset(h5, &c);
        const uint32_t made = c.past ? 0 : mwi_h5_lookup3(c.p, c.i, 0);
        const uint32_t stored = (uint32_t)mwi_h5_take(&c, 4);
        if (!c.past && !mwi_h5_sum_is(made, stored))
            return mwi_fail(h5->ctx, MW_EFORMAT, "%s: the checksum of the superblock is wrong",
                            h5->r->name);
    } else {
        return mwi_fail(h5->ctx, MW_EUNSUPPORTED, "%s: superblock version %u, allowed 0 to 3",
                        h5->r->name, version);
    }
    MWI_TRY(mwi_h5_cur_ok(h5, &c, "superblock"));
    if (end > h5->r->len)
        return mwi_fail(h5->ctx, MW_EFORMAT,
                        "%s: the file is cut off: %zu bytes of %" PRIu64 "; copy it again",
                        h5->r->name, h5->r->len, end);
    return MW_OK;
}

mw_status mwi_h5_open(mw_ctx *ctx, const mwi_reader *r, mwi_arena *arena, mwi_h5 *h5)
{
    memset(h5, 0, sizeof *h5);
    h5->ctx = ctx;
    h5->r = r;
    h5->arena = arena;
    h5->collection = UINT64_MAX;
    mwi_arena_init(ctx, &h5->scratch);
    h5->work_left = r->len > UINT64_MAX / WORK_PER_BYTE - WORK_FLOOR
                        ? UINT64_MAX
                        : (uint64_t)r->len * WORK_PER_BYTE + WORK_FLOOR;
    h5->expand_left = r->len > UINT64_MAX / EXPAND_PER_BYTE - EXPAND_FLOOR
                          ? UINT64_MAX
                          : (uint64_t)r->len * EXPAND_PER_BYTE + EXPAND_FLOOR;
    MWI_TRY(find_superblock(h5));
    return read_superblock(h5);
}

void mwi_h5_close(mwi_h5 *h5) { mwi_arena_deinit(&h5->scratch); }
