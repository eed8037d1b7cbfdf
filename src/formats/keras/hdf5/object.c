/* formats/keras/hdf5/object.c - superblock and object headers: a file's root and an object's messages.
 * Depends: h5.h.  Used by: formats/keras/hdf5/.   SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/hdf5/h5.h"

#include "formats/keras/hdf5/checksum.h"

#include <inttypes.h>
#include <string.h>

static const uint8_t signature[8] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};

mw_status h5_work(h5_file *f, uint64_t amount)
{
    enum { PER_BYTE = 1200 }; /* deflate expands no more than about a thousand times */

    if (amount > ((uint64_t)1 << 62) || (f->work += amount) / PER_BYTE > f->r->len + ((uint64_t)1 << 15))
        return mwi_fail(f->ctx, MW_ELIMIT, "%s: its structures go on without end", f->r->name);
    return MW_OK;
}

mw_status h5_address(h5_file *f, uint64_t at, const char *what, uint64_t *out)
{
    MWI_TRY(mwi_read_uint(f->ctx, f->r, at, f->addr_bytes, what, out));
    const uint64_t undefined = f->addr_bytes == 8 ? UINT64_MAX : ((uint64_t)1 << (8 * f->addr_bytes)) - 1;
    if (*out == undefined) *out = UINT64_MAX;
    else if (__builtin_add_overflow(*out, f->base, out) || *out > f->r->len)
        return mwi_fail(f->ctx, MW_EFORMAT, "%s+0x%" PRIx64 ": %s lies behind the end", f->r->name, at, what);
    return MW_OK;
}

mw_status h5_length(h5_file *f, uint64_t at, const char *what, uint64_t *out)
{
    return mwi_read_uint(f->ctx, f->r, at, f->len_bytes, what, out);
}

static mw_status check_widths(h5_file *f)
{
    const unsigned a = f->addr_bytes, l = f->len_bytes;

    if ((a != 2 && a != 4 && a != 8) || (l != 2 && l != 4 && l != 8))
        return mwi_fail(f->ctx, MW_EFORMAT, "%s: addresses of %u and lengths of %u bytes", f->r->name, a, l);
    return MW_OK;
}

/* Version 0 and 1: fixed fields, addresses, the root group's symbol table entry. */
static mw_status open_old(h5_file *f, uint64_t at, uint8_t version)
{
    uint8_t a = 0, l = 0;

    MWI_TRY(mwi_read_u8(f->ctx, f->r, at + 13, "superblock", &a));
    MWI_TRY(mwi_read_u8(f->ctx, f->r, at + 14, "superblock", &l));
    f->addr_bytes = a;
    f->len_bytes = l;
    MWI_TRY(check_widths(f));
    const uint64_t addresses = at + (version == 0 ? 24 : 28);
    /* base, free space, end of file, driver information; then name offset and header address of the root */
    return h5_address(f, addresses + 4 * f->addr_bytes + f->len_bytes, "root group", &f->root);
}

static mw_status open_new(h5_file *f, uint64_t at)
{
    uint8_t a = 0, l = 0;

    MWI_TRY(mwi_read_u8(f->ctx, f->r, at + 9, "superblock", &a));
    MWI_TRY(mwi_read_u8(f->ctx, f->r, at + 10, "superblock", &l));
    f->addr_bytes = a;
    f->len_bytes = l;
    MWI_TRY(check_widths(f));
    MWI_TRY(h5_check_sum(f->ctx, f->r, at, 12 + 4 * f->addr_bytes, "superblock"));
    return h5_address(f, at + 12 + 3 * f->addr_bytes, "root group", &f->root);
}

mw_status h5_open(h5_file *f)
{
    uint8_t version = 0;

    /* The signature stands at 0, or at 512, 1024, ... behind a user block. */
    for (uint64_t at = 0; mwi_reader_has(f->r, at, sizeof signature); at = at == 0 ? 512 : at * 2) {
        if (memcmp(f->r->bytes + at, signature, sizeof signature) != 0) continue;
        f->base = at;
        MWI_TRY(mwi_read_u8(f->ctx, f->r, at + 8, "superblock version", &version));
        if (version > 3)
            return mwi_fail(f->ctx, MW_EUNSUPPORTED, "%s: HDF5 superblock version %u, allowed 0 to 3", f->r->name,
                            version);
        MWI_TRY(version < 2 ? open_old(f, at, version) : open_new(f, at));
        if (f->root == UINT64_MAX) return mwi_fail(f->ctx, MW_EFORMAT, "%s: no root group", f->r->name);
        return MW_OK;
    }
    return mwi_fail(f->ctx, MW_EFORMAT, "%s: not an HDF5 file", f->r->name);
}

/* ---- object headers ---- */

static mw_status add_message(h5_file *f, h5_object *o, uint16_t type, uint8_t flags, uint64_t at, uint64_t size)
{
    if (o->n == H5_MAX_MESSAGES)
        return mwi_fail(f->ctx, MW_ELIMIT, "%s+0x%" PRIx64 ": more than %d messages", f->r->name, o->at,
                        H5_MAX_MESSAGES);
    MWI_TRY(h5_work(f, 64));
    MWI_TRY(mwi_arena_grow(f->ctx, f->arena, &o->messages, o->n, &o->capacity, sizeof *o->messages));
    o->messages[o->n++] = (h5_message){type, flags, at, size};
    return MW_OK;
}

static mw_status block_v1(h5_file *f, h5_object *o, uint64_t at, uint64_t size)
{
    const uint8_t *p = NULL;

    MWI_TRY(mwi_read_bytes(f->ctx, f->r, at, size, "object header", &p));
    for (uint64_t used = 0; size - used >= 8;) {
        const uint8_t *const m = p + used;
        const uint16_t type = mwi_le16(m), bytes = mwi_le16(m + 2);
        if (bytes > size - used - 8)
            return mwi_fail(f->ctx, MW_EFORMAT, "%s+0x%" PRIx64 ": a message of %u bytes runs past its header",
                            f->r->name, at + used, bytes);
        MWI_TRY(add_message(f, o, type, m[4], at + used + 8, bytes));
        used += 8u + bytes;
    }
    return MW_OK;
}

static mw_status block_v2(h5_file *f, h5_object *o, uint64_t at, uint64_t size, bool ordered)
{
    const uint64_t head = ordered ? 6 : 4;
    const uint8_t *p = NULL;

    MWI_TRY(mwi_read_bytes(f->ctx, f->r, at, size, "object header", &p));
    for (uint64_t used = 0; size - used >= head;) {
        const uint8_t *const m = p + used;
        const uint16_t bytes = mwi_le16(m + 1);
        if (bytes > size - used - head)
            return mwi_fail(f->ctx, MW_EFORMAT, "%s+0x%" PRIx64 ": a message of %u bytes runs past its header",
                            f->r->name, at + used, bytes);
        MWI_TRY(add_message(f, o, m[0], m[3], at + used + head, bytes));
        used += head + bytes;
    }
    return MW_OK;
}

/* Continuations are messages themselves: the list grows while it is walked, and its limit ends a loop. */
static mw_status follow_continuations(h5_file *f, h5_object *o, bool v2, bool ordered)
{
    for (size_t i = 0; i < o->n; i++) {
        uint64_t at, size;
        if (o->messages[i].type != H5_MSG_CONTINUATION) continue;
        MWI_TRY(h5_address(f, o->messages[i].at, "header continuation", &at));
        MWI_TRY(h5_length(f, o->messages[i].at + f->addr_bytes, "header continuation", &size));
        if (at == UINT64_MAX) return mwi_fail(f->ctx, MW_EFORMAT, "%s: a header continues nowhere", f->r->name);
        if (!v2) {
            MWI_TRY(block_v1(f, o, at, size));
            continue;
        }
        const uint8_t *p = NULL;
        MWI_TRY(mwi_read_bytes(f->ctx, f->r, at, size, "header continuation", &p));
        if (size < 8 || memcmp(p, "OCHK", 4) != 0)
            return mwi_fail(f->ctx, MW_EFORMAT, "%s+0x%" PRIx64 ": not a header continuation", f->r->name, at);
        MWI_TRY(h5_check_sum(f->ctx, f->r, at, size - 4, "header continuation"));
        MWI_TRY(block_v2(f, o, at + 4, size - 8, ordered));
    }
    return MW_OK;
}

static mw_status object_v1(h5_file *f, h5_object *o)
{
    uint32_t size = 0;

    MWI_TRY(mwi_read_u32(f->ctx, f->r, o->at + 8, "object header", &size));
    MWI_TRY(block_v1(f, o, o->at + 16, size));
    return follow_continuations(f, o, false, false);
}

static mw_status object_v2(h5_file *f, h5_object *o)
{
    uint8_t version = 0, flags = 0;
    uint64_t at = o->at + 6, size;

    MWI_TRY(mwi_read_u8(f->ctx, f->r, o->at + 4, "object header", &version));
    MWI_TRY(mwi_read_u8(f->ctx, f->r, o->at + 5, "object header", &flags));
    if (version != 2)
        return mwi_fail(f->ctx, MW_EUNSUPPORTED, "%s+0x%" PRIx64 ": object header version %u", f->r->name, o->at,
                        version);
    if ((flags & 0x20) != 0) at += 16;
    if ((flags & 0x10) != 0) at += 4;
    MWI_TRY(mwi_read_uint(f->ctx, f->r, at, 1u << (flags & 3), "object header", &size));
    at += 1u << (flags & 3);
    if (size > f->r->len) return mwi_fail(f->ctx, MW_EFORMAT, "%s+0x%" PRIx64 ": header too long", f->r->name, o->at);
    MWI_TRY(h5_check_sum(f->ctx, f->r, o->at, at + size - o->at, "object header"));
    MWI_TRY(block_v2(f, o, at, size, (flags & 4) != 0));
    return follow_continuations(f, o, true, (flags & 4) != 0);
}

mw_status h5_object_read(h5_file *f, uint64_t address, h5_object *out)
{
    const uint8_t *p = NULL;

    memset(out, 0, sizeof *out);
    out->at = address;
    if (++f->n_objects > H5_MAX_OBJECTS)
        return mwi_fail(f->ctx, MW_ELIMIT, "%s: more than %d objects", f->r->name, H5_MAX_OBJECTS);
    MWI_TRY(mwi_read_bytes(f->ctx, f->r, address, 4, "object header", &p));
    if (memcmp(p, "OHDR", 4) == 0) return object_v2(f, out);
    if (p[0] == 1) return object_v1(f, out);
    return mwi_fail(f->ctx, MW_EFORMAT, "%s+0x%" PRIx64 ": not an object header", f->r->name, address);
}

const h5_message *h5_find(const h5_object *o, uint16_t type)
{
    for (size_t i = 0; i < o->n; i++)
        if (o->messages[i].type == type) return &o->messages[i];
    return NULL;
}
