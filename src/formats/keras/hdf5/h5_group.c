/* formats/keras/hdf5/h5_group.c - the links of a group: symbol tables, link messages, dense
 * storage.
 * Depends: base/.  Used by: archive_h5.c.
 * Holds:   a child node of a tree is one level lower than its parent, so that trees end.
 * Format:  sections III.A to III.D (old groups), IV.A.2.c, g (links).
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/hdf5/h5.h"

#include <inttypes.h>
#include <string.h>

enum { MAX_LEVELS = 32 }; /* of a version 1 B-tree: more children than a file can hold */
enum { MAX_SOFT = 16 };   /* H5L_NUM_LINKS: soft links on the way to one object */

static mw_status add_link(mwi_h5 *h5, mwi_h5_links *links, const char *name, size_t n,
                          uint64_t addr, mwi_h5_link *link)
{
    if (n == 0 || memchr(name, 0, n) != NULL || memchr(name, '/', n) != NULL)
        return mwi_fail(h5->ctx, MW_EFORMAT,
                        "%s+0x%" PRIx64 ": a link has the name '%.*s', which is none", h5->r->name,
                        h5->base + addr, (int)(n < 80 ? n : 80), name);
    MWI_TRY(mwi_h5_work(h5, n));
    MWI_TRY(mwi_arena_string(h5->ctx, &h5->scratch, name, n, &link->name));
    MWI_TRY(mwi_arena_grow(h5->ctx, &h5->scratch, &links->items, links->n, &links->capacity,
                           sizeof *links->items));
    links->items[links->n++] = *link;
    return MW_OK;
}

/* ---- old groups: B-tree of symbol table nodes, names in a local heap ---- */

typedef struct local_heap {
    const uint8_t *p;
    uint64_t n, addr;
} local_heap;

static mw_status open_local_heap(mwi_h5 *h5, uint64_t addr, local_heap *out)
{
    const size_t head = 8 + 2 * h5->length_bytes + h5->offset_bytes;
    const uint8_t *p = NULL;

    MWI_TRY(mwi_h5_block(h5, addr, head, "HEAP", false, &p));
    mwi_h5_cur c = {p, head, 8, addr, false};
    out->n = mwi_h5_take_length(h5, &c);
    mwi_h5_skip(&c, h5->length_bytes);
    out->addr = mwi_h5_take_offset(h5, &c);
    return mwi_h5_bytes(h5, out->addr, out->n, "local heap", &out->p);
}

static mw_status heap_string(mwi_h5 *h5, const local_heap *heap, uint64_t at, const char **out,
                             size_t *n)
{
    const uint8_t *const end =
        at < heap->n ? memchr(heap->p + at, 0, (size_t)(heap->n - at)) : NULL;

    if (end == NULL)
        return mwi_fail(h5->ctx, MW_EFORMAT,
                        "%s+0x%" PRIx64 ": a name at %" PRIu64 " runs past its heap of %" PRIu64
                        " bytes",
                        h5->r->name, h5->base + heap->addr, at, heap->n);
    *out = (const char *)heap->p + at;
    *n = (size_t)(end - (heap->p + at));
    return MW_OK;
}

static mw_status read_symbol(mwi_h5 *h5, const local_heap *heap, mwi_h5_cur *c, mwi_h5_links *out)
{
    mwi_h5_link link = {0};
    const char *name = "", *target = "";
    size_t n = 0, target_n = 0;
    const uint64_t where = c->addr + c->i, name_at = mwi_h5_take_offset(h5, c);

    link.addr = mwi_h5_take_offset(h5, c);
    const uint32_t cache = (uint32_t)mwi_h5_take(c, 4);
    mwi_h5_skip(c, 4);
    const uint32_t target_at = (uint32_t)mwi_h5_take(c, 4);
    mwi_h5_skip(c, 12);
    MWI_TRY(mwi_h5_cur_ok(h5, c, "a symbol table entry"));
    MWI_TRY(heap_string(h5, heap, name_at, &name, &n));
    if (cache == 2) {
        link.kind = MWI_H5_SOFT;
        MWI_TRY(heap_string(h5, heap, target_at, &target, &target_n));
        MWI_TRY(mwi_h5_work(h5, target_n));
        MWI_TRY(mwi_arena_string(h5->ctx, &h5->scratch, target, target_n, &link.target));
    }
    return add_link(h5, out, name, n, where, &link);
}

static mw_status read_symbol_node(mwi_h5 *h5, const local_heap *heap, uint64_t addr,
                                  mwi_h5_links *out)
{
    const size_t entry = 2 * h5->offset_bytes + 24;
    const uint8_t *p = NULL;

    MWI_TRY(mwi_h5_block(h5, addr, 8, "SNOD", false, &p));
    const unsigned n = mwi_le16(p + 6);
    MWI_TRY(mwi_h5_bytes(h5, addr, 8 + n * entry, "symbol table node", &p));
    mwi_h5_cur c = {p, 8 + n * entry, 8, addr, false};
    for (unsigned i = 0; i < n; i++) MWI_TRY(read_symbol(h5, heap, &c, out));
    return MW_OK;
}

static mw_status read_tree(mwi_h5 *h5, const local_heap *heap, uint64_t addr, unsigned level_max,
                           bool root, mwi_h5_links *out)
{
    const size_t head = 8 + 2 * h5->offset_bytes, step = h5->offset_bytes + h5->length_bytes;
    const uint8_t *p = NULL;

    MWI_TRY(mwi_h5_block(h5, addr, head, "TREE", false, &p));
    const unsigned type = p[4], level = p[5], n = mwi_le16(p + 6);
    if (type != 0 || level > level_max || (!root && level != level_max))
        return mwi_fail(h5->ctx, MW_EFORMAT,
                        "%s+0x%" PRIx64
                        ": a group's B-tree node has type %u, level %u, where type 0, "
                        "level %u must be",
                        h5->r->name, h5->base + addr, type, level, level_max);
    MWI_TRY(mwi_h5_bytes(h5, addr, head + n * step, "B-tree node", &p));
    mwi_h5_cur c = {p, head + n * step, head, addr, false};
    for (unsigned i = 0; i < n; i++) {
        mwi_h5_skip(&c, h5->length_bytes); /* key: the least name below */
        const uint64_t child = mwi_h5_take_offset(h5, &c);
        if (level == 0)
            MWI_TRY(read_symbol_node(h5, heap, child, out));
        else
            MWI_TRY(read_tree(h5, heap, child, level - 1, false, out));
    }
    return MW_OK;
}

static mw_status read_symbol_table(mwi_h5 *h5, const mwi_h5_msg *msg, mwi_h5_links *out)
{
    mwi_h5_cur c = {msg->p, msg->n, 0, msg->addr, false};
    const uint64_t tree = mwi_h5_take_offset(h5, &c), heap_addr = mwi_h5_take_offset(h5, &c);
    local_heap heap = {0};

    MWI_TRY(mwi_h5_cur_ok(h5, &c, "symbol table message"));
    MWI_TRY(open_local_heap(h5, heap_addr, &heap));
    return read_tree(h5, &heap, tree, MAX_LEVELS, true, out);
}

/* ---- new groups: link messages in the header or in a fractal heap ---- */

static mw_status read_link(mwi_h5 *h5, void *self, const uint8_t *p, size_t size, uint64_t addr)
{
    mwi_h5_cur c = {p, size, 0, addr, false};
    mwi_h5_link link = {0};
    unsigned type = 0;

    const unsigned version = (unsigned)mwi_h5_take(&c, 1), flags = (unsigned)mwi_h5_take(&c, 1);
    if (!c.past && version != 1)
        return mwi_fail(h5->ctx, MW_EUNSUPPORTED, "%s+0x%" PRIx64 ": link version %u, allowed 1",
                        h5->r->name, h5->base + addr, version);
    if ((flags & 8) != 0) type = (unsigned)mwi_h5_take(&c, 1);
    if ((flags & 4) != 0) mwi_h5_skip(&c, 8);  /* creation order */
    if ((flags & 16) != 0) mwi_h5_skip(&c, 1); /* character set */
    const uint64_t n = mwi_h5_take(&c, 1u << (flags & 3));
    const uint8_t *const name = mwi_h5_take_bytes(&c, n);
    if (type == 0) {
        link.addr = mwi_h5_take_offset(h5, &c);
    } else if (type == 1) {
        const uint64_t target_n = mwi_h5_take(&c, 2);
        const uint8_t *const target = mwi_h5_take_bytes(&c, target_n);
        link.kind = MWI_H5_SOFT;
        if (target != NULL)
            MWI_TRY(mwi_arena_string(h5->ctx, &h5->scratch, (const char *)target, (size_t)target_n,
                                     &link.target));
    } else {
        link.kind = MWI_H5_ELSEWHERE;
        link.target = type == 64 ? "an external link: another file is never opened"
                                 : "a link of a user-defined type";
    }
    MWI_TRY(mwi_h5_cur_ok(h5, &c, "a link"));
    return add_link(h5, self, (const char *)name, (size_t)n, addr, &link);
}

static mw_status read_link_info(mwi_h5 *h5, const mwi_h5_msg *msg, mwi_h5_links *out)
{
    mwi_h5_cur c = {msg->p, msg->n, 0, msg->addr, false};

    mwi_h5_skip(&c, 1); /* version */
    const unsigned flags = (unsigned)mwi_h5_take(&c, 1);
    if ((flags & 1) != 0) mwi_h5_skip(&c, 8); /* greatest creation order */
    const uint64_t heap = mwi_h5_take_offset(h5, &c), tree = mwi_h5_take_offset(h5, &c);
    MWI_TRY(mwi_h5_cur_ok(h5, &c, "link info message"));
    if (mwi_h5_undefined(h5, heap)) return MW_OK; /* all links are messages */
    return mwi_h5_dense_walk(h5, heap, tree, 5, 4, read_link, out);
}

mw_status mwi_h5_links_read(mwi_h5 *h5, const mwi_h5_object *group, mwi_h5_links *out)
{
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < group->n_msgs; i++) {
        const mwi_h5_msg *const m = &group->msgs[i];
        if (m->type == MWI_H5_SYMBOL_TABLE)
            MWI_TRY(read_symbol_table(h5, m, out));
        else if (m->type == MWI_H5_LINK)
            MWI_TRY(read_link(h5, out, m->p, m->n, m->addr));
        else if (m->type == MWI_H5_LINK_INFO)
            MWI_TRY(read_link_info(h5, m, out));
    }
    return MW_OK;
}

/* ---- following ---- */

static const mwi_h5_link *find_link(const mwi_h5_links *links, const char *name, size_t n)
{
    for (size_t i = 0; i < links->n; i++)
        if (strlen(links->items[i].name) == n && memcmp(links->items[i].name, name, n) == 0)
            return &links->items[i];
    return NULL;
}

static mw_status follow(mwi_h5 *h5, const mwi_h5_object *group, const mwi_h5_link *link,
                        unsigned soft_left, mwi_h5_object *out);

/* Walks a soft link's path from `group`, or from the root when it begins with '/'. */
static mw_status walk_path(mwi_h5 *h5, const mwi_h5_object *group, const char *path,
                           unsigned soft_left, mwi_h5_object *out)
{
    mwi_h5_object here = *group;
    mwi_h5_links links;

    if (path[0] == '/') MWI_TRY(mwi_h5_object_open(h5, h5->root, &here));
    for (const char *at = path; *at != '\0';) {
        const size_t n = strcspn(at, "/");
        if (n != 0 && !(n == 1 && at[0] == '.')) {
            MWI_TRY(mwi_h5_links_read(h5, &here, &links));
            const mwi_h5_link *const link = find_link(&links, at, n);
            if (link == NULL)
                return mwi_fail(h5->ctx, MW_EFORMAT,
                                "%s: soft link to '%.200s': there is no '%.*s' on the way",
                                h5->r->name, path, (int)(n < 200 ? n : 200), at);
            const mwi_h5_object from = here;
            MWI_TRY(follow(h5, &from, link, soft_left, &here));
        }
        at += n + (at[n] == '/' ? 1 : 0);
    }
    *out = here;
    return MW_OK;
}

static mw_status follow(mwi_h5 *h5, const mwi_h5_object *group, const mwi_h5_link *link,
                        unsigned soft_left, mwi_h5_object *out)
{
    if (link->kind == MWI_H5_HARD) return mwi_h5_object_open(h5, link->addr, out);
    if (link->kind == MWI_H5_ELSEWHERE)
        return mwi_fail(h5->ctx, MW_EUNSUPPORTED, "%s: '%.200s' is %s", h5->r->name, link->name,
                        link->target);
    if (soft_left == 0)
        return mwi_fail(h5->ctx, MW_EFORMAT,
                        "%s: '%.200s' is a soft link to '%.200s', which leads through more than %d "
                        "soft links or back to itself",
                        h5->r->name, link->name, link->target, MAX_SOFT);
    return walk_path(h5, group, link->target, soft_left - 1, out);
}

mw_status mwi_h5_follow(mwi_h5 *h5, const mwi_h5_object *group, const mwi_h5_link *link,
                        mwi_h5_object *out)
{
    return follow(h5, group, link, MAX_SOFT, out);
}

mw_status mwi_h5_child(mwi_h5 *h5, const mwi_h5_object *group, const char *name, bool *found,
                       mwi_h5_object *out)
{
    mwi_h5_links links;

    *found = false;
    MWI_TRY(mwi_h5_links_read(h5, group, &links));
    const mwi_h5_link *const link = find_link(&links, name, strlen(name));
    if (link == NULL) return MW_OK;
    *found = true;
    return mwi_h5_follow(h5, group, link, out);
}
