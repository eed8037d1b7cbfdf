/* formats/keras/hdf5/h5_attr.c - attributes, and the strings that they hold.
 * Depends: base/.  Used by: archive_h5.c, h5_dataset.c.
 * Format:  sections IV.A.2.m (attribute), v (attribute info), III.E (global heap).
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/hdf5/h5.h"

#include <inttypes.h>
#include <string.h>

/* ---- attributes ---- */

/* Version 1 pads each part to 8 bytes. */
static const uint8_t *take_part(mwi_h5_cur *c, uint64_t n, bool padded)
{
    const uint8_t *const p = mwi_h5_take_bytes(c, n);
    if (padded) mwi_h5_skip(c, (8 - n % 8) % 8);
    return p;
}

static mw_status read_attribute(mwi_h5 *h5, void *self, const uint8_t *p, size_t size,
                                uint64_t addr)
{
    mwi_h5_attrs *const attrs = self;
    mwi_h5_cur c = {p, size, 0, addr, false};
    mwi_h5_attr a = {.addr = addr};

    const unsigned version = (unsigned)mwi_h5_take(&c, 1), flags = (unsigned)mwi_h5_take(&c, 1);
    const uint64_t name_n = mwi_h5_take(&c, 2), type_n = mwi_h5_take(&c, 2);
    const uint64_t space_n = mwi_h5_take(&c, 2);
    if (!c.past && (version < 1 || version > 3))
        return mwi_fail(h5->ctx, MW_EUNSUPPORTED,
                        "%s+0x%" PRIx64 ": attribute version %u, allowed 1 to 3", h5->r->name,
                        h5->base + addr, version);
    if (version == 3) mwi_h5_skip(&c, 1); /* character set of the name */
    const uint8_t *const name = take_part(&c, name_n, version == 1);
    a.type = (mwi_h5_msg){.type = MWI_H5_DATATYPE, .n = (size_t)type_n, .addr = addr + c.i};
    a.type.p = take_part(&c, type_n, version == 1);
    a.space = (mwi_h5_msg){.type = MWI_H5_DATASPACE, .n = (size_t)space_n, .addr = addr + c.i};
    a.space.p = take_part(&c, space_n, version == 1);
    MWI_TRY(mwi_h5_cur_ok(h5, &c, "an attribute"));
    if (version > 1) {
        a.type.flags = (flags & 1) != 0 ? 2 : 0;
        a.space.flags = (flags & 2) != 0 ? 2 : 0;
    }
    a.p = c.p + c.i;
    a.n = c.n - c.i;
    const size_t n = strnlen((const char *)name, (size_t)name_n);
    MWI_TRY(mwi_h5_work(h5, n));
    MWI_TRY(mwi_arena_string(h5->ctx, &h5->scratch, (const char *)name, n, &a.name));
    MWI_TRY(mwi_arena_grow(h5->ctx, &h5->scratch, &attrs->items, attrs->n, &attrs->capacity,
                           sizeof *attrs->items));
    attrs->items[attrs->n++] = a;
    return MW_OK;
}

static mw_status read_dense(mwi_h5 *h5, const mwi_h5_msg *msg, mwi_h5_attrs *out)
{
    mwi_h5_cur c = {msg->p, msg->n, 0, msg->addr, false};

    mwi_h5_skip(&c, 1); /* version */
    const unsigned flags = (unsigned)mwi_h5_take(&c, 1);
    if ((flags & 1) != 0) mwi_h5_skip(&c, 2); /* greatest creation order */
    const uint64_t heap = mwi_h5_take_offset(h5, &c), tree = mwi_h5_take_offset(h5, &c);
    MWI_TRY(mwi_h5_cur_ok(h5, &c, "attribute info message"));
    if (mwi_h5_undefined(h5, heap)) return MW_OK;
    return mwi_h5_dense_walk(h5, heap, tree, 8, 0, read_attribute, out);
}

mw_status mwi_h5_attrs_read(mwi_h5 *h5, const mwi_h5_object *object, mwi_h5_attrs *out)
{
    mwi_h5_msg m;

    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < object->n_msgs; i++) {
        const mwi_h5_msg *const msg = &object->msgs[i];
        if (msg->type == MWI_H5_ATTRIBUTE) {
            MWI_TRY(mwi_h5_unshare(h5, msg, &m));
            MWI_TRY(mwi_h5_work(h5, m.n));
            MWI_TRY(read_attribute(h5, out, m.p, m.n, m.addr));
        } else if (msg->type == MWI_H5_ATTRIBUTE_INFO) {
            MWI_TRY(read_dense(h5, msg, out));
        }
    }
    return MW_OK;
}

const mwi_h5_attr *mwi_h5_attr_find(const mwi_h5_attrs *attrs, const char *name)
{
    for (size_t i = 0; i < attrs->n; i++)
        if (strcmp(attrs->items[i].name, name) == 0) return &attrs->items[i];
    return NULL;
}

/* ---- global heap ---- */

static mw_status read_collection(mwi_h5 *h5, uint64_t addr)
{
    const unsigned head = (8 + h5->length_bytes + 7) & ~7u,
                   object_head = head; /* both padded to 8 */
    const uint8_t *p = NULL;
    mwi_h5_cur c = {NULL, head, 8, addr, false};

    h5->collection = UINT64_MAX;
    h5->n_collection_objects = 0;
    MWI_TRY(mwi_h5_block(h5, addr, head, "GCOL", false, &c.p));
    const uint64_t n = mwi_h5_take_length(h5, &c);
    if (n < head)
        return mwi_fail(h5->ctx, MW_EFORMAT,
                        "%s+0x%" PRIx64 ": a global heap collection of %" PRIu64 " bytes",
                        h5->r->name, h5->base + addr, n);
    MWI_TRY(mwi_h5_bytes(h5, addr, n, "global heap collection", &p));
    c = (mwi_h5_cur){p, (size_t)n, head, addr, false};
    while (!c.past && c.n - c.i >= object_head) {
        mwi_h5_heap_object o = {0};
        o.index = (uint32_t)mwi_h5_take(&c, 2);
        mwi_h5_skip(&c, 6); /* reference count, reserved */
        o.n = mwi_h5_take_length(h5, &c);
        mwi_h5_skip(&c, object_head - 8 - h5->length_bytes);
        if (o.index == 0) break; /* free space: the end */
        o.p = mwi_h5_take_bytes(&c, o.n);
        if (c.n - c.i >= (8 - o.n % 8) % 8) mwi_h5_skip(&c, (8 - o.n % 8) % 8);
        if (c.past) break;
        MWI_TRY(mwi_arena_grow(h5->ctx, &h5->scratch, &h5->collection_objects,
                               h5->n_collection_objects, &h5->collection_capacity, sizeof o));
        h5->collection_objects[h5->n_collection_objects++] = o;
    }
    MWI_TRY(mwi_h5_cur_ok(h5, &c, "a global heap object"));
    h5->collection = addr;
    return MW_OK;
}

mw_status mwi_h5_global_object(mwi_h5 *h5, uint64_t collection, uint32_t index, const uint8_t **p,
                               uint64_t *n)
{
    if (h5->collection != collection) MWI_TRY(read_collection(h5, collection));
    const mwi_h5_heap_object *const objects = h5->collection_objects, *found = NULL;
    /* libhdf5 numbers objects from 1 without gaps, so the first try is nearly always right. */
    if (index != 0 && index <= h5->n_collection_objects && objects[index - 1].index == index) {
        found = &objects[index - 1];
    } else {
        MWI_TRY(mwi_h5_work(h5, h5->n_collection_objects));
        for (size_t i = 0; i < h5->n_collection_objects && found == NULL; i++)
            if (objects[i].index == index) found = &objects[i];
    }
    if (found != NULL) {
        *p = found->p;
        *n = found->n;
        return MW_OK;
    }
    return mwi_fail(h5->ctx, MW_EFORMAT,
                    "%s+0x%" PRIx64 ": global heap collection has no object %" PRIu32, h5->r->name,
                    h5->base + collection, index);
}

/* ---- strings ---- */

static mw_status take_string(mwi_h5 *h5, const mwi_h5_type *type, mwi_h5_cur *c, const char **out)
{
    const uint8_t *p;
    uint64_t n, stored;
    size_t len;

    if (!type->vlen_string) {
        p = mwi_h5_take_bytes(c, type->size);
        MWI_TRY(mwi_h5_cur_ok(h5, c, "a string"));
        len = strnlen((const char *)p, type->size);
        while (type->padding == 2 && len > 0 && p[len - 1] == ' ') len--;
    } else {
        n = mwi_h5_take(c, 4);
        const uint64_t collection = mwi_h5_take_offset(h5, c);
        const uint32_t index = (uint32_t)mwi_h5_take(c, 4);
        MWI_TRY(mwi_h5_cur_ok(h5, c, "a variable-length string"));
        *out = "";
        if (n == 0) return MW_OK;
        MWI_TRY(mwi_h5_global_object(h5, collection, index, &p, &stored));
        if (n > stored)
            return mwi_fail(h5->ctx, MW_EFORMAT,
                            "%s+0x%" PRIx64 ": a string of %" PRIu64
                            " bytes in a heap object of %" PRIu64,
                            h5->r->name, h5->base + c->addr, n, stored);
        len = strnlen((const char *)p, (size_t)n);
    }
    MWI_TRY(mwi_h5_work(h5, len));
    return mwi_arena_string(h5->ctx, h5->arena, (const char *)p, len, out);
}

mw_status mwi_h5_attr_strings(mwi_h5 *h5, const mwi_h5_attr *attr, const char *const **out,
                              size_t *n)
{
    mwi_h5_type type;
    mwi_h5_space space;
    void *memory = NULL;
    size_t bytes;

    *out = NULL;
    *n = 0;
    MWI_TRY(mwi_h5_type_read(h5, &attr->type, &type));
    MWI_TRY(mwi_h5_space_read(h5, &attr->space, &space));
    if (space.n == 0) return MW_OK; /* Keras writes an empty list as float64 */
    if (type.klass != 3 && !type.vlen_string)
        return mwi_fail(h5->ctx, MW_EFORMAT,
                        "%s+0x%" PRIx64 ": attribute '%.100s' is of type %s, "
                        "not a string",
                        h5->r->name, h5->base + attr->addr, attr->name,
                        mwi_h5_class_name(type.klass));
    if (type.vlen_string) type.size = 8 + h5->offset_bytes;
    if (space.n > attr->n / type.size)
        return mwi_fail(h5->ctx, MW_EFORMAT,
                        "%s+0x%" PRIx64 ": attribute '%.100s' of %" PRIu64
                        " strings runs past its %zu "
                        "bytes",
                        h5->r->name, h5->base + attr->addr, attr->name, space.n, attr->n);
    if (!mwi_mul((size_t)space.n, sizeof(char *), &bytes))
        return mwi_fail(h5->ctx, MW_ELIMIT, "%s: attribute '%.100s' is too large", h5->r->name,
                        attr->name);
    MWI_TRY(mwi_arena_alloc(h5->ctx, h5->arena, bytes, &memory));
    const char **const strings = memory;
    mwi_h5_cur c = {attr->p, attr->n, 0, attr->addr, false};
    for (uint64_t i = 0; i < space.n; i++) MWI_TRY(take_string(h5, &type, &c, &strings[i]));
    *out = strings;
    *n = (size_t)space.n;
    return MW_OK;
}
