/* formats/keras/hdf5/h5_object.c - object headers of version 1 and 2 with their continuation
 * blocks.
 * Depends: base/.  Used by: the other files of this folder.
 * Holds:   the blocks of one header together are no longer than the file, so that a cycle ends.
 * Format:  section IV.A.   SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/hdf5/h5.h"

#include <inttypes.h>
#include <string.h>

/* What is being read: blocks are done in the order in which their continuation messages come. */
typedef struct header {
    mwi_h5_object *object;
    unsigned version, flags; /* version 2: bit 2 tells that messages carry a creation order */
    uint64_t bytes;          /* of all blocks so far */
} header;

static mw_status add_message(mwi_h5 *h5, header *h, const mwi_h5_msg *msg)
{
    mwi_h5_object *const o = h->object;

    if ((msg->flags & 0x80) != 0 && msg->type > 0x18)
        return mwi_fail(h5->ctx, MW_EUNSUPPORTED,
                        "%s+0x%" PRIx64
                        ": header message of type 0x%x, which says that a reader who "
                        "does not know it must stop",
                        h5->r->name, h5->base + msg->addr, msg->type);
    if (msg->type == 0) return MW_OK; /* empty */
    MWI_TRY(
        mwi_arena_grow(h5->ctx, &h5->scratch, &o->msgs, o->n_msgs, &o->capacity, sizeof *o->msgs));
    o->msgs[o->n_msgs++] = *msg;
    return MW_OK;
}

static mw_status read_messages(mwi_h5 *h5, header *h, const uint8_t *p, size_t n, uint64_t addr)
{
    mwi_h5_cur c = {p, n, 0, addr, false};
    const bool v1 = h->version == 1;
    const size_t head = v1 ? 8 : (h->flags & 4) != 0 ? 6 : 4;

    h->bytes += n;
    if (h->bytes > h5->r->len)
        return mwi_fail(h5->ctx, MW_EFORMAT,
                        "%s+0x%" PRIx64 ": an object header goes round in a circle", h5->r->name,
                        h5->base + h->object->addr);
    while (c.n - c.i >= head) { /* what is left over at the end is a gap */
        mwi_h5_msg m = {0};
        m.type = (uint16_t)mwi_h5_take(&c, v1 ? 2 : 1);
        m.n = (size_t)mwi_h5_take(&c, 2);
        m.flags = (uint8_t)mwi_h5_take(&c, 1);
        if (head > 4) mwi_h5_skip(&c, head - (v1 ? 5 : 4));
        m.addr = addr + c.i;
        m.p = mwi_h5_take_bytes(&c, m.n);
        MWI_TRY(mwi_h5_cur_ok(h5, &c, "a header message"));
        MWI_TRY(add_message(h5, h, &m));
    }
    return MW_OK;
}

static mw_status read_continuation(mwi_h5 *h5, header *h, const mwi_h5_msg *msg)
{
    mwi_h5_cur c = {msg->p, msg->n, 0, msg->addr, false};
    const uint64_t addr = mwi_h5_take_offset(h5, &c), n = mwi_h5_take_length(h5, &c);
    const uint8_t *p = NULL;

    MWI_TRY(mwi_h5_cur_ok(h5, &c, "a continuation message"));
    if (h->version == 1) {
        MWI_TRY(mwi_h5_bytes(h5, addr, n, "header continuation", &p));
        return read_messages(h5, h, p, (size_t)n, addr);
    }
    MWI_TRY(mwi_h5_block(h5, addr, n, "OCHK", true, &p));
    return read_messages(h5, h, p + 4, (size_t)n - 8, addr + 4);
}

static mw_status open_v1(mwi_h5 *h5, header *h)
{
    const uint64_t addr = h->object->addr;
    const uint8_t *p = NULL;

    MWI_TRY(mwi_h5_bytes(h5, addr, 16, "object header", &p));
    const uint32_t n = mwi_le32(p + 8);
    MWI_TRY(mwi_h5_bytes(h5, addr, (uint64_t)n + 16, "object header", &p));
    return read_messages(h5, h, p + 16, n, addr + 16);
}

static mw_status open_v2(mwi_h5 *h5, header *h)
{
    const uint64_t addr = h->object->addr;
    const uint8_t *p = NULL;

    MWI_TRY(mwi_h5_bytes(h5, addr, 6, "object header", &p));
    if (p[4] != 2)
        return mwi_fail(h5->ctx, MW_EUNSUPPORTED,
                        "%s+0x%" PRIx64 ": object header version %u, allowed 1 and 2", h5->r->name,
                        h5->base + addr, p[4]);
    h->flags = p[5];
    const unsigned width = 1u << (h->flags & 3);
    const unsigned head = 6 + ((h->flags & 0x20) != 0 ? 16 : 0) + ((h->flags & 0x10) != 0 ? 4 : 0);
    MWI_TRY(mwi_h5_bytes(h5, addr, head + width, "object header", &p));
    mwi_h5_cur c = {p, head + width, head, addr, false};
    const uint64_t n = mwi_h5_take(&c, width);
    if (n > h5->r->len)
        return mwi_fail(h5->ctx, MW_EFORMAT,
                        "%s+0x%" PRIx64 ": an object header of %" PRIu64 " bytes runs past the end",
                        h5->r->name, h5->base + addr, n);
    MWI_TRY(mwi_h5_block(h5, addr, head + width + n + 4, "OHDR", true, &p));
    return read_messages(h5, h, p + head + width, (size_t)n, addr + head + width);
}

mw_status mwi_h5_object_open(mwi_h5 *h5, uint64_t addr, mwi_h5_object *out)
{
    header h = {.object = out};
    const uint8_t *p = NULL;

    memset(out, 0, sizeof *out);
    out->addr = addr;
    MWI_TRY(mwi_h5_bytes(h5, addr, 4, "object header", &p));
    if (memcmp(p, "OHDR", 4) == 0) {
        h.version = 2;
        MWI_TRY(open_v2(h5, &h));
    } else if (p[0] == 1) {
        h.version = 1;
        MWI_TRY(open_v1(h5, &h));
    } else {
        return mwi_fail(h5->ctx, MW_EFORMAT, "%s+0x%" PRIx64 ": no object header where one must be",
                        h5->r->name, h5->base + addr);
    }
    for (size_t i = 0; i < out->n_msgs; i++) {
        const mwi_h5_msg m = out->msgs[i]; /* a copy: the array may move */
        if (m.type == MWI_H5_CONTINUATION) MWI_TRY(read_continuation(h5, &h, &m));
    }
    return MW_OK;
}

const mwi_h5_msg *mwi_h5_object_msg(const mwi_h5_object *object, uint16_t type)
{
    for (size_t i = 0; i < object->n_msgs; i++)
        if (object->msgs[i].type == type) return &object->msgs[i];
    return NULL;
}

bool mwi_h5_is_group(const mwi_h5_object *object)
{
    return mwi_h5_object_msg(object, MWI_H5_SYMBOL_TABLE) != NULL ||
           mwi_h5_object_msg(object, MWI_H5_LINK_INFO) != NULL;
}

bool mwi_h5_is_dataset(const mwi_h5_object *object)
{
    return mwi_h5_object_msg(object, MWI_H5_DATASPACE) != NULL &&
           mwi_h5_object_msg(object, MWI_H5_DATATYPE) != NULL;
}

mw_status mwi_h5_unshare(mwi_h5 *h5, const mwi_h5_msg *msg, mwi_h5_msg *out)
{
    mwi_h5_cur c = {msg->p, msg->n, 0, msg->addr, false};
    mwi_h5_object other;

    *out = *msg;
    if ((msg->flags & 2) == 0) return MW_OK;
    const unsigned version = (unsigned)mwi_h5_take(&c, 1), kind = (unsigned)mwi_h5_take(&c, 1);
    if (version == 1) mwi_h5_skip(&c, 6);
    if (version < 1 || version > 3 || (version == 3 && kind != 2))
        return mwi_fail(h5->ctx, MW_EUNSUPPORTED,
                        "%s+0x%" PRIx64
                        ": a header message shared through a heap (version %u, kind "
                        "%u), which Keras does not write",
                        h5->r->name, h5->base + msg->addr, version, kind);
    const uint64_t addr = mwi_h5_take_offset(h5, &c);
    MWI_TRY(mwi_h5_cur_ok(h5, &c, "a shared message"));
    MWI_TRY(mwi_h5_object_open(h5, addr, &other));
    const mwi_h5_msg *const found = mwi_h5_object_msg(&other, msg->type);
    if (found == NULL || (found->flags & 2) != 0)
        return mwi_fail(h5->ctx, MW_EFORMAT,
                        "%s+0x%" PRIx64 ": a shared message is not in the object that it names",
                        h5->r->name, h5->base + msg->addr);
    *out = *found;
    return MW_OK;
}
