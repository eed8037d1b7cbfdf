/* formats/keras/hdf5/attribute.c - attributes and strings, of fixed length or in the global heap.
 * Depends: h5.h.  Used by: formats/keras/hdf5/.   SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/hdf5/h5.h"

#include <inttypes.h>
#include <string.h>

static uint64_t padded(uint64_t n) { return (n + 7) & ~(uint64_t)7; }

/* *match false when the message is another attribute's. */
static mw_status read_attribute(h5_file *f, const h5_message *m, const char *name, h5_attribute *out, bool *is_it)
{
    const uint8_t *p = NULL;

    *is_it = false;
    MWI_TRY(h5_work(f, 64));
    MWI_TRY(mwi_read_bytes(f->ctx, f->r, m->at, m->size, "attribute", &p));
    if (m->size < 9 || p[0] < 1 || p[0] > 3)
        return mwi_fail(f->ctx, MW_EFORMAT, "%s+0x%" PRIx64 ": attribute version %u", f->r->name, m->at, m->size > 0 ? p[0] : 0);
    const bool old = p[0] == 1;
    const uint64_t head = p[0] == 3 ? 9 : 8, n = mwi_le16(p + 2), type_n = mwi_le16(p + 4), space_n = mwi_le16(p + 6);
    const uint64_t type_at = head + (old ? padded(n) : n), space_at = type_at + (old ? padded(type_n) : type_n);
    const uint64_t data_at = space_at + (old ? padded(space_n) : space_n);
    if (data_at > m->size)
        return mwi_fail(f->ctx, MW_EFORMAT, "%s+0x%" PRIx64 ": an attribute runs past its message", f->r->name, m->at);
    const char *const stored = (const char *)p + head;
    if (strnlen(stored, (size_t)n) != strlen(name) || memcmp(stored, name, strlen(name)) != 0) return MW_OK;
    *is_it = true;
    if (!old && (p[1] & 3) != 0)
        return mwi_fail(f->ctx, MW_EUNSUPPORTED, "%s: attribute '%s' has a committed type", f->r->name, name);
    out->name = name;
    MWI_TRY(h5_type_read(f, m->at + type_at, type_n, &out->type));
    MWI_TRY(h5_space_read(f, m->at + space_at, space_n, &out->space));
    out->at = m->at + data_at;
    out->size = m->size - data_at;
    return MW_OK;
}

static mw_status check_dense(h5_file *f, const h5_message *m, const char *name)
{
    uint8_t flags = 0;
    uint64_t heap;

    MWI_TRY(mwi_read_u8(f->ctx, f->r, m->at + 1, "attribute information", &flags));
    MWI_TRY(h5_address(f, m->at + 2 + ((flags & 1) != 0 ? 2 : 0), "attribute information", &heap));
    if (heap == UINT64_MAX) return MW_OK;
    return mwi_fail(f->ctx, MW_EUNSUPPORTED, "%s: attributes are stored densely, '%s' cannot be looked for; write the "
                    "file with libver='earliest'", f->r->name, name);
}

mw_status h5_attribute_find(h5_file *f, const h5_object *o, const char *name, h5_attribute *out, bool *found)
{
    const h5_message *dense = NULL;

    *found = false;
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < o->n && !*found; i++) {
        if (o->messages[i].type == H5_MSG_ATTRIBUTE) MWI_TRY(read_attribute(f, &o->messages[i], name, out, found));
        if (o->messages[i].type == H5_MSG_ATTRIBUTE_INFO) dense = &o->messages[i];
    }
    return *found || dense == NULL ? MW_OK : check_dense(f, dense, name);
}

/* Object `index` of the global heap collection at `at`. */
static mw_status heap_object(h5_file *f, uint64_t at, uint32_t index, const uint8_t **out, uint64_t *out_n)
{
    const uint8_t *p = NULL;
    uint64_t size, object;

    MWI_TRY(mwi_read_bytes(f->ctx, f->r, at, 8, "heap of strings", &p));
    if (memcmp(p, "GCOL", 4) != 0)
        return mwi_fail(f->ctx, MW_EFORMAT, "%s+0x%" PRIx64 ": not a heap of strings", f->r->name, at);
    MWI_TRY(h5_length(f, at + 8, "heap of strings", &size));
    const uint64_t head = 8 + f->len_bytes, step = padded(head);
    for (uint64_t used = padded(8 + f->len_bytes); used < size && size - used >= step;) {
        uint16_t id = 0;
        MWI_TRY(h5_work(f, 32));
        MWI_TRY(mwi_read_u16(f->ctx, f->r, at + used, "heap of strings", &id));
        MWI_TRY(h5_length(f, at + used + 8, "heap of strings", &object));
        if (id == 0 || object > f->r->len) break;
        if (id == index) {
            *out_n = object;
            return mwi_read_bytes(f->ctx, f->r, at + used + head, object, "string", out);
        }
        used += step + padded(object);
    }
    return mwi_fail(f->ctx, MW_EFORMAT, "%s+0x%" PRIx64 ": the heap of strings has no object %u", f->r->name, at, index);
}

mw_status h5_attribute_string(h5_file *f, const h5_attribute *a, size_t i, const char **out, size_t *out_n)
{
    const uint8_t *p = NULL;
    uint64_t n = a->type.size, step = a->type.size;

    if (a->type.kind == H5_VLEN_STRING) step = 4 + f->addr_bytes + 4;
    else if (a->type.kind != H5_STRING)
        return mwi_fail(f->ctx, MW_EFORMAT, "%s: attribute '%s' is not a string", f->r->name, a->name);
    if (i >= a->space.n || step == 0 || a->size / step <= i)
        return mwi_fail(f->ctx, MW_EFORMAT, "%s: attribute '%s' has no value %zu", f->r->name, a->name, i);
    const uint64_t at = a->at + i * step;
    if (a->type.kind == H5_STRING) {
        MWI_TRY(mwi_read_bytes(f->ctx, f->r, at, n, "string", &p));
    } else {
        uint32_t length = 0, index = 0;
        uint64_t heap;
        MWI_TRY(mwi_read_u32(f->ctx, f->r, at, "string length", &length));
        MWI_TRY(h5_address(f, at + 4, "heap of strings", &heap));
        MWI_TRY(mwi_read_u32(f->ctx, f->r, at + 4 + f->addr_bytes, "string index", &index));
        if (length == 0 || heap == UINT64_MAX) {
            *out = "";
            *out_n = 0;
            return MW_OK;
        }
        MWI_TRY(heap_object(f, heap, index, &p, &n));
        if (length < n) n = length;
    }
    *out_n = strnlen((const char *)p, (size_t)n);
    return mwi_arena_string(f->ctx, f->arena, (const char *)p, *out_n, out);
}
