/* formats/keras/hdf5/group.c - a group's links: symbol tables of old files, link messages of new ones.
 * Depends: h5.h.  Used by: formats/keras/hdf5/.
 * Holds:   node counts are limited, so that a B-tree that points at itself ends with an error.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/hdf5/h5.h"

#include <inttypes.h>
#include <string.h>

typedef struct walk {
    h5_file *f;
    h5_link_fn link;
    void *self;
    uint64_t names, names_size; /* the local heap's data */
    size_t n_nodes;
} walk;

static mw_status name_at(walk *w, uint64_t offset, const char **out)
{
    h5_file *const f = w->f;

    if (offset >= w->names_size)
        return mwi_fail(f->ctx, MW_EFORMAT, "%s: a link's name lies outside of its heap", f->r->name);
    const uint64_t left = w->names_size - offset, most = left < H5_MAX_NAME ? left : H5_MAX_NAME;
    const uint8_t *p = NULL;
    MWI_TRY(mwi_read_bytes(f->ctx, f->r, w->names + offset, most, "link name", &p));
    const uint8_t *const end = memchr(p, 0, (size_t)most);
    if (end == NULL) return mwi_fail(f->ctx, MW_EFORMAT, "%s: a link's name does not end", f->r->name);
    return mwi_arena_string(f->ctx, f->arena, (const char *)p, (size_t)(end - p), out);
}

/* A symbol table node: entries of name offset, header address, cache type, scratch. */
static mw_status symbol_node(walk *w, uint64_t at)
{
    h5_file *const f = w->f;
    const uint64_t entry = f->len_bytes + f->addr_bytes + 24;
    uint16_t n = 0;

    MWI_TRY(mwi_read_u16(f->ctx, f->r, at + 6, "symbol table node", &n));
    for (uint16_t i = 0; i < n; i++) {
        const uint64_t e = at + 8 + i * entry;
        uint64_t offset, address;
        uint32_t cache = 0;
        const char *name;
        MWI_TRY(h5_work(f, 256));
        MWI_TRY(h5_length(f, e, "symbol name", &offset));
        MWI_TRY(h5_address(f, e + f->len_bytes, "symbol address", &address));
        MWI_TRY(mwi_read_u32(f->ctx, f->r, e + f->len_bytes + f->addr_bytes, "symbol type", &cache));
        if (cache == 2 || address == UINT64_MAX) continue; /* a soft link */
        MWI_TRY(name_at(w, offset, &name));
        MWI_TRY(w->link(w->self, f, name, address));
    }
    return MW_OK;
}

static mw_status tree_node(walk *w, uint64_t at, unsigned depth)
{
    h5_file *const f = w->f;
    const uint8_t *p = NULL;

    if (++w->n_nodes > H5_MAX_NODES || depth > 32)
        return mwi_fail(f->ctx, MW_ELIMIT, "%s+0x%" PRIx64 ": a group's index is too large or turns in a circle",
                        f->r->name, at);
    MWI_TRY(mwi_read_bytes(f->ctx, f->r, at, 8, "group index", &p));
    if (memcmp(p, "SNOD", 4) == 0) return symbol_node(w, at);
    if (memcmp(p, "TREE", 4) != 0 || p[4] != 0)
        return mwi_fail(f->ctx, MW_EFORMAT, "%s+0x%" PRIx64 ": not a group's index", f->r->name, at);
    const uint16_t n = mwi_le16(p + 6);
    uint64_t child = at + 8 + 2 * f->addr_bytes + f->len_bytes;
    for (uint16_t i = 0; i < n; i++, child += f->addr_bytes + f->len_bytes) {
        uint64_t address;
        MWI_TRY(h5_work(f, 64));
        MWI_TRY(h5_address(f, child, "group index child", &address));
        if (address != UINT64_MAX) MWI_TRY(tree_node(w, address, depth + 1));
    }
    return MW_OK;
}

static mw_status symbol_table(walk *w, const h5_message *m)
{
    h5_file *const f = w->f;
    uint64_t tree, heap;
    const uint8_t *p = NULL;

    MWI_TRY(h5_address(f, m->at, "group index", &tree));
    MWI_TRY(h5_address(f, m->at + f->addr_bytes, "group names", &heap));
    if (tree == UINT64_MAX || heap == UINT64_MAX) return MW_OK; /* empty */
    MWI_TRY(mwi_read_bytes(f->ctx, f->r, heap, 8, "group names", &p));
    if (memcmp(p, "HEAP", 4) != 0)
        return mwi_fail(f->ctx, MW_EFORMAT, "%s+0x%" PRIx64 ": not a heap of names", f->r->name, heap);
    MWI_TRY(h5_length(f, heap + 8, "group names", &w->names_size));
    MWI_TRY(h5_address(f, heap + 8 + 2 * f->len_bytes, "group names", &w->names));
    if (w->names == UINT64_MAX) return mwi_fail(f->ctx, MW_EFORMAT, "%s: a group without names", f->r->name);
    return tree_node(w, tree, 0);
}

static mw_status link_message(walk *w, const h5_message *m)
{
    h5_file *const f = w->f;
    uint8_t version = 0, flags = 0, type = 0;
    uint64_t at = m->at + 2, n, address;
    const uint8_t *p = NULL;
    const char *name;

    MWI_TRY(mwi_read_u8(f->ctx, f->r, m->at, "link", &version));
    MWI_TRY(mwi_read_u8(f->ctx, f->r, m->at + 1, "link", &flags));
    if (version != 1) return mwi_fail(f->ctx, MW_EUNSUPPORTED, "%s: link version %u", f->r->name, version);
    if ((flags & 8) != 0) MWI_TRY(mwi_read_u8(f->ctx, f->r, at++, "link type", &type));
    if ((flags & 4) != 0) at += 8;
    if ((flags & 16) != 0) at += 1;
    MWI_TRY(mwi_read_uint(f->ctx, f->r, at, 1u << (flags & 3), "link name length", &n));
    at += 1u << (flags & 3);
    if (n > H5_MAX_NAME) return mwi_fail(f->ctx, MW_ELIMIT, "%s: a link's name of %" PRIu64 " bytes", f->r->name, n);
    MWI_TRY(mwi_read_bytes(f->ctx, f->r, at, n, "link name", &p));
    MWI_TRY(mwi_arena_string(f->ctx, f->arena, (const char *)p, (size_t)n, &name));
    if (type == 1) return MW_OK; /* soft */
    if (type != 0)
        return mwi_fail(f->ctx, MW_EUNSUPPORTED, "%s: '%s' is an external link; other files are never opened",
                        f->r->name, name);
    MWI_TRY(h5_address(f, at + n, "link address", &address));
    return address == UINT64_MAX ? MW_OK : w->link(w->self, f, name, address);
}

/* Links beyond eight or so of new files stand in a fractal heap. */
static mw_status check_dense(h5_file *f, const h5_message *m)
{
    uint8_t flags = 0;
    uint64_t heap;

    MWI_TRY(mwi_read_u8(f->ctx, f->r, m->at + 1, "link information", &flags));
    MWI_TRY(h5_address(f, m->at + 2 + ((flags & 1) != 0 ? 8 : 0), "link information", &heap));
    if (heap == UINT64_MAX) return MW_OK;
    return mwi_fail(f->ctx, MW_EUNSUPPORTED, "%s: a group stores its links densely (libver='latest'); write the file "
                    "with Keras itself, or with libver='earliest'", f->r->name);
}

mw_status h5_links(h5_file *f, const h5_object *group, h5_link_fn link, void *self)
{
    walk w = {.f = f, .link = link, .self = self};

    for (size_t i = 0; i < group->n; i++) {
        const h5_message *const m = &group->messages[i];
        if (m->type == H5_MSG_SYMBOL_TABLE) MWI_TRY(symbol_table(&w, m));
        if (m->type == H5_MSG_LINK) MWI_TRY(link_message(&w, m));
        if (m->type == H5_MSG_LINK_INFO) MWI_TRY(check_dense(f, m));
    }
    return MW_OK;
}

bool h5_is_group(const h5_object *o)
{
    return h5_find(o, H5_MSG_SYMBOL_TABLE) != NULL || h5_find(o, H5_MSG_LINK) != NULL ||
           h5_find(o, H5_MSG_LINK_INFO) != NULL;
}

struct lookup {
    const char *name;
    uint64_t address;
};

static mw_status match(void *self, h5_file *f, const char *name, uint64_t address)
{
    struct lookup *const l = self;
    (void)f;
    if (strcmp(name, l->name) == 0) l->address = address;
    return MW_OK;
}

mw_status h5_lookup(h5_file *f, const h5_object *group, const char *name, uint64_t *out_address)
{
    struct lookup l = {name, UINT64_MAX};
    MWI_TRY(h5_links(f, group, match, &l));
    *out_address = l.address;
    return MW_OK;
}
