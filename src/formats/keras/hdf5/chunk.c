/* formats/keras/hdf5/chunk.c - chunked datasets: the index (B-tree 1, single chunk, implicit, fixed array) and the
 * filters deflate, shuffle and fletcher32.
 * Depends: h5.h, zlib.  Used by: data.c.
 * Holds:   a chunk never expands beyond its declared size.     SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/hdf5/h5.h"

#include "base/checked.h"

#include <inttypes.h>
#include <string.h>
#include <zlib.h>

enum { FILTER_DEFLATE = 1, FILTER_SHUFFLE = 2, FILTER_FLETCHER32 = 3, MAX_FILTERS = 8 };

typedef struct job {
    h5_file *f;
    const h5_space *space;
    uint32_t element;
    uint32_t rank;
    uint64_t chunk[H5_MAX_RANK]; /* dimensions of a chunk */
    size_t chunk_bytes;
    uint16_t filters[MAX_FILTERS];
    uint32_t shuffle_size[MAX_FILTERS];
    size_t n_filters;
    uint8_t *out;
    uint8_t *a, *b; /* two buffers of chunk_bytes + 4 */
    size_t n_nodes;
} job;

/* ---- filters ---- */

static mw_status read_filters(job *j, const h5_message *m)
{
    h5_file *const f = j->f;
    uint8_t version = 0, n = 0;
    uint64_t at;

    MWI_TRY(mwi_read_u8(f->ctx, f->r, m->at, "filters", &version));
    MWI_TRY(mwi_read_u8(f->ctx, f->r, m->at + 1, "filters", &n));
    if (version < 1 || version > 2 || n > MAX_FILTERS)
        return mwi_fail(f->ctx, MW_EUNSUPPORTED, "%s: %u filters of version %u", f->r->name, n, version);
    at = m->at + (version == 1 ? 8 : 2);
    for (uint8_t i = 0; i < n; i++) {
        uint16_t id = 0, name = 0, values = 0;
        MWI_TRY(mwi_read_u16(f->ctx, f->r, at, "filter", &id));
        at += 2;
        if (version == 1 || id >= 256) {
            MWI_TRY(mwi_read_u16(f->ctx, f->r, at, "filter", &name));
            at += 2;
        }
        MWI_TRY(mwi_read_u16(f->ctx, f->r, at + 2, "filter", &values));
        at += 4u + (version == 1 ? (name + 7u) & ~7u : name);
        if (id != FILTER_DEFLATE && id != FILTER_SHUFFLE && id != FILTER_FLETCHER32)
            return mwi_fail(f->ctx, MW_EUNSUPPORTED, "%s: filter %u; use gzip", f->r->name, id);
        j->shuffle_size[i] = j->element;
        if (id == FILTER_SHUFFLE && values > 0) MWI_TRY(mwi_read_u32(f->ctx, f->r, at, "filter", &j->shuffle_size[i]));
        at += 4u * values + (version == 1 && values % 2 != 0 ? 4 : 0);
        j->filters[i] = id;
        j->n_filters = i + 1u;
    }
    return MW_OK;
}

static mw_status inflate_chunk(job *j, const uint8_t *in, size_t n, uint8_t *out, size_t *out_n)
{
    uLongf got = (uLongf)j->chunk_bytes + 4;

    if (uncompress(out, &got, in, (uLong)n) != Z_OK)
        return mwi_fail(j->f->ctx, MW_EFORMAT, "%s: a compressed chunk is damaged", j->f->r->name);
    *out_n = got;
    return MW_OK;
}

static void unshuffle(const uint8_t *in, size_t n, size_t element, uint8_t *out)
{
    const size_t count = element == 0 ? 0 : n / element;

    if (count == 0) { /* the element's size comes from the file and may be anything */
        memcpy(out, in, n);
        return;
    }
    for (size_t k = 0; k < element; k++)
        for (size_t i = 0; i < count; i++) out[i * element + k] = in[k * count + i];
    if (count * element < n) memcpy(out + count * element, in + count * element, n - count * element);
}

/* Undoes the filters, the last one first. *out is one of the buffers, or the file's bytes. */
static mw_status unfilter(job *j, const uint8_t *in, size_t n, uint32_t mask, const uint8_t **out, size_t *out_n)
{
    uint8_t *next = j->a;

    for (size_t i = j->n_filters; i-- > 0;) {
        if ((mask >> i & 1) != 0) continue;
        if (j->filters[i] == FILTER_FLETCHER32) {
            n = n < 4 ? 0 : n - 4; /* deflate and our shapes catch damage */
            continue;
        }
        if (j->filters[i] == FILTER_DEFLATE) {
            MWI_TRY(inflate_chunk(j, in, n, next, &n));
        } else {
            if (n > j->chunk_bytes + 4) return mwi_fail(j->f->ctx, MW_EFORMAT, "%s: a chunk is too long", j->f->r->name);
            unshuffle(in, n, j->shuffle_size[i], next);
        }
        in = next;
        next = next == j->a ? j->b : j->a;
    }
    *out = in;
    *out_n = n;
    return MW_OK;
}

/* ---- placing ---- */

/* Copies the part of a chunk that lies inside the dataset, row by row. */
static void place(job *j, const uint64_t *offset, const uint8_t *chunk)
{
    uint64_t at[H5_MAX_RANK] = {0};
    const uint32_t last = j->rank - 1;
    uint64_t width = j->chunk[last];

    for (uint32_t i = 0; i < j->rank; i++)
        if (offset[i] >= j->space->dims[i]) return;
    if (width > j->space->dims[last] - offset[last]) width = j->space->dims[last] - offset[last];
    for (;;) {
        size_t from = 0, to = 0;
        bool inside = true;
        for (uint32_t i = 0; i < j->rank; i++) {
            from = from * (size_t)j->chunk[i] + (size_t)at[i];
            to = to * (size_t)j->space->dims[i] + (size_t)(offset[i] + at[i]);
            inside = inside && offset[i] + at[i] < j->space->dims[i];
        }
        if (inside) memcpy(j->out + to * j->element, chunk + from * j->element, (size_t)width * j->element);
        uint32_t k = last;
        while (k > 0 && ++at[k - 1] == j->chunk[k - 1]) at[--k] = 0;
        if (k == 0) return;
    }
}

static mw_status one_chunk(job *j, const uint64_t *offset, uint64_t address, uint64_t size, uint32_t mask)
{
    h5_file *const f = j->f;
    const uint8_t *p = NULL;
    size_t n;

    if (address == UINT64_MAX) return MW_OK;
    MWI_TRY(h5_work(f, 2 * (uint64_t)j->chunk_bytes + 256));
    if (size > f->r->len) return mwi_fail(f->ctx, MW_EFORMAT, "%s: a chunk of %" PRIu64 " bytes", f->r->name, size);
    MWI_TRY(mwi_read_bytes(f->ctx, f->r, address, size, "chunk", &p));
    MWI_TRY(unfilter(j, p, (size_t)size, mask, &p, &n));
    if (n < j->chunk_bytes)
        return mwi_fail(f->ctx, MW_EFORMAT, "%s+0x%" PRIx64 ": a chunk of %zu bytes, its shape needs %zu", f->r->name,
                        address, n, j->chunk_bytes);
    place(j, offset, p);
    return MW_OK;
}

/* ---- indices ---- */

static mw_status tree_node(job *j, uint64_t at, unsigned depth)
{
    h5_file *const f = j->f;
    const uint64_t key = 8 + 8 * ((uint64_t)j->rank + 1);
    const uint8_t *p = NULL;

    if (++j->n_nodes > H5_MAX_NODES || depth > 32)
        return mwi_fail(f->ctx, MW_ELIMIT, "%s+0x%" PRIx64 ": an index of chunks is too large or turns in a circle",
                        f->r->name, at);
    MWI_TRY(mwi_read_bytes(f->ctx, f->r, at, 8, "index of chunks", &p));
    if (memcmp(p, "TREE", 4) != 0 || p[4] != 1)
        return mwi_fail(f->ctx, MW_EFORMAT, "%s+0x%" PRIx64 ": not an index of chunks", f->r->name, at);
    const uint8_t level = p[5];
    const uint16_t n = mwi_le16(p + 6);
    uint64_t entry = at + 8 + 2 * f->addr_bytes, child, offset[H5_MAX_RANK];
    for (uint16_t i = 0; i < n; i++, entry += key + f->addr_bytes) {
        MWI_TRY(h5_work(f, 64));
        MWI_TRY(h5_address(f, entry + key, "chunk", &child));
        if (child == UINT64_MAX) continue;
        if (level > 0) {
            MWI_TRY(tree_node(j, child, depth + 1));
            continue;
        }
        MWI_TRY(mwi_read_bytes(f->ctx, f->r, entry, key, "chunk", &p));
        for (uint32_t k = 0; k < j->rank; k++) offset[k] = mwi_le64(p + 8 + 8 * k);
        MWI_TRY(one_chunk(j, offset, child, mwi_le32(p), mwi_le32(p + 4)));
    }
    return MW_OK;
}

/* Chunks one after another in C order, none of them filtered. */
static mw_status implicit_index(job *j, uint64_t at)
{
    uint64_t offset[H5_MAX_RANK] = {0};

    for (;; at += j->chunk_bytes) {
        MWI_TRY(one_chunk(j, offset, at, j->chunk_bytes, UINT32_MAX));
        uint32_t k = j->rank;
        while (k > 0) {
            offset[k - 1] += j->chunk[k - 1];
            if (offset[k - 1] < j->space->dims[k - 1]) break;
            offset[--k] = 0;
        }
        if (k == 0) return MW_OK;
    }
}

static mw_status layout_4(job *j, const h5_message *m)
{
    h5_file *const f = j->f;
    uint8_t flags = 0, n = 0, width = 0, index = 0;
    uint64_t at = m->at + 5, address, size = j->chunk_bytes, v;
    uint64_t zero[H5_MAX_RANK] = {0};
    uint32_t mask = 0;

    MWI_TRY(mwi_read_u8(f->ctx, f->r, m->at + 2, "layout", &flags));
    MWI_TRY(mwi_read_u8(f->ctx, f->r, m->at + 3, "layout", &n));
    MWI_TRY(mwi_read_u8(f->ctx, f->r, m->at + 4, "layout", &width));
    for (uint8_t i = 0; i < n; i++, at += width) MWI_TRY(mwi_read_uint(f->ctx, f->r, at, width, "layout", &v));
    MWI_TRY(mwi_read_u8(f->ctx, f->r, at++, "layout", &index));
    if (index == 1) {
        if ((flags & 2) != 0) {
            MWI_TRY(h5_length(f, at, "chunk size", &size));
            MWI_TRY(mwi_read_u32(f->ctx, f->r, at + f->len_bytes, "chunk filters", &mask));
            at += f->len_bytes + 4;
        } else {
            mask = UINT32_MAX;
        }
        MWI_TRY(h5_address(f, at, "chunk", &address));
        return one_chunk(j, zero, address, size, mask);
    }
    if (index == 2) {
        MWI_TRY(h5_address(f, at, "chunks", &address));
        return address == UINT64_MAX ? MW_OK : implicit_index(j, address);
    }
    return mwi_fail(f->ctx, MW_EUNSUPPORTED, "%s: chunks with index %u (libver='latest'); write the file with "
                    "libver='earliest'", f->r->name, index);
}

/* ---- layouts ---- */

static mw_status read_chunk_dims(job *j, const h5_message *m, uint8_t version, uint64_t *out_address)
{
    h5_file *const f = j->f;
    uint8_t n = 0, width = 4;
    uint64_t at;

    *out_address = UINT64_MAX;
    if (version == 4) {
        MWI_TRY(mwi_read_u8(f->ctx, f->r, m->at + 3, "layout", &n));
        MWI_TRY(mwi_read_u8(f->ctx, f->r, m->at + 4, "layout", &width));
        at = m->at + 5;
    } else {
        MWI_TRY(mwi_read_u8(f->ctx, f->r, m->at + (version == 3 ? 2 : 1), "layout", &n));
        at = m->at + (version == 3 ? 3 : 8);
        MWI_TRY(h5_address(f, at, "index of chunks", out_address));
        at += f->addr_bytes;
    }
    if (n < 2 || n - 1u != j->space->rank)
        return mwi_fail(f->ctx, MW_EFORMAT, "%s: chunks of rank %u for a dataset of rank %u", f->r->name, n - 1u,
                        j->space->rank);
    j->rank = j->space->rank;
    j->chunk_bytes = j->element;
    for (uint32_t i = 0; i < j->rank; i++, at += width) {
        MWI_TRY(mwi_read_uint(f->ctx, f->r, at, width, "chunk size", &j->chunk[i]));
        if (j->chunk[i] == 0 || j->chunk[i] > SIZE_MAX || !mwi_mul(j->chunk_bytes, (size_t)j->chunk[i], &j->chunk_bytes) ||
            j->chunk_bytes > mwi_limits(f->ctx)->max_memory_bytes)
            return mwi_fail(f->ctx, MW_ELIMIT, "%s: chunks larger than any memory", f->r->name);
    }
    return MW_OK;
}

mw_status h5_chunks(h5_file *f, const h5_object *dataset, const h5_message *layout, const h5_type *type,
                    const h5_space *space, uint8_t *out, size_t bytes)
{
    job j = {.f = f, .space = space, .element = type->size, .out = out};
    const h5_message *const filters = h5_find(dataset, H5_MSG_FILTERS);
    uint8_t version = 0;
    uint64_t address;
    void *a = NULL, *b = NULL;

    (void)bytes;
    MWI_TRY(mwi_read_u8(f->ctx, f->r, layout->at, "layout", &version));
    MWI_TRY(read_chunk_dims(&j, layout, version, &address));
    if (filters != NULL) MWI_TRY(read_filters(&j, filters));
    /* Chunks much larger than the dataset cost memory and give nothing. */
    if (j.chunk_bytes / 64 > bytes + 65536)
        return mwi_fail(f->ctx, MW_ELIMIT, "%s: chunks of %zu bytes for a dataset of %zu", f->r->name, j.chunk_bytes, bytes);
    MWI_TRY(mwi_alloc(f->ctx, j.chunk_bytes + 4, &a));
    mw_status st = mwi_alloc(f->ctx, j.chunk_bytes + 4, &b);
    j.a = a;
    j.b = b;
    if (st == MW_OK && version == 4) st = layout_4(&j, layout);
    else if (st == MW_OK && address != UINT64_MAX) st = tree_node(&j, address, 0);
    mwi_free(f->ctx, a, j.chunk_bytes + 4);
    mwi_free(f->ctx, b, j.chunk_bytes + 4);
    return st;
}
