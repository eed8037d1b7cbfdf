/* formats/keras/hdf5/h5_filter.c - undoing deflate, shuffle and Fletcher32.
 * Depends: base/, zlib.  Used by: h5_dataset.c.
 * Holds:   no filter writes more than `room` bytes.
 * Format:  section IV.A.2.l (filter pipeline).   SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/hdf5/h5.h"

#include <inttypes.h>
#include <string.h>
#include <zlib.h>

enum { DEFLATE = 1, SHUFFLE = 2, FLETCHER32 = 3 };

static const char *filter_name(unsigned id)
{
    switch (id) {
    case 4: return "szip";
    case 5: return "n-bit";
    case 6: return "scale-offset";
    case 32000: return "lzf";
    case 32001: return "blosc";
    case 32004: return "lz4";
    case 32015: return "zstd";
    default: return "unknown";
    }
}

mw_status mwi_h5_filters_read(mwi_h5 *h5, const mwi_h5_msg *msg, mwi_h5_filters *out)
{
    mwi_h5_msg m;

    memset(out, 0, sizeof *out);
    MWI_TRY(mwi_h5_unshare(h5, msg, &m));
    mwi_h5_cur c = {m.p, m.n, 0, m.addr, false};
    const unsigned version = (unsigned)mwi_h5_take(&c, 1);
    out->n = (size_t)mwi_h5_take(&c, 1);
    if (version == 1) mwi_h5_skip(&c, 6);
    MWI_TRY(mwi_h5_cur_ok(h5, &c, "a filter list"));
    if (version < 1 || version > 2 || out->n > MWI_H5_MAX_FILTERS)
        return mwi_fail(h5->ctx, MW_EFORMAT,
                        "%s+0x%" PRIx64
                        ": filter list of version %u with %zu filters, allowed are 1 "
                        "to 2, %d",
                        h5->r->name, h5->base + m.addr, version, out->n, MWI_H5_MAX_FILTERS);
    for (size_t i = 0; i < out->n; i++) {
        const unsigned id = (unsigned)mwi_h5_take(&c, 2);
        uint64_t name = version == 1 || id >= 256 ? mwi_h5_take(&c, 2) : 0;
        mwi_h5_skip(&c, 2); /* flags: optional is meant for writing */
        const unsigned n_values = (unsigned)mwi_h5_take(&c, 2);
        if (version == 1) name = (name + 7) & ~(uint64_t)7;
        mwi_h5_skip(&c, name);
        const uint32_t first = n_values > 0 ? (uint32_t)mwi_h5_take(&c, 4) : 0;
        if (n_values > 1) mwi_h5_skip(&c, 4 * ((uint64_t)n_values - 1));
        if (version == 1 && n_values % 2 != 0) mwi_h5_skip(&c, 4);
        MWI_TRY(mwi_h5_cur_ok(h5, &c, "a filter list"));
        if (id != DEFLATE && id != SHUFFLE && id != FLETCHER32)
            return mwi_fail(h5->ctx, MW_EUNSUPPORTED,
                            "%s+0x%" PRIx64 ": filter %u (%s); read are deflate, shuffle and "
                            "fletcher32: save the model again without it",
                            h5->r->name, h5->base + m.addr, id, filter_name(id));
        out->items[i] = (mwi_h5_filter){id, first};
    }
    return MW_OK;
}

/* ---- deflate ---- */

/* zlib gives no size back when it frees, so each piece keeps its own before it. */
enum { PIECE_HEAD = 64 };

static void *piece_alloc(void *self, uInt n, uInt size)
{
    mwi_h5 *const h5 = self;
    size_t bytes;
    void *memory = NULL;

    if (!mwi_mul(n, size, &bytes) || !mwi_add(bytes, PIECE_HEAD, &bytes) ||
        mwi_alloc(h5->ctx, bytes, &memory) != MW_OK)
        return NULL;
    memcpy(memory, &bytes, sizeof bytes);
    return (uint8_t *)memory + PIECE_HEAD;
}

static void piece_free(void *self, void *p)
{
    mwi_h5 *const h5 = self;
    uint8_t *const memory = (uint8_t *)p - PIECE_HEAD;
    size_t bytes;

    memcpy(&bytes, memory, sizeof bytes);
    mwi_free(h5->ctx, memory, bytes);
}

static mw_status unpack(mwi_h5 *h5, const uint8_t *p, size_t n, uint8_t *out, size_t room,
                        size_t *out_n)
{
    z_stream z = {.zalloc = piece_alloc, .zfree = piece_free, .opaque = h5};

    if (n > UINT_MAX || room > UINT_MAX)
        return mwi_fail(h5->ctx, MW_ELIMIT, "%s: a chunk of over 4 GiB", h5->r->name);
    z.next_in = (Bytef *)(uintptr_t)p; /* zlib does not write there */
    z.avail_in = (uInt)n;
    z.next_out = out;
    z.avail_out = (uInt)room;
    if (inflateInit(&z) != Z_OK)
        return mwi_fail(h5->ctx, MW_ENOMEM, "%s: no memory to unpack a chunk", h5->r->name);
    const int result = inflate(&z, Z_FINISH);
    *out_n = room - z.avail_out;
    (void)inflateEnd(&z);
    if (result == Z_STREAM_END) return MW_OK;
    if (result == Z_MEM_ERROR)
        return mwi_fail(h5->ctx, MW_ENOMEM, "%s: no memory to unpack a chunk", h5->r->name);
    return mwi_fail(h5->ctx, MW_EFORMAT, "%s: a deflated chunk of %zu bytes %s", h5->r->name, n,
                    z.avail_out == 0 ? "unpacks to more than a chunk holds" : "is damaged");
}

/* ---- shuffle: byte i of every element lies together ---- */

static void unshuffle(const uint8_t *p, size_t n, size_t size, uint8_t *out)
{
    const size_t elements = n / size;

    for (size_t i = 0; i < size; i++)
        for (size_t k = 0; k < elements; k++) out[k * size + i] = p[i * elements + k];
    memcpy(out + elements * size, p + elements * size, n - elements * size);
}

/* ---- Fletcher32 ---- */

static mw_status check_sum(mwi_h5 *h5, const uint8_t *p, size_t *n)
{
    if (*n < 4)
        return mwi_fail(h5->ctx, MW_EFORMAT, "%s: a chunk of %zu bytes has no checksum",
                        h5->r->name, *n);
    const uint32_t stored = mwi_le32(p + *n - 4), made = mwi_h5_fletcher32(p, *n - 4);
    /* libhdf5 before 1.6.3 swapped the bytes of each half; it accepts both, so do we. */
    const uint32_t swapped = (made & 0x00ff00ffu) << 8 | (made >> 8 & 0x00ff00ffu);
    if (!mwi_h5_sum_is(made, stored) && stored != swapped)
        return mwi_fail(h5->ctx, MW_EFORMAT,
                        "%s: the checksum of a chunk is 0x%08" PRIx32
                        ", its bytes give 0x%08" PRIx32 "; the file is damaged",
                        h5->r->name, stored, made);
    *n -= 4;
    return MW_OK;
}

mw_status mwi_h5_unfilter(mwi_h5 *h5, const mwi_h5_filters *filters, uint32_t skipped,
                          const uint8_t *p, size_t n, uint8_t *a, uint8_t *b, size_t room,
                          size_t want, const uint8_t **out)
{
    for (size_t i = filters->n; i-- > 0;) {
        const mwi_h5_filter *const f = &filters->items[i];
        uint8_t *const to = p == a ? b : a;
        if ((skipped >> i & 1) != 0) continue;
        if (f->id == FLETCHER32) {
            MWI_TRY(check_sum(h5, p, &n));
        } else if (f->id == DEFLATE) {
            MWI_TRY(unpack(h5, p, n, to, room, &n));
            p = to;
        } else if (f->element_bytes > 1 && n / f->element_bytes > 1) { /* else it changes nothing */
            if (n > room)
                return mwi_fail(h5->ctx, MW_EFORMAT, "%s: a chunk of %zu bytes where %zu must be",
                                h5->r->name, n, want);
            unshuffle(p, n, f->element_bytes, to);
            p = to;
        }
    }
    if (n != want)
        return mwi_fail(h5->ctx, MW_EFORMAT, "%s: a chunk unpacks to %zu bytes where %zu must be",
                        h5->r->name, n, want);
    *out = p;
    return MW_OK;
}
