/* formats/keras/hdf5/h5_chunk.c - where the chunks of a dataset are: the six indexes of HDF5.
 * Depends: base/.  Used by: h5_dataset.c.
 * Holds:   elements walked are charged as work, so that a huge grid over a small index ends.
 * Format:  sections III.A.1 (B-tree v1), VII.A (single), B (implicit), C (fixed array), D
 *          (extensible array), E (B-tree v2).   SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/hdf5/h5.h"

#include <inttypes.h>
#include <string.h>

enum { MAX_LEVELS = 32 };

typedef struct walk {
    const mwi_h5_chunking *k;
    mwi_h5_chunk_visit visit;
    void *self;
    /* For the arrays: what an element is, and how its number gives the chunk's place. */
    const char *name; /* of the element blocks, for messages */
    unsigned element_bytes;
    uint64_t down[MWI_H5_MAX_RANK]; /* chunks per step along each dimension, in the array's order */
    unsigned order[MWI_H5_MAX_RANK]; /* dimension at each rank of that order */
    uint64_t next, end;              /* number of the next element; one past the last of use */
} walk;

/* ---- version 1 B-tree ---- */

static mw_status take_key(mwi_h5 *h5, const walk *w, mwi_h5_cur *c, mwi_h5_chunk *chunk)
{
    chunk->bytes = mwi_h5_take(c, 4);
    chunk->skipped = (uint32_t)mwi_h5_take(c, 4);
    for (unsigned i = 0; i < w->k->rank; i++) {
        const uint64_t at = mwi_h5_take(c, 8);
        if (at % w->k->chunk[i] != 0)
            return mwi_fail(h5->ctx, MW_EFORMAT,
                            "%s+0x%" PRIx64 ": a chunk at %" PRIu64
                            " along dimension %u, which is no "
                            "multiple of %" PRIu64,
                            h5->r->name, h5->base + c->addr, at, i, w->k->chunk[i]);
        chunk->scaled[i] = at / w->k->chunk[i];
    }
    mwi_h5_skip(c, 8); /* within the element */
    return MW_OK;
}

static mw_status walk_btree1(mwi_h5 *h5, const walk *w, uint64_t addr, unsigned level_max,
                             bool root)
{
    const size_t head = 8 + 2 * h5->offset_bytes;
    const size_t step = 16 + 8 * (size_t)w->k->rank + h5->offset_bytes;
    const uint8_t *p = NULL;
    mwi_h5_chunk chunk;

    MWI_TRY(mwi_h5_block(h5, addr, head, "TREE", false, &p));
    const unsigned type = p[4], level = p[5], n = mwi_le16(p + 6);
    if (type != 1 || level > level_max || (!root && level != level_max))
        return mwi_fail(h5->ctx, MW_EFORMAT,
                        "%s+0x%" PRIx64
                        ": a chunk B-tree node has type %u, level %u, where type 1, "
                        "level %u must be",
                        h5->r->name, h5->base + addr, type, level, level_max);
    MWI_TRY(mwi_h5_bytes(h5, addr, head + n * step, "B-tree node", &p));
    mwi_h5_cur c = {p, head + n * step, head, addr, false};
    for (unsigned i = 0; i < n; i++) {
        MWI_TRY(take_key(h5, w, &c, &chunk));
        chunk.addr = mwi_h5_take_offset(h5, &c);
        MWI_TRY(mwi_h5_cur_ok(h5, &c, "a B-tree node"));
        if (level == 0)
            MWI_TRY(w->visit(h5, w->self, &chunk));
        else
            MWI_TRY(walk_btree1(h5, w, chunk.addr, level - 1, false));
    }
    return MW_OK;
}

/* ---- version 2 B-tree ---- */

static mw_status visit_btree2(mwi_h5 *h5, void *self, const uint8_t *p, size_t n, uint64_t addr)
{
    const walk *const w = self;
    mwi_h5_cur c = {p, n, 0, addr, false};
    mwi_h5_chunk chunk = {0};

    chunk.addr = mwi_h5_take_offset(h5, &c);
    if (w->k->filtered) {
        const size_t fixed = h5->offset_bytes + 4 + 8 * (size_t)w->k->rank;
        if (n <= fixed || n - fixed > 8)
            return mwi_fail(h5->ctx, MW_EFORMAT, "%s+0x%" PRIx64 ": a chunk record of %zu bytes",
                            h5->r->name, h5->base + addr, n);
        chunk.bytes = mwi_h5_take(&c, (unsigned)(n - fixed));
        chunk.skipped = (uint32_t)mwi_h5_take(&c, 4);
    }
    for (unsigned i = 0; i < w->k->rank; i++) chunk.scaled[i] = mwi_h5_take(&c, 8);
    MWI_TRY(mwi_h5_cur_ok(h5, &c, "a chunk record"));
    return w->visit(h5, w->self, &chunk);
}

/* ---- arrays: an element for each chunk, in row-major order ---- */

/* `fast` is the dimension that may grow without end: it counts as the slowest. */
static mw_status number_chunks(mwi_h5 *h5, walk *w, unsigned slowest)
{
    const mwi_h5_chunking *const k = w->k;
    unsigned n = 0;
    uint64_t down = 1;

    w->order[n++] = slowest;
    for (unsigned i = 0; i < k->rank; i++)
        if (i != slowest) w->order[n++] = i;
    for (unsigned i = k->rank; i-- > 0;) {
        const unsigned dimension = w->order[i];
        w->down[i] = down;
        const uint64_t chunks =
            k->grid_max[dimension] == 0 ? k->grid[dimension] : k->grid_max[dimension];
        if (__builtin_mul_overflow(down, chunks, &down))
            return mwi_fail(h5->ctx, MW_ELIMIT, "%s+0x%" PRIx64 ": over 2^64 chunks", h5->r->name,
                            h5->base + k->addr);
    }
    w->end = down;
    return MW_OK;
}

static mw_status visit_number(mwi_h5 *h5, const walk *w, uint64_t number, mwi_h5_chunk *chunk)
{
    for (unsigned i = 0; i < w->k->rank; i++) {
        chunk->scaled[w->order[i]] = number / w->down[i];
        number %= w->down[i];
    }
    return w->visit(h5, w->self, chunk);
}

/* Takes n elements from a cursor; those past the end of use are read over. */
static mw_status take_elements(mwi_h5 *h5, walk *w, mwi_h5_cur *c, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        mwi_h5_chunk chunk = {0};
        const size_t begin = c->i;
        chunk.addr = mwi_h5_take_offset(h5, c);
        if (w->k->filtered) {
            chunk.bytes = mwi_h5_take(c, w->element_bytes - h5->offset_bytes - 4);
            chunk.skipped = (uint32_t)mwi_h5_take(c, 4);
        }
        mwi_h5_skip(c, w->element_bytes - (c->i - begin));
        MWI_TRY(mwi_h5_cur_ok(h5, c, w->name));
        const uint64_t number = w->next++;
        if (number < w->end && !mwi_h5_undefined(h5, chunk.addr))
            MWI_TRY(visit_number(h5, w, number, &chunk));
    }
    return MW_OK;
}

static mw_status check_element(mwi_h5 *h5, const walk *w, uint64_t addr, unsigned version,
                               unsigned client)
{
    const unsigned least = h5->offset_bytes + (w->k->filtered ? 5 : 0);
    const unsigned most = h5->offset_bytes + (w->k->filtered ? 12 : 0);

    if (version == 0 && client == (w->k->filtered ? 1u : 0u) && w->element_bytes >= least &&
        w->element_bytes <= most)
        return MW_OK;
    return mwi_fail(h5->ctx, MW_EFORMAT,
                    "%s+0x%" PRIx64
                    ": a chunk array of version %u, client %u, elements of %u bytes; "
                    "must be 0, %u, %u to %u",
                    h5->r->name, h5->base + addr, version, client, w->element_bytes,
                    w->k->filtered ? 1 : 0, least, most);
}

/* A data block: prefix, elements, checksum; or, when it has more elements than a page, the prefix
 * with its checksum and then pages, each with its own. `bitmap` tells which pages were ever
 * written; NULL when it stands in the prefix itself (fixed arrays) or need not be asked. */
static mw_status walk_pages(mwi_h5 *h5, walk *w, uint64_t addr, uint64_t n, uint64_t page,
                            const uint8_t *bitmap, uint64_t first_bit)
{
    const uint64_t pages = n / page + (n % page != 0);

    for (uint64_t i = 0; i < pages; i++) {
        const uint64_t count = i + 1 == pages && n % page != 0 ? n % page : page;
        const uint64_t bit = first_bit + i;
        const uint8_t *p = NULL;
        /* An unwritten page takes up its room all the same. */
        MWI_TRY(mwi_h5_work(h5, 0));
        if ((bitmap[bit / 8] & 0x80 >> bit % 8) != 0) {
            const uint64_t bytes = count * w->element_bytes;
            MWI_TRY(mwi_h5_bytes(h5, addr, bytes + 4, w->name, &p));
            if (!mwi_h5_sum_is(mwi_h5_lookup3(p, (size_t)bytes, 0), mwi_le32(p + bytes)))
                return mwi_fail(h5->ctx, MW_EFORMAT,
                                "%s+0x%" PRIx64
                                ": the checksum of %s is wrong; the file is damaged",
                                h5->r->name, h5->base + addr, w->name);
            mwi_h5_cur c = {p, (size_t)bytes, 0, addr, false};
            MWI_TRY(take_elements(h5, w, &c, count));
        } else {
            w->next += count;
        }
        if (__builtin_add_overflow(addr, page * w->element_bytes + 4, &addr))
            return mwi_fail(h5->ctx, MW_EFORMAT, "%s: %s past 2^64", h5->r->name, w->name);
    }
    return MW_OK;
}

static mw_status walk_fixed_array(mwi_h5 *h5, walk *w)
{
    const size_t head = 12 + h5->length_bytes + h5->offset_bytes;
    const uint64_t prefix = 6 + h5->offset_bytes;
    const uint8_t *p = NULL;

    w->name = "a fixed array of chunks";
    MWI_TRY(number_chunks(h5, w, 0));
    MWI_TRY(mwi_h5_block(h5, w->k->addr, head, "FAHD", true, &p));
    mwi_h5_cur c = {p, head, 6, w->k->addr, false};
    w->element_bytes = (unsigned)mwi_h5_take(&c, 1);
    const unsigned page_bits = (unsigned)mwi_h5_take(&c, 1);
    const uint64_t n = mwi_h5_take_length(h5, &c), addr = mwi_h5_take_offset(h5, &c);
    MWI_TRY(mwi_h5_cur_ok(h5, &c, w->name));
    MWI_TRY(check_element(h5, w, w->k->addr, p[4], p[5]));
    if (page_bits > 32 || n > h5->r->len * 8) /* a bit of the bitmap for each page of elements */
        return mwi_fail(h5->ctx, MW_EFORMAT,
                        "%s+0x%" PRIx64 ": %s with pages of 2^%u and %" PRIu64 " elements",
                        h5->r->name, h5->base + w->k->addr, w->name, page_bits, n);
    if (mwi_h5_undefined(h5, addr)) return MW_OK;
    const uint64_t page = (uint64_t)1 << page_bits;
    if (n <= page) {
        const uint64_t bytes = n * w->element_bytes;
        MWI_TRY(mwi_h5_block(h5, addr, prefix + bytes + 4, "FADB", true, &p));
        c = (mwi_h5_cur){p, (size_t)(prefix + bytes), (size_t)prefix, addr, false};
        return take_elements(h5, w, &c, n);
    }
    const uint64_t bitmap = ((n / page + (n % page != 0)) + 7) / 8;
    MWI_TRY(mwi_h5_block(h5, addr, prefix + bitmap + 4, "FADB", true, &p));
    return walk_pages(h5, w, addr + prefix + bitmap + 4, n, page, p + prefix, 0);
}

/* ---- extensible array ---- */

typedef struct extensible {
    unsigned index_elements, min_elements, min_pointers, page_bits, offset_bytes;
    unsigned n_super,
        n_super_direct; /* super blocks; those whose data blocks the index block names */
} extensible;

static mw_status walk_data_block(mwi_h5 *h5, walk *w, const extensible *e, uint64_t addr,
                                 uint64_t n, const uint8_t *bitmap, uint64_t first_bit)
{
    const uint64_t prefix = 6 + h5->offset_bytes + e->offset_bytes;
    const uint64_t page = (uint64_t)1 << e->page_bits;
    const uint8_t *p = NULL;

    MWI_TRY(mwi_h5_work(h5, 0));
    if (mwi_h5_undefined(h5, addr)) {
        w->next += n;
        return MW_OK;
    }
    if (n <= page) {
        const uint64_t bytes = n * w->element_bytes;
        MWI_TRY(mwi_h5_block(h5, addr, prefix + bytes + 4, "EADB", true, &p));
        mwi_h5_cur c = {p, (size_t)(prefix + bytes), (size_t)prefix, addr, false};
        return take_elements(h5, w, &c, n);
    }
    if (bitmap == NULL)
        return mwi_fail(h5->ctx, MW_EFORMAT, "%s+0x%" PRIx64 ": %s has pages in its index block",
                        h5->r->name, h5->base + addr, w->name);
    MWI_TRY(mwi_h5_block(h5, addr, prefix + 4, "EADB", true, &p));
    return walk_pages(h5, w, addr + prefix + 4, n, page, bitmap, first_bit);
}

/* Super block u has 2^(u/2) data blocks of 2^((u+1)/2) times the least number of elements. */
static uint64_t super_blocks(unsigned u) { return (uint64_t)1 << (u / 2); }
static uint64_t super_elements(const extensible *e, unsigned u)
{
    return ((uint64_t)1 << ((u + 1) / 2)) * e->min_elements;
}

static mw_status walk_super_block(mwi_h5 *h5, walk *w, const extensible *e, uint64_t addr,
                                  unsigned u)
{
    const uint64_t n = super_blocks(u), each = super_elements(e, u);
    const uint64_t page = (uint64_t)1 << e->page_bits;
    const uint64_t pages = each > page ? each / page : 0;
    const uint64_t bitmap_each = (pages + 7) / 8;
    const uint64_t prefix = 6 + h5->offset_bytes + e->offset_bytes;
    const uint8_t *p = NULL;

    MWI_TRY(mwi_h5_work(h5, 0));
    if (mwi_h5_undefined(h5, addr)) {
        w->next += n * each;
        return MW_OK;
    }
    uint64_t bitmap;
    if (n > h5->r->len || __builtin_mul_overflow(n, bitmap_each, &bitmap) || bitmap > h5->r->len)
        return mwi_fail(h5->ctx, MW_EFORMAT,
                        "%s+0x%" PRIx64 ": a super block of %" PRIu64 " blocks", h5->r->name,
                        h5->base + addr, n);
    const uint64_t bytes = prefix + bitmap + n * h5->offset_bytes + 4;
    MWI_TRY(mwi_h5_block(h5, addr, bytes, "EASB", true, &p));
    mwi_h5_cur c = {p, (size_t)bytes, (size_t)(prefix + bitmap), addr, false};
    for (uint64_t i = 0; i < n && w->next < w->end; i++) {
        const uint64_t block = mwi_h5_take_offset(h5, &c);
        MWI_TRY(walk_data_block(h5, w, e, block, each, p + prefix + i * bitmap_each, 0));
    }
    return mwi_h5_cur_ok(h5, &c, w->name);
}

static mw_status walk_index_block(mwi_h5 *h5, walk *w, const extensible *e, uint64_t addr)
{
    const uint64_t prefix = 6 + h5->offset_bytes;
    const uint64_t n_data = 2 * ((uint64_t)e->min_pointers - 1);
    const uint64_t n_super = e->n_super - e->n_super_direct;
    const uint64_t bytes = prefix + (uint64_t)e->index_elements * w->element_bytes +
                           (n_data + n_super) * h5->offset_bytes + 4;
    const uint8_t *p = NULL;

    MWI_TRY(mwi_h5_block(h5, addr, bytes, "EAIB", true, &p));
    mwi_h5_cur c = {p, (size_t)bytes - 4, (size_t)prefix, addr, false};
    MWI_TRY(take_elements(h5, w, &c, e->index_elements));
    for (unsigned u = 0; u < e->n_super_direct; u++)
        for (uint64_t i = 0; i < super_blocks(u); i++) {
            const uint64_t block = mwi_h5_take_offset(h5, &c);
            MWI_TRY(mwi_h5_cur_ok(h5, &c, w->name));
            if (w->next < w->end)
                MWI_TRY(walk_data_block(h5, w, e, block, super_elements(e, u), NULL, 0));
        }
    for (unsigned u = e->n_super_direct; u < e->n_super && w->next < w->end; u++) {
        const uint64_t block = mwi_h5_take_offset(h5, &c);
        MWI_TRY(mwi_h5_cur_ok(h5, &c, w->name));
        MWI_TRY(walk_super_block(h5, w, e, block, u));
    }
    return MW_OK;
}

static bool power_of_two(unsigned v) { return v != 0 && (v & (v - 1)) == 0; }

static mw_status walk_extensible_array(mwi_h5 *h5, walk *w)
{
    const size_t head = 16 + 6 * h5->length_bytes + h5->offset_bytes;
    const uint8_t *p = NULL;
    extensible e = {0};
    unsigned slowest = 0;

    w->name = "an extensible array of chunks";
    while (slowest + 1 < w->k->rank && w->k->grid_max[slowest] != 0) slowest++;
    MWI_TRY(number_chunks(h5, w, w->k->grid_max[slowest] == 0 ? slowest : 0));
    MWI_TRY(mwi_h5_block(h5, w->k->addr, head, "EAHD", true, &p));
    mwi_h5_cur c = {p, head, 6, w->k->addr, false};
    w->element_bytes = (unsigned)mwi_h5_take(&c, 1);
    const unsigned max_bits = (unsigned)mwi_h5_take(&c, 1);
    e.index_elements = (unsigned)mwi_h5_take(&c, 1);
    e.min_elements = (unsigned)mwi_h5_take(&c, 1);
    e.min_pointers = (unsigned)mwi_h5_take(&c, 1);
    e.page_bits = (unsigned)mwi_h5_take(&c, 1);
    mwi_h5_skip(&c, 6 * h5->length_bytes); /* statistics */
    const uint64_t addr = mwi_h5_take_offset(h5, &c);
    MWI_TRY(mwi_h5_cur_ok(h5, &c, w->name));
    MWI_TRY(check_element(h5, w, w->k->addr, p[4], p[5]));
    const unsigned min_log = (unsigned)__builtin_ctz(e.min_elements | 0x100);
    const unsigned pointers_log = (unsigned)__builtin_ctz(e.min_pointers | 0x100);
    if (max_bits == 0 || max_bits > 62 || e.page_bits > 32 || !power_of_two(e.min_elements) ||
        !power_of_two(e.min_pointers) || min_log > max_bits ||
        2 * pointers_log > 1 + max_bits - min_log)
        return mwi_fail(h5->ctx, MW_EFORMAT,
                        "%s+0x%" PRIx64
                        ": %s with 2^%u elements, blocks of %u, %u pointers, pages of "
                        "2^%u cannot be",
                        h5->r->name, h5->base + w->k->addr, w->name, max_bits, e.min_elements,
                        e.min_pointers, e.page_bits);
    e.n_super = 1 + max_bits - min_log;
    e.n_super_direct = 2 * pointers_log;
    e.offset_bytes = (max_bits + 7) / 8;
    if (mwi_h5_undefined(h5, addr)) return MW_OK;
    return walk_index_block(h5, w, &e, addr);
}

/* ---- single chunk, implicit ---- */

static mw_status walk_implicit(mwi_h5 *h5, walk *w)
{
    MWI_TRY(number_chunks(h5, w, 0));
    for (uint64_t i = 0; i < w->end; i++) {
        mwi_h5_chunk chunk = {0};
        uint64_t at;
        MWI_TRY(mwi_h5_work(h5, 0));
        if (__builtin_mul_overflow(i, w->k->chunk_bytes, &at) ||
            __builtin_add_overflow(at, w->k->addr, &chunk.addr))
            return mwi_fail(h5->ctx, MW_EFORMAT, "%s: a chunk past 2^64", h5->r->name);
        MWI_TRY(visit_number(h5, w, i, &chunk));
    }
    return MW_OK;
}

mw_status mwi_h5_chunks_walk(mwi_h5 *h5, const mwi_h5_chunking *k, mwi_h5_chunk_visit visit,
                             void *self)
{
    walk w = {.k = k, .visit = visit, .self = self};
    const mwi_h5_chunk single = {
        .addr = k->addr, .bytes = k->single_bytes, .skipped = k->single_skipped};
    const unsigned record = k->filtered ? 11 : 10;

    switch (k->index) {
    case 0: return walk_btree1(h5, &w, k->addr, MAX_LEVELS, true);
    case 1: return visit(h5, self, &single);
    case 2: return walk_implicit(h5, &w);
    case 3: return walk_fixed_array(h5, &w);
    case 4: return walk_extensible_array(h5, &w);
    default: return mwi_h5_btree2_walk(h5, k->addr, record, record, visit_btree2, &w);
    }
}
