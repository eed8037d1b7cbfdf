/* formats/keras/hdf5/h5_btree2.c - version 2 B-trees, walked in order.
 * Depends: base/.  Used by: h5_heap.c (dense links, attributes, huge objects), h5_chunk.c.
 * Holds:   depth falls by one from node to child, so that a walk ends.
 * Format:  section III.A.2; the widths of counts follow H5B2hdr.c, which the text leaves open.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/hdf5/h5.h"

#include <inttypes.h>
#include <string.h>

enum { MAX_DEPTH = 16 };           /* over 10^16 records even with two a node */
enum { PREFIX = 6, CHECKSUM = 4 }; /* of a node: signature, version, type */

typedef struct tree {
    mwi_h5_visit visit;
    void *self;
    unsigned type, depth, count_bytes;
    uint64_t node_bytes, record_bytes;
    uint64_t n_max[MAX_DEPTH + 1];       /* records of one node, by its height */
    unsigned total_bytes[MAX_DEPTH + 1]; /* width of the count of all records below */
} tree;

/* From node and record size follows how many records fit, and from that how wide the counts are. */
static bool lay_out(const mwi_h5 *h5, tree *t)
{
    if (t->record_bytes == 0 || t->node_bytes <= PREFIX + CHECKSUM) return false;
    t->n_max[0] = (t->node_bytes - PREFIX - CHECKSUM) / t->record_bytes;
    t->count_bytes = mwi_h5_bytes_for(t->n_max[0]);
    uint64_t total = t->n_max[0];
    for (unsigned u = 1; u <= t->depth; u++) {
        const uint64_t pointer = h5->offset_bytes + t->count_bytes + t->total_bytes[u - 1];
        if (t->node_bytes <= PREFIX + CHECKSUM + pointer) return false;
        t->n_max[u] = (t->node_bytes - PREFIX - CHECKSUM - pointer) / (t->record_bytes + pointer);
        if (__builtin_mul_overflow(total, t->n_max[u] + 1, &total) ||
            __builtin_add_overflow(total, t->n_max[u], &total))
            return false;
        t->total_bytes[u] = mwi_h5_bytes_for(total);
    }
    return t->n_max[t->depth] > 0 && t->n_max[0] > 0;
}

static mw_status visit_record(mwi_h5 *h5, const tree *t, const uint8_t *p, uint64_t addr)
{
    MWI_TRY(mwi_h5_work(h5, t->record_bytes));
    return t->visit(h5, t->self, p, (size_t)t->record_bytes, addr);
}

static mw_status walk_node(mwi_h5 *h5, const tree *t, uint64_t addr, uint64_t n, unsigned height)
{
    const unsigned pointer =
        h5->offset_bytes + t->count_bytes + (height > 1 ? t->total_bytes[height - 1] : 0);
    const uint8_t *p = NULL;

    if (n > t->n_max[height])
        return mwi_fail(h5->ctx, MW_EFORMAT,
                        "%s+0x%" PRIx64 ": a B-tree node of %" PRIu64 " records, room for %" PRIu64,
                        h5->r->name, h5->base + addr, n, t->n_max[height]);
    const uint64_t used = PREFIX + n * t->record_bytes + (height > 0 ? (n + 1) * pointer : 0);
    MWI_TRY(mwi_h5_block(h5, addr, used + CHECKSUM, height == 0 ? "BTLF" : "BTIN", true, &p));
    if (p[4] != 0 || p[5] != t->type)
        return mwi_fail(h5->ctx, MW_EFORMAT,
                        "%s+0x%" PRIx64 ": a B-tree node of version %u, type %u, must be 0, %u",
                        h5->r->name, h5->base + addr, p[4], p[5], t->type);
    const uint8_t *const records = p + PREFIX;
    mwi_h5_cur c = {p, (size_t)used, (size_t)(PREFIX + n * t->record_bytes), addr, false};
    for (uint64_t i = 0; i <= n; i++) {
        if (height > 0) {
            const uint64_t child = mwi_h5_take_offset(h5, &c);
            const uint64_t child_n = mwi_h5_take(&c, t->count_bytes);
            if (height > 1) mwi_h5_skip(&c, t->total_bytes[height - 1]);
            MWI_TRY(mwi_h5_cur_ok(h5, &c, "a B-tree node"));
            MWI_TRY(walk_node(h5, t, child, child_n, height - 1));
        }
        if (i < n)
            MWI_TRY(visit_record(h5, t, records + i * t->record_bytes,
                                 addr + PREFIX + i * t->record_bytes));
    }
    return MW_OK;
}

mw_status mwi_h5_btree2_walk(mwi_h5 *h5, uint64_t addr, unsigned type_a, unsigned type_b,
                             mwi_h5_visit visit, void *self)
{
    const size_t head = 22 + h5->offset_bytes + h5->length_bytes;
    tree t = {.visit = visit, .self = self};
    const uint8_t *p = NULL;

    MWI_TRY(mwi_h5_block(h5, addr, head, "BTHD", true, &p));
    mwi_h5_cur c = {p, head, 5, addr, false};
    t.type = (unsigned)mwi_h5_take(&c, 1);
    t.node_bytes = mwi_h5_take(&c, 4);
    t.record_bytes = mwi_h5_take(&c, 2);
    t.depth = (unsigned)mwi_h5_take(&c, 2);
    mwi_h5_skip(&c, 2); /* when to split and merge */
    const uint64_t root = mwi_h5_take_offset(h5, &c), n = mwi_h5_take(&c, 2);
    MWI_TRY(mwi_h5_cur_ok(h5, &c, "B-tree header"));
    if (p[4] != 0 || (t.type != type_a && t.type != type_b))
        return mwi_fail(h5->ctx, MW_EFORMAT,
                        "%s+0x%" PRIx64 ": a B-tree of version %u, type %u, where type %u must be",
                        h5->r->name, h5->base + addr, p[4], t.type, type_a);
    if (t.depth > MAX_DEPTH || !lay_out(h5, &t))
        return mwi_fail(h5->ctx, MW_EFORMAT,
                        "%s+0x%" PRIx64 ": a B-tree of depth %u with nodes of %" PRIu64
                        " and records "
                        "of %" PRIu64 " bytes cannot be",
                        h5->r->name, h5->base + addr, t.depth, t.node_bytes, t.record_bytes);
    if (n == 0 || mwi_h5_undefined(h5, root)) return MW_OK;
    return walk_node(h5, &t, root, n, t.depth);
}
