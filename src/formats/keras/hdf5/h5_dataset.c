/* formats/keras/hdf5/h5_dataset.c - the elements of a dataset: compact, contiguous or chunked.
 * Depends: base/.  Used by: archive_h5.c.
 * Holds:   bytes is the size of all elements, checked against what the file can honestly give.
 * Format:  sections IV.A.2.e, f (fill value), h (external files), i (layout).
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/hdf5/h5.h"

#include <inttypes.h>
#include <string.h>

mw_status mwi_h5_dataset_open(mwi_h5 *h5, const mwi_h5_object *object, mwi_h5_dataset *out)
{
    const mwi_h5_msg *const type = mwi_h5_object_msg(object, MWI_H5_DATATYPE);
    const mwi_h5_msg *const space = mwi_h5_object_msg(object, MWI_H5_DATASPACE);

    memset(out, 0, sizeof *out);
    out->layout = mwi_h5_object_msg(object, MWI_H5_LAYOUT);
    out->filters = mwi_h5_object_msg(object, MWI_H5_FILTERS);
    out->fill = mwi_h5_object_msg(object, MWI_H5_FILL);
    if (out->fill == NULL) out->fill = mwi_h5_object_msg(object, MWI_H5_FILL_OLD);
    if (type == NULL || space == NULL || out->layout == NULL)
        return mwi_fail(h5->ctx, MW_EFORMAT, "%s+0x%" PRIx64 ": a dataset without %s", h5->r->name,
                        h5->base + object->addr,
                        type == NULL    ? "a datatype"
                        : space == NULL ? "a dataspace"
                                        : "a layout");
    if (mwi_h5_object_msg(object, MWI_H5_EXTERNAL) != NULL)
        return mwi_fail(h5->ctx, MW_EUNSUPPORTED,
                        "%s+0x%" PRIx64 ": a dataset stored in another file, which is never opened",
                        h5->r->name, h5->base + object->addr);
    MWI_TRY(mwi_h5_type_read(h5, type, &out->type));
    MWI_TRY(mwi_h5_space_read(h5, space, &out->space));
    if (__builtin_mul_overflow(out->space.n, (uint64_t)out->type.size, &out->bytes))
        return mwi_fail(h5->ctx, MW_ELIMIT, "%s+0x%" PRIx64 ": a dataset of over 2^64 bytes",
                        h5->r->name, h5->base + object->addr);
    return MW_OK;
}

/* ---- fill values ---- */

/* *value is NULL when the fill value is zero or undefined. */
static mw_status read_fill(mwi_h5 *h5, const mwi_h5_dataset *d, const uint8_t **value)
{
    mwi_h5_msg m;
    bool defined = true;

    *value = NULL;
    if (d->fill == NULL) return MW_OK;
    MWI_TRY(mwi_h5_unshare(h5, d->fill, &m));
    mwi_h5_cur c = {m.p, m.n, 0, m.addr, false};
    if (m.type == MWI_H5_FILL) {
        const unsigned version = (unsigned)mwi_h5_take(&c, 1);
        if (!c.past && (version < 1 || version > 3))
            return mwi_fail(h5->ctx, MW_EUNSUPPORTED,
                            "%s+0x%" PRIx64 ": fill value version %u, allowed 1 to 3", h5->r->name,
                            h5->base + m.addr, version);
        if (version == 3) {
            defined = (mwi_h5_take(&c, 1) & 0x20) != 0;
        } else {
            mwi_h5_skip(&c, 2); /* when to allocate and to write */
            defined = mwi_h5_take(&c, 1) != 0 || version == 1;
        }
    }
    const uint32_t n = defined ? (uint32_t)mwi_h5_take(&c, 4) : 0;
    const uint8_t *const p = mwi_h5_take_bytes(&c, n == UINT32_MAX ? 0 : n);
    MWI_TRY(mwi_h5_cur_ok(h5, &c, "a fill value"));
    if (n == 0 || n == UINT32_MAX) return MW_OK; /* the default, zero; or undefined */
    if (n != d->type.size)
        return mwi_fail(h5->ctx, MW_EFORMAT,
                        "%s+0x%" PRIx64 ": a fill value of %" PRIu32
                        " bytes for elements of %" PRIu32,
                        h5->r->name, h5->base + m.addr, n, d->type.size);
    *value = p;
    return MW_OK;
}

static mw_status fill(mwi_h5 *h5, const mwi_h5_dataset *d, uint8_t *out)
{
    const uint8_t *value = NULL;
    const size_t size = d->type.size;

    MWI_TRY(read_fill(h5, d, &value));
    if (value == NULL)
        memset(out, 0, (size_t)d->bytes);
    else
        for (size_t at = 0; at < d->bytes; at += size) memcpy(out + at, value, size);
    return MW_OK;
}

/* ---- layouts ---- */

/* Where the elements are: directly in the file, in chunks, or nowhere yet (p NULL, not chunked). */
typedef struct layout {
    const uint8_t *p;
    bool chunked;
    mwi_h5_chunking chunking;
} layout;

static mw_status direct(mwi_h5 *h5, const mwi_h5_dataset *d, uint64_t addr, layout *out)
{
    if (mwi_h5_undefined(h5, addr)) return MW_OK;
    if (d->bytes > UINT64_MAX - h5->base - addr || addr > UINT64_MAX - h5->base)
        return mwi_fail(h5->ctx, MW_EFORMAT, "%s: elements at the address 0x%" PRIx64, h5->r->name,
                        addr);
    return mwi_read_bytes(h5->ctx, h5->r, h5->base + addr, d->bytes, "elements of a dataset",
                          &out->p);
}

static mw_status compact(mwi_h5 *h5, const mwi_h5_dataset *d, mwi_h5_cur *c, unsigned width,
                         layout *out)
{
    const uint64_t n = mwi_h5_take(c, width);
    const uint8_t *const p = mwi_h5_take_bytes(c, n);

    MWI_TRY(mwi_h5_cur_ok(h5, c, "compact elements"));
    if (n == 0) return MW_OK;
    if (n < d->bytes)
        return mwi_fail(h5->ctx, MW_EFORMAT,
                        "%s+0x%" PRIx64 ": %" PRIu64 " bytes of elements, %" PRIu64 " declared",
                        h5->r->name, h5->base + c->addr, n, d->bytes);
    out->p = p;
    return MW_OK;
}

/* Chunk sizes along each dimension and what follows from them. `n` dimensions stand in the file:
 * one more than the rank, the last is the element. */
static mw_status shape_chunks(mwi_h5 *h5, const mwi_h5_dataset *d, unsigned n, uint64_t where,
                              mwi_h5_chunking *k)
{
    uint64_t bytes = d->type.size;

    if (n != d->space.rank + 1 || n < 2)
        return mwi_fail(h5->ctx, MW_EFORMAT,
                        "%s+0x%" PRIx64 ": chunks of %u dimensions for a dataset of rank %u",
                        h5->r->name, h5->base + where, n, d->space.rank);
    k->rank = d->space.rank;
    for (unsigned i = 0; i < k->rank; i++) {
        const uint64_t size = k->chunk[i], now = d->space.dims[i], most = d->space.max[i];
        if (size == 0 || __builtin_mul_overflow(bytes, size, &bytes) || bytes > UINT32_MAX)
            return mwi_fail(h5->ctx, MW_EFORMAT,
                            "%s+0x%" PRIx64 ": chunks of %" PRIu64
                            " elements along dimension %u; a "
                            "chunk has 1 to 2^32-1 bytes",
                            h5->r->name, h5->base + where, size, i);
        k->grid[i] = now / size + (now % size != 0);
        k->grid_max[i] = most == UINT64_MAX ? 0 : most / size + (most % size != 0);
    }
    k->chunk_bytes = bytes;
    k->filtered = d->filters != NULL;
    return MW_OK;
}

static mw_status chunked_v1(mwi_h5 *h5, const mwi_h5_dataset *d, mwi_h5_cur *c, unsigned n,
                            uint64_t addr, mwi_h5_chunking *k)
{
    for (unsigned i = 0; i < n; i++) {
        const uint64_t size = mwi_h5_take(c, 4);
        if (i < d->space.rank) k->chunk[i] = size;
    }
    k->addr = addr;
    MWI_TRY(mwi_h5_cur_ok(h5, c, "a chunked layout"));
    return shape_chunks(h5, d, n, c->addr, k);
}

static mw_status chunked_v4(mwi_h5 *h5, const mwi_h5_dataset *d, mwi_h5_cur *c, mwi_h5_chunking *k)
{
    static const uint8_t n_parameters[6] = {0, 0, 0, 1, 5, 6};
    const unsigned flags = (unsigned)mwi_h5_take(c, 1), n = (unsigned)mwi_h5_take(c, 1);
    const unsigned width = (unsigned)mwi_h5_take(c, 1);

    MWI_TRY(mwi_h5_cur_ok(h5, c, "a chunked layout"));
    if (n > MWI_H5_MAX_RANK + 1 || width == 0 || width > 8)
        return mwi_fail(h5->ctx, MW_EFORMAT,
                        "%s+0x%" PRIx64 ": chunks of %u dimensions of %u bytes", h5->r->name,
                        h5->base + c->addr, n, width);
    for (unsigned i = 0; i < n; i++) {
        const uint64_t size = mwi_h5_take(c, width);
        if (i < d->space.rank) k->chunk[i] = size;
    }
    k->index = (unsigned)mwi_h5_take(c, 1);
    k->edges_unfiltered = (flags & 1) != 0;
    if (k->index < 1 || k->index > 5)
        return mwi_fail(h5->ctx, MW_EUNSUPPORTED,
                        "%s+0x%" PRIx64 ": chunk index of type %u, allowed 1 to 5", h5->r->name,
                        h5->base + c->addr, k->index);
    if (k->index == 1 && (flags & 2) != 0) {
        k->single_bytes = mwi_h5_take_length(h5, c);
        k->single_skipped = (uint32_t)mwi_h5_take(c, 4);
    }
    for (unsigned i = 0; i < n_parameters[k->index]; i++)
        k->parameters[i] = (uint8_t)mwi_h5_take(c, 1);
    k->addr = mwi_h5_take_offset(h5, c);
    MWI_TRY(mwi_h5_cur_ok(h5, c, "a chunked layout"));
    return shape_chunks(h5, d, n, c->addr, k);
}

/* Versions 1 and 2: all classes share one shape. */
static mw_status layout_v1(mwi_h5 *h5, const mwi_h5_dataset *d, mwi_h5_cur *c, layout *out)
{
    const unsigned n = (unsigned)mwi_h5_take(c, 1), klass = (unsigned)mwi_h5_take(c, 1);

    mwi_h5_skip(c, 5);
    const uint64_t addr = klass == 0 ? 0 : mwi_h5_take_offset(h5, c);
    out->chunked = klass == 2;
    if (klass == 2) return chunked_v1(h5, d, c, n, addr, &out->chunking);
    mwi_h5_skip(c, 4 * (uint64_t)n);
    if (klass == 0) return compact(h5, d, c, 4, out);
    MWI_TRY(mwi_h5_cur_ok(h5, c, "a layout"));
    return direct(h5, d, addr, out);
}

static mw_status read_layout(mwi_h5 *h5, const mwi_h5_dataset *d, layout *out)
{
    mwi_h5_msg m;

    memset(out, 0, sizeof *out);
    MWI_TRY(mwi_h5_unshare(h5, d->layout, &m));
    mwi_h5_cur c = {m.p, m.n, 0, m.addr, false};
    const unsigned version = (unsigned)mwi_h5_take(&c, 1);
    out->chunking.version = version;
    if (version == 1 || version == 2) return layout_v1(h5, d, &c, out);
    const unsigned klass = (unsigned)mwi_h5_take(&c, 1);
    MWI_TRY(mwi_h5_cur_ok(h5, &c, "a layout"));
    if (version < 1 || version > 4 || klass > 2)
        return mwi_fail(h5->ctx, MW_EUNSUPPORTED,
                        "%s+0x%" PRIx64
                        ": layout version %u, class %u%s; allowed are versions 1 to 4, "
                        "classes 0 to 2",
                        h5->r->name, h5->base + m.addr, version, klass,
                        klass == 3 ? " (virtual: made of other files)" : "");
    if (klass == 0) return compact(h5, d, &c, 2, out);
    if (klass == 1) {
        const uint64_t addr = mwi_h5_take_offset(h5, &c);
        MWI_TRY(mwi_h5_cur_ok(h5, &c, "a layout"));
        return direct(h5, d, addr, out);
    }
    out->chunked = true;
    if (version == 4) return chunked_v4(h5, d, &c, &out->chunking);
    const unsigned n = (unsigned)mwi_h5_take(&c, 1);
    const uint64_t addr = mwi_h5_take_offset(h5, &c);
    return chunked_v1(h5, d, &c, n, addr, &out->chunking);
}

/* ---- chunks ---- */

typedef struct gather {
    const mwi_h5_dataset *d;
    const mwi_h5_chunking *k;
    mwi_h5_filters filters;
    uint8_t *out;
    uint8_t *a, *b; /* two buffers of `room` bytes for the filters */
    size_t room;
} gather;

/* Copies the part of a chunk that lies within the dataset, row by row of the last dimension. */
static void place_chunk(const gather *g, const uint64_t *scaled, const uint8_t *p)
{
    const unsigned last = g->k->rank - 1;
    const uint64_t size = g->d->type.size, *const dims = g->d->space.dims,
                   *const chunk = g->k->chunk;
    uint64_t at[MWI_H5_MAX_RANK] = {0}, count[MWI_H5_MAX_RANK];

    for (unsigned i = 0; i <= last; i++) {
        const uint64_t left = dims[i] - scaled[i] * chunk[i];
        count[i] = left < chunk[i] ? left : chunk[i];
    }
    for (;;) {
        uint64_t from = 0, to = 0;
        for (unsigned i = 0; i <= last; i++) {
            from = from * chunk[i] + at[i];
            to = to * dims[i] + scaled[i] * chunk[i] + at[i];
        }
        memcpy(g->out + to * size, p + from * size, (size_t)(count[last] * size));
        unsigned i = last;
        while (i > 0 && ++at[i - 1] == count[i - 1]) at[--i] = 0;
        if (i == 0) return;
    }
}

static mw_status take_chunk(mwi_h5 *h5, void *self, const mwi_h5_chunk *chunk)
{
    const gather *const g = self;
    const mwi_h5_chunking *const k = g->k;
    const uint64_t stored = chunk->bytes == 0 ? k->chunk_bytes : chunk->bytes;
    const uint8_t *p = NULL;
    bool edge = false;

    for (unsigned i = 0; i < k->rank; i++) {
        if (chunk->scaled[i] >= k->grid[i]) return MW_OK; /* left over from before it shrank */
        edge = edge || (chunk->scaled[i] + 1) * k->chunk[i] > g->d->space.dims[i];
    }
    MWI_TRY(mwi_h5_expand(h5, k->chunk_bytes));
    MWI_TRY(mwi_h5_bytes(h5, chunk->addr, stored, "a chunk", &p));
    if (k->filtered && !(edge && k->edges_unfiltered)) {
        MWI_TRY(mwi_h5_unfilter(h5, &g->filters, chunk->skipped, p, (size_t)stored, g->a, g->b,
                                g->room, (size_t)k->chunk_bytes, &p));
    } else if (stored < k->chunk_bytes) {
        return mwi_fail(h5->ctx, MW_EFORMAT,
                        "%s+0x%" PRIx64 ": a chunk of %" PRIu64 " bytes where %" PRIu64 " must be",
                        h5->r->name, h5->base + chunk->addr, stored, k->chunk_bytes);
    }
    place_chunk(g, chunk->scaled, p);
    return MW_OK;
}

static mw_status read_chunks(mwi_h5 *h5, const mwi_h5_dataset *d, const mwi_h5_chunking *k,
                             uint8_t *out)
{
    gather g = {.d = d, .k = k, .out = out};
    void *a = NULL, *b = NULL;
    mw_status st = MW_OK;

    if (mwi_h5_undefined(h5, k->addr)) return MW_OK; /* no chunk was ever written */
    if (k->filtered) {
        /* Deflate may make a little more than it got, Fletcher32 adds 4 bytes. */
        g.room = (size_t)(k->chunk_bytes + k->chunk_bytes / 8 + 256);
        MWI_TRY(mwi_h5_filters_read(h5, d->filters, &g.filters));
        MWI_TRY(mwi_h5_expand(h5, k->chunk_bytes)); /* the buffers themselves */
        MWI_GOTO(mwi_alloc(h5->ctx, g.room, &a));
        MWI_GOTO(mwi_alloc(h5->ctx, g.room, &b));
        g.a = a;
        g.b = b;
    }
    MWI_GOTO(mwi_h5_chunks_walk(h5, k, take_chunk, &g));
out:
    mwi_free(h5->ctx, a, g.room);
    mwi_free(h5->ctx, b, g.room);
    return st;
}

/* ---- reading ---- */

static void to_little_endian(uint8_t *p, size_t n, size_t size)
{
    for (size_t at = 0; at < n; at += size)
        for (size_t i = 0; i < size / 2; i++) {
            const uint8_t t = p[at + i];
            p[at + i] = p[at + size - 1 - i];
            p[at + size - 1 - i] = t;
        }
}

mw_status mwi_h5_dataset_read(mwi_h5 *h5, const mwi_h5_dataset *d, bool borrow, const void **data)
{
    layout l;
    void *memory = NULL;

    *data = NULL;
    if (d->bytes == 0) return MW_OK;
    MWI_TRY(read_layout(h5, d, &l));
    if (l.p != NULL && borrow && !d->type.big_endian && (uintptr_t)l.p % 64 == 0) {
        *data = l.p;
        return MW_OK;
    }
    MWI_TRY(mwi_h5_expand(h5, d->bytes));
    MWI_TRY(mwi_arena_alloc(h5->ctx, h5->arena, d->bytes < 64 ? 64 : (size_t)d->bytes, &memory));
    if (l.p != NULL) {
        memcpy(memory, l.p, (size_t)d->bytes);
    } else {
        MWI_TRY(fill(h5, d, memory));
        if (l.chunked) MWI_TRY(read_chunks(h5, d, &l.chunking, memory));
    }
    if (d->type.big_endian) to_little_endian(memory, (size_t)d->bytes, d->type.size);
    *data = memory;
    return MW_OK;
}
