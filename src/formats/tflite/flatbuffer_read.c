/* formats/tflite/flatbuffer_read.c - see flatbuffer_read.h.
 * Depends: base/.  Used by: formats/tflite/.
 * Trust:   every byte is hostile.   SPDX-License-Identifier: Apache-2.0 */
#include "formats/tflite/flatbuffer_read.h"

#include <inttypes.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "arrays are used in place: this format needs a little-endian machine"
#endif

/* A file whose parts overlap may be legal (shared strings), but not so much that reading costs more
 * than this many times its length. */
enum { BUDGET_TIMES = 64, BUDGET_LEAST = 1 << 20 };

void mwi_fb_init(mwi_fb *fb, const mwi_reader *r)
{
    fb->r = r;
    fb->budget = (uint64_t)r->len * BUDGET_TIMES + BUDGET_LEAST;
}

static mw_status past_end(mw_ctx *ctx, const mwi_fb *fb, uint64_t at, const char *what)
{
    return mwi_fail(ctx, MW_EFORMAT, "at 0x%" PRIx64 ": %s runs past the end (%zu bytes)", at, what,
                    fb->r->len);
}

static mw_status table_at(mw_ctx *ctx, const mwi_fb *fb, uint64_t at, const char *what,
                          mwi_fb_table *out)
{
    const uint8_t *const bytes = fb->r->bytes;

    memset(out, 0, sizeof *out);
    if (!mwi_reader_has(fb->r, at, 4)) return past_end(ctx, fb, at, what);
    const int64_t vtable = (int64_t)at - (int32_t)mwi_le32(bytes + at);
    if (vtable < 0 || !mwi_reader_has(fb->r, (uint64_t)vtable, 4))
        return mwi_fail(ctx, MW_EFORMAT, "at 0x%" PRIx64 ": %s: its vtable lies outside the file",
                        at, what);
    const uint16_t n = mwi_le16(bytes + vtable);
    if (n < 4 || n % 2 != 0 || !mwi_reader_has(fb->r, (uint64_t)vtable, n))
        return mwi_fail(ctx, MW_EFORMAT,
                        "at 0x%" PRIx64 ": %s: its vtable has %u bytes, allowed even "
                        "numbers from 4 up to the end of the file",
                        at, what, n);
    out->at = at;
    out->vtable = (uint64_t)vtable;
    out->vtable_bytes = n;
    return MW_OK;
}

/* What the offset stored at `at` (4 bytes, proven inside) points to. */
static mw_status follow(mw_ctx *ctx, const mwi_fb *fb, uint64_t at, const char *what, uint64_t *out)
{
    const uint32_t offset = mwi_le32(fb->r->bytes + at);

    *out = at + offset;
    if (offset == 0 || *out >= fb->r->len)
        return mwi_fail(ctx, MW_EFORMAT,
                        "at 0x%" PRIx64 ": offset of %s is %" PRIu32
                        ", allowed 1 to the end of the file",
                        at, what, offset);
    return MW_OK;
}

mw_status mwi_fb_root(mw_ctx *ctx, const mwi_fb *fb, mwi_fb_table *out)
{
    uint64_t at;

    memset(out, 0, sizeof *out);
    if (fb->r->len < 8)
        return mwi_fail(ctx, MW_EFORMAT, "%zu bytes are no FlatBuffer; is the file cut off?",
                        fb->r->len);
    MWI_TRY(follow(ctx, fb, 0, "the root table", &at));
    return table_at(ctx, fb, at, "the root table", out);
}

/* Place of a field of `width` bytes; *out is 0 when the table does not have it. */
static mw_status field_at(mw_ctx *ctx, const mwi_fb *fb, const mwi_fb_table *t, int slot,
                          size_t width, const char *what, uint64_t *out)
{
    const uint32_t entry = 4 + 2 * (uint32_t)slot;

    *out = 0;
    if (t->at == 0 || slot < 0 || entry + 2 > t->vtable_bytes) return MW_OK;
    const uint16_t offset = mwi_le16(fb->r->bytes + t->vtable + entry);
    if (offset == 0) return MW_OK;
    if (offset < 4 || !mwi_reader_has(fb->r, t->at + offset, width))
        return past_end(ctx, fb, t->at + offset, what);
    *out = t->at + offset;
    return MW_OK;
}

mw_status mwi_fb_bits(mw_ctx *ctx, const mwi_fb *fb, const mwi_fb_table *t, int slot,
                      unsigned width, const char *what, uint64_t otherwise, uint64_t *out)
{
    uint64_t at, bits = 0;

    *out = otherwise;
    MWI_TRY(field_at(ctx, fb, t, slot, width, what, &at));
    if (at == 0) return MW_OK;
    memcpy(&bits, fb->r->bytes + at, width);
    *out = bits;
    return MW_OK;
}

mw_status mwi_fb_bool(mw_ctx *ctx, const mwi_fb *fb, const mwi_fb_table *t, int slot,
                      const char *what, bool otherwise, bool *out)
{
    uint64_t bits;
    const mw_status st = mwi_fb_bits(ctx, fb, t, slot, 1, what, otherwise, &bits);

    *out = bits != 0;
    return st;
}

mw_status mwi_fb_i8(mw_ctx *ctx, const mwi_fb *fb, const mwi_fb_table *t, int slot,
                    const char *what, int32_t otherwise, int32_t *out)
{
    uint64_t bits;
    const mw_status st = mwi_fb_bits(ctx, fb, t, slot, 1, what, (uint8_t)otherwise, &bits);

    *out = (int8_t)(uint8_t)bits;
    return st;
}

mw_status mwi_fb_u8(mw_ctx *ctx, const mwi_fb *fb, const mwi_fb_table *t, int slot,
                    const char *what, uint32_t otherwise, uint32_t *out)
{
    uint64_t bits;
    const mw_status st = mwi_fb_bits(ctx, fb, t, slot, 1, what, otherwise, &bits);

    *out = (uint8_t)bits;
    return st;
}

mw_status mwi_fb_i32(mw_ctx *ctx, const mwi_fb *fb, const mwi_fb_table *t, int slot,
                     const char *what, int32_t otherwise, int32_t *out)
{
    uint64_t bits;
    const mw_status st = mwi_fb_bits(ctx, fb, t, slot, 4, what, (uint32_t)otherwise, &bits);

    *out = (int32_t)(uint32_t)bits;
    return st;
}

mw_status mwi_fb_u32(mw_ctx *ctx, const mwi_fb *fb, const mwi_fb_table *t, int slot,
                     const char *what, uint32_t otherwise, uint32_t *out)
{
    uint64_t bits;
    const mw_status st = mwi_fb_bits(ctx, fb, t, slot, 4, what, otherwise, &bits);

    *out = (uint32_t)bits;
    return st;
}

mw_status mwi_fb_u64(mw_ctx *ctx, const mwi_fb *fb, const mwi_fb_table *t, int slot,
                     const char *what, uint64_t otherwise, uint64_t *out)
{
    return mwi_fb_bits(ctx, fb, t, slot, 8, what, otherwise, out);
}

mw_status mwi_fb_f32(mw_ctx *ctx, const mwi_fb *fb, const mwi_fb_table *t, int slot,
                     const char *what, float otherwise, float *out)
{
    uint32_t bits;

    memcpy(&bits, &otherwise, sizeof bits);
    const mw_status st = mwi_fb_u32(ctx, fb, t, slot, what, bits, &bits);
    memcpy(out, &bits, sizeof bits);
    return st;
}

mw_status mwi_fb_table_field(mw_ctx *ctx, const mwi_fb *fb, const mwi_fb_table *t, int slot,
                             const char *what, mwi_fb_table *out)
{
    uint64_t at;

    memset(out, 0, sizeof *out);
    MWI_TRY(field_at(ctx, fb, t, slot, 4, what, &at));
    if (at == 0) return MW_OK;
    MWI_TRY(follow(ctx, fb, at, what, &at));
    return table_at(ctx, fb, at, what, out);
}

static mw_status vector(mw_ctx *ctx, const mwi_fb *fb, const mwi_fb_table *t, int slot,
                        size_t element_bytes, const char *what, mwi_fb_vector *out)
{
    uint64_t at;

    memset(out, 0, sizeof *out);
    MWI_TRY(field_at(ctx, fb, t, slot, 4, what, &at));
    if (at == 0) return MW_OK;
    MWI_TRY(follow(ctx, fb, at, what, &at));
    if (!mwi_reader_has(fb->r, at, 4)) return past_end(ctx, fb, at, what);
    const uint32_t n = mwi_le32(fb->r->bytes + at);
    if (!mwi_reader_has(fb->r, at + 4, (uint64_t)n * element_bytes))
        return mwi_fail(ctx, MW_EFORMAT,
                        "at 0x%" PRIx64 ": %s has %" PRIu32 " elements of %zu bytes; the "
                        "file ends before them",
                        at, what, n, element_bytes);
    out->at = at + 4;
    out->n = n;
    return MW_OK;
}

static mw_status spend(mw_ctx *ctx, mwi_fb *fb, uint64_t bytes)
{
    if (bytes > fb->budget)
        return mwi_fail(ctx, MW_ELIMIT,
                        "its parts overlap so much that reading them takes more than %d "
                        "times its length",
                        BUDGET_TIMES);
    fb->budget -= bytes;
    return MW_OK;
}

mw_status mwi_fb_vector_field(mw_ctx *ctx, mwi_fb *fb, const mwi_fb_table *t, int slot,
                              size_t element_bytes, const char *what, mwi_fb_vector *out)
{
    MWI_TRY(vector(ctx, fb, t, slot, element_bytes, what, out));
    return spend(ctx, fb, (uint64_t)out->n * element_bytes);
}

mw_status mwi_fb_blob_field(mw_ctx *ctx, const mwi_fb *fb, const mwi_fb_table *t, int slot,
                            const char *what, mwi_fb_vector *out)
{
    return vector(ctx, fb, t, slot, 1, what, out);
}

mw_status mwi_fb_vector_table(mw_ctx *ctx, const mwi_fb *fb, const mwi_fb_vector *v, size_t i,
                              const char *what, mwi_fb_table *out)
{
    uint64_t at;

    MWI_ASSERT(i < v->n);
    memset(out, 0, sizeof *out);
    MWI_TRY(follow(ctx, fb, v->at + 4 * (uint64_t)i, what, &at));
    return table_at(ctx, fb, at, what, out);
}

mw_status mwi_fb_string(mw_ctx *ctx, mwi_fb *fb, mwi_arena *arena, const mwi_fb_table *t, int slot,
                        const char *what, const char **out)
{
    mwi_fb_vector v;

    *out = NULL;
    MWI_TRY(mwi_fb_vector_field(ctx, fb, t, slot, 1, what, &v));
    if (v.at == 0) return MW_OK;
    const uint8_t *const s = fb->r->bytes + v.at;
    if (mwi_reader_has(fb->r, v.at + v.n, 1) && s[v.n] == 0) {
        *out = (const char *)s;
        return MW_OK;
    }
    return mwi_arena_string(ctx, arena, (const char *)s, v.n, out);
}

mw_status mwi_fb_array(mw_ctx *ctx, const mwi_fb *fb, mwi_arena *arena, const mwi_fb_vector *v,
                       size_t element_bytes, const void **out)
{
    const uint8_t *const p = fb->r->bytes + v->at;
    void *copy;

    *out = NULL;
    if (v->n == 0) return MW_OK;
    if ((uintptr_t)p % element_bytes == 0) {
        *out = p;
        return MW_OK;
    }
    MWI_TRY(mwi_arena_copy(ctx, arena, p, v->n * element_bytes, &copy));
    *out = copy;
    return MW_OK;
}
