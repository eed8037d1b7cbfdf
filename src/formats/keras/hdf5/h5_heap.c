/* formats/keras/hdf5/h5_heap.c - fractal heaps, where many links or attributes of one object lie.
 * Depends: base/.  Used by: h5_group.c, h5_attr.c.
 * The direct blocks are found once, in order of heap offset; objects are then looked up among them.
 * Holds:   nblocks sorted by offset, none overlapping;  rows of a child fall, so that walks end.
 * Format:  section III.G.   SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/hdf5/h5.h"

#include <inttypes.h>
#include <string.h>

enum { MAX_ROWS = 64 };

typedef struct block {
    uint64_t offset, n; /* in the heap's own space */
    const uint8_t *p;
    uint64_t addr;
} block;

typedef struct heap {
    uint64_t addr;
    unsigned id_bytes, offset_bytes, length_bytes; /* of an object's id and its two parts */
    unsigned width, rows, max_bits;
    uint64_t start_bytes, max_direct_bytes, max_managed_bytes;
    unsigned n_direct_rows;
    bool with_checksum;
    uint64_t root, huge_tree;
    block *blocks;
    size_t n_blocks, capacity;
} heap;

static unsigned log2_floor(uint64_t v) { return v == 0 ? 0 : 63 - (unsigned)__builtin_clzll(v); }

static uint64_t row_bytes(const heap *f, unsigned row)
{
    return row == 0 ? f->start_bytes : f->start_bytes << (row - 1);
}

static bool power_of_two(uint64_t v) { return v != 0 && (v & (v - 1)) == 0; }

static mw_status open_heap(mwi_h5 *h5, uint64_t addr, heap *f)
{
    const size_t head = 26 + 12 * h5->length_bytes + 3 * h5->offset_bytes;
    const uint8_t *p = NULL;

    memset(f, 0, sizeof *f);
    f->addr = addr;
    MWI_TRY(mwi_h5_block(h5, addr, head, "FRHP", false, &p));
    mwi_h5_cur c = {p, head, 5, addr, false};
    f->id_bytes = (unsigned)mwi_h5_take(&c, 2);
    const unsigned filter_bytes = (unsigned)mwi_h5_take(&c, 2);
    f->with_checksum = (mwi_h5_take(&c, 1) & 2) != 0;
    f->max_managed_bytes = mwi_h5_take(&c, 4);
    mwi_h5_skip(&c, h5->length_bytes); /* next huge id */
    f->huge_tree = mwi_h5_take_offset(h5, &c);
    mwi_h5_skip(&c, h5->length_bytes + h5->offset_bytes + 8 * h5->length_bytes); /* statistics */
    f->width = (unsigned)mwi_h5_take(&c, 2);
    f->start_bytes = mwi_h5_take_length(h5, &c);
    f->max_direct_bytes = mwi_h5_take_length(h5, &c);
    f->max_bits = (unsigned)mwi_h5_take(&c, 2);
    mwi_h5_skip(&c, 2); /* rows to begin with */
    f->root = mwi_h5_take_offset(h5, &c);
    f->rows = (unsigned)mwi_h5_take(&c, 2);
    MWI_TRY(mwi_h5_cur_ok(h5, &c, "fractal heap header"));
    if (filter_bytes != 0)
        return mwi_fail(h5->ctx, MW_EUNSUPPORTED,
                        "%s+0x%" PRIx64 ": a fractal heap with filters, "
                        "which Keras does not write",
                        h5->r->name, h5->base + addr);
    MWI_TRY(mwi_h5_block(h5, addr, head, "FRHP", true, &p));
    if (p[4] != 0 || !power_of_two(f->width) || !power_of_two(f->start_bytes) ||
        !power_of_two(f->max_direct_bytes) || f->start_bytes > f->max_direct_bytes ||
        f->max_direct_bytes > (uint64_t)1 << 31 || f->max_bits == 0 || f->max_bits > 64 ||
        f->id_bytes < 3 || f->rows >= MAX_ROWS)
        return mwi_fail(
            h5->ctx, MW_EFORMAT,
            "%s+0x%" PRIx64 ": a fractal heap of %u columns, %u rows, blocks of %" PRIu64
            " to %" PRIu64 " bytes cannot be",
            h5->r->name, h5->base + addr, f->width, f->rows, f->start_bytes, f->max_direct_bytes);
    f->n_direct_rows = log2_floor(f->max_direct_bytes) - log2_floor(f->start_bytes) + 2;
    f->offset_bytes = (f->max_bits + 7) / 8;
    f->length_bytes = (log2_floor(f->max_direct_bytes) + 7) / 8;
    const unsigned managed = mwi_h5_bytes_for(f->max_managed_bytes);
    if (managed < f->length_bytes) f->length_bytes = managed;
    return MW_OK;
}

static mw_status add_direct(mwi_h5 *h5, heap *f, uint64_t addr, uint64_t offset, uint64_t n)
{
    const unsigned head = 5 + h5->offset_bytes + f->offset_bytes;
    block b = {offset, n, NULL, addr};
    void *copy = NULL;

    MWI_TRY(mwi_h5_block(h5, addr, n, "FHDB", false, &b.p));
    if (n < head + 4u)
        return mwi_fail(h5->ctx, MW_EFORMAT, "%s+0x%" PRIx64 ": a heap block of %" PRIu64 " bytes",
                        h5->r->name, h5->base + addr, n);
    if (f->with_checksum) { /* taken with zeros in its own place */
        MWI_TRY(mwi_alloc(h5->ctx, (size_t)n, &copy));
        memcpy(copy, b.p, (size_t)n);
        memset((uint8_t *)copy + head, 0, 4);
        const uint32_t made = mwi_h5_lookup3(copy, (size_t)n, 0);
        mwi_free(h5->ctx, copy, (size_t)n);
        if (!mwi_h5_sum_is(made, mwi_le32(b.p + head)))
            return mwi_fail(h5->ctx, MW_EFORMAT,
                            "%s+0x%" PRIx64 ": the checksum of a heap block is wrong; the file is "
                            "damaged",
                            h5->r->name, h5->base + addr);
    }
    MWI_TRY(mwi_arena_grow(h5->ctx, &h5->scratch, &f->blocks, f->n_blocks, &f->capacity,
                           sizeof *f->blocks));
    f->blocks[f->n_blocks++] = b;
    return MW_OK;
}

/* An indirect block of `rows` rows whose space begins at `offset`. */
static mw_status add_indirect(mwi_h5 *h5, heap *f, uint64_t addr, uint64_t offset, unsigned rows)
{
    const uint64_t head = 5 + h5->offset_bytes + f->offset_bytes;
    const uint64_t n = head + (uint64_t)rows * f->width * h5->offset_bytes + 4;
    const uint8_t *p = NULL;

    MWI_TRY(mwi_h5_block(h5, addr, n, "FHIB", true, &p));
    mwi_h5_cur c = {p, (size_t)n, (size_t)head, addr, false};
    for (unsigned row = 0; row < rows; row++) {
        if (row > 0 && log2_floor(f->start_bytes) + row - 1 > 62)
            return mwi_fail(h5->ctx, MW_EFORMAT, "%s+0x%" PRIx64 ": a heap of over 2^62 bytes",
                            h5->r->name, h5->base + addr);
        const uint64_t each = row_bytes(f, row);
        for (unsigned column = 0; column < f->width; column++) {
            const uint64_t child = mwi_h5_take_offset(h5, &c);
            if (!mwi_h5_undefined(h5, child)) {
                if (row < f->n_direct_rows) {
                    MWI_TRY(add_direct(h5, f, child, offset, each));
                } else {
                    const unsigned first = log2_floor(f->start_bytes) + log2_floor(f->width);
                    const unsigned below = log2_floor(each) - first + 1;
                    if (log2_floor(each) < first || below >= rows)
                        return mwi_fail(h5->ctx, MW_EFORMAT,
                                        "%s+0x%" PRIx64 ": a heap block of %u "
                                        "rows within one of %u",
                                        h5->r->name, h5->base + addr, below, rows);
                    MWI_TRY(add_indirect(h5, f, child, offset, below));
                }
            }
            if (__builtin_add_overflow(offset, each, &offset))
                return mwi_fail(h5->ctx, MW_EFORMAT, "%s+0x%" PRIx64 ": a heap of over 2^64 bytes",
                                h5->r->name, h5->base + addr);
        }
    }
    return MW_OK;
}

static mw_status find_blocks(mwi_h5 *h5, heap *f)
{
    if (mwi_h5_undefined(h5, f->root)) return MW_OK; /* huge and tiny objects only */
    if (f->rows == 0) return add_direct(h5, f, f->root, 0, f->start_bytes);
    return add_indirect(h5, f, f->root, 0, f->rows);
}

/* ---- objects ---- */

typedef struct dense {
    heap f;
    size_t id_at;
    mwi_h5_visit visit;
    void *self;
    uint64_t huge_id, huge_addr, huge_bytes; /* of the search for one huge object */
    bool found;
} dense;

static mw_status compare_huge(mwi_h5 *h5, void *self, const uint8_t *p, size_t n, uint64_t addr)
{
    dense *const d = self;
    mwi_h5_cur c = {p, n, 0, addr, false};
    const uint64_t at = mwi_h5_take_offset(h5, &c), bytes = mwi_h5_take_length(h5, &c);
    const uint64_t id = mwi_h5_take_length(h5, &c);

    MWI_TRY(mwi_h5_cur_ok(h5, &c, "a huge object's record"));
    if (id != d->huge_id) return MW_OK;
    d->huge_addr = at;
    d->huge_bytes = bytes;
    d->found = true;
    return MW_OK;
}

static mw_status visit_huge(mwi_h5 *h5, dense *d, mwi_h5_cur *c)
{
    const heap *const f = &d->f;
    const uint8_t *p = NULL;

    d->found = false;
    if (f->id_bytes - 1 >= h5->offset_bytes + h5->length_bytes) { /* the id is the place */
        d->huge_addr = mwi_h5_take_offset(h5, c);
        d->huge_bytes = mwi_h5_take_length(h5, c);
        d->found = true;
        MWI_TRY(mwi_h5_cur_ok(h5, c, "a heap id"));
    } else {
        const unsigned n = f->id_bytes - 1 < h5->length_bytes ? f->id_bytes - 1 : h5->length_bytes;
        d->huge_id = mwi_h5_take(c, n);
        MWI_TRY(mwi_h5_cur_ok(h5, c, "a heap id"));
        MWI_TRY(mwi_h5_btree2_walk(h5, f->huge_tree, 1, 1, compare_huge, d));
    }
    if (!d->found)
        return mwi_fail(h5->ctx, MW_EFORMAT,
                        "%s+0x%" PRIx64 ": the heap has no huge object %" PRIu64, h5->r->name,
                        h5->base + f->addr, d->huge_id);
    MWI_TRY(mwi_h5_bytes(h5, d->huge_addr, d->huge_bytes, "a huge object", &p));
    return d->visit(h5, d->self, p, (size_t)d->huge_bytes, d->huge_addr);
}

static mw_status visit_managed(mwi_h5 *h5, const dense *d, mwi_h5_cur *c)
{
    const heap *const f = &d->f;
    const uint64_t offset = mwi_h5_take(c, f->offset_bytes), n = mwi_h5_take(c, f->length_bytes);
    size_t low = 0, high = f->n_blocks;

    MWI_TRY(mwi_h5_cur_ok(h5, c, "a heap id"));
    while (low < high) { /* the last block that begins at or before offset */
        const size_t middle = low + (high - low) / 2;
        if (f->blocks[middle].offset <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    const block *const b = low == 0 ? NULL : &f->blocks[low - 1];
    if (b == NULL || offset - b->offset > b->n || n > b->n - (offset - b->offset))
        return mwi_fail(h5->ctx, MW_EFORMAT,
                        "%s+0x%" PRIx64 ": the heap has no object of %" PRIu64 " bytes at %" PRIu64,
                        h5->r->name, h5->base + f->addr, n, offset);
    MWI_TRY(mwi_h5_work(h5, n));
    return d->visit(h5, d->self, b->p + (offset - b->offset), (size_t)n,
                    b->addr + (offset - b->offset));
}

static mw_status visit_id(mwi_h5 *h5, void *self, const uint8_t *p, size_t n, uint64_t addr)
{
    dense *const d = self;
    mwi_h5_cur c = {p, n, d->id_at, addr, false};

    if (d->id_at + d->f.id_bytes > n)
        return mwi_fail(h5->ctx, MW_EFORMAT,
                        "%s+0x%" PRIx64 ": a heap id of %u bytes in a record of "
                        "%zu",
                        h5->r->name, h5->base + addr, d->f.id_bytes, n);
    c.n = d->id_at + d->f.id_bytes;
    const unsigned first = (unsigned)mwi_h5_take(&c, 1), kind = first >> 4 & 3;
    if (first >> 6 != 0 || kind == 3)
        return mwi_fail(h5->ctx, MW_EFORMAT, "%s+0x%" PRIx64 ": a heap id that begins with 0x%02x",
                        h5->r->name, h5->base + addr, first);
    if (kind == 0) return visit_managed(h5, d, &c);
    if (kind == 1) return visit_huge(h5, d, &c);
    size_t size = (first & 15) + 1; /* tiny: within the id */
    if (d->f.id_bytes > 17) size = ((size_t)(first & 15) << 8 | (size_t)mwi_h5_take(&c, 1)) + 1;
    const uint64_t where = addr + c.i;
    const uint8_t *const tiny = mwi_h5_take_bytes(&c, size);
    MWI_TRY(mwi_h5_cur_ok(h5, &c, "a tiny object"));
    return d->visit(h5, d->self, tiny, size, where);
}

mw_status mwi_h5_dense_walk(mwi_h5 *h5, uint64_t heap_addr, uint64_t btree_addr, unsigned type,
                            size_t id_at, mwi_h5_visit visit, void *self)
{
    dense d = {.id_at = id_at, .visit = visit, .self = self};

    MWI_TRY(open_heap(h5, heap_addr, &d.f));
    MWI_TRY(find_blocks(h5, &d.f));
    return mwi_h5_btree2_walk(h5, btree_addr, type, type, visit_id, &d);
}
