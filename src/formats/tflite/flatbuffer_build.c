/* formats/tflite/flatbuffer_build.c - see flatbuffer_build.h.
 * Depends: base/.  Used by: formats/tflite/write_*.   SPDX-License-Identifier: Apache-2.0 */
#include "formats/tflite/flatbuffer_build.h"

#include "base/checked.h"

#include <string.h>

void mwi_fbb_init(mw_ctx *ctx, mwi_fbb *b)
{
    memset(b, 0, sizeof *b);
    mwi_arena_init(ctx, &b->arena);
}

void mwi_fbb_deinit(mw_ctx *ctx, mwi_fbb *b)
{
    mwi_free(ctx, b->bytes, b->capacity);
    mwi_arena_deinit(&b->arena);
    memset(b, 0, sizeof *b);
}

/* ---- room ---- */

static mw_status reserve(mw_ctx *ctx, mwi_fbb *b, size_t more)
{
    size_t need, capacity = b->capacity;
    void *bigger;

    if (!mwi_add(b->n, more, &need) || need > MWI_FBB_MAX_BYTES)
        return mwi_fail(ctx, MW_ELIMIT, "the model without its constants is larger than %zu bytes",
                        MWI_FBB_MAX_BYTES);
    if (need <= capacity) return MW_OK;
    if (capacity == 0) capacity = 4096;
    while (capacity < need) capacity *= 2;
    MWI_TRY(mwi_alloc(ctx, capacity, &bigger));
    if (b->n != 0) memcpy(bigger, b->bytes, b->n);
    mwi_free(ctx, b->bytes, b->capacity);
    b->bytes = bigger;
    b->capacity = capacity;
    return MW_OK;
}

/* Appends zeros until n % align == remainder. */
static mw_status pad(mw_ctx *ctx, mwi_fbb *b, size_t align, size_t remainder)
{
    const size_t more = (remainder + align - b->n % align) % align;

    MWI_TRY(reserve(ctx, b, more));
    if (more != 0) memset(b->bytes + b->n, 0, more);
    b->n += more;
    return MW_OK;
}

static mw_status append(mw_ctx *ctx, mwi_fbb *b, const void *data, size_t bytes)
{
    MWI_TRY(reserve(ctx, b, bytes));
    if (bytes != 0) memcpy(b->bytes + b->n, data, bytes);
    b->n += bytes;
    return MW_OK;
}

static void put_u32(mwi_fbb *b, size_t at, uint32_t value)
{
    for (int i = 0; i < 4; i++) b->bytes[at + i] = (uint8_t)(value >> 8 * i);
}

void mwi_fbb_point(mwi_fbb *b, size_t from, size_t to) { put_u32(b, from, (uint32_t)(to - from)); }

void mwi_fbb_patch_u64(mwi_fbb *b, size_t at, uint64_t value)
{
    put_u32(b, at, (uint32_t)value);
    put_u32(b, at + 4, (uint32_t)(value >> 32));
}

mw_status mwi_fbb_start(mw_ctx *ctx, mwi_fbb *b, const char *identifier)
{
    MWI_TRY(append(ctx, b, "\0\0\0\0", 4));
    return append(ctx, b, identifier, 4);
}

/* ---- tables ---- */

static void put(mwi_fbb_table *t, int slot, unsigned width, uint64_t bits)
{
    MWI_ASSERT(slot >= 0 && slot < MWI_FBB_SLOTS);
    if (slot < 0 || slot >= MWI_FBB_SLOTS) return;
    t->width[slot] = (uint8_t)width;
    t->bits[slot] = bits;
    if (t->n_slots <= slot) t->n_slots = slot + 1;
}

void mwi_fbb_u8(mwi_fbb_table *t, int slot, uint32_t value) { put(t, slot, 1, (uint8_t)value); }
void mwi_fbb_u32(mwi_fbb_table *t, int slot, uint32_t value) { put(t, slot, 4, value); }
void mwi_fbb_i32(mwi_fbb_table *t, int slot, int32_t value) { put(t, slot, 4, (uint32_t)value); }
void mwi_fbb_u64(mwi_fbb_table *t, int slot, uint64_t value) { put(t, slot, 8, value); }
void mwi_fbb_ref(mwi_fbb_table *t, int slot) { put(t, slot, 4, 0); }

void mwi_fbb_f32(mwi_fbb_table *t, int slot, float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof bits);
    put(t, slot, 4, bits);
}

/* Gives each field its place behind the table's own 4 bytes, wide ones first so that none needs
 * padding. */
static size_t lay_out(mwi_fbb_table *t, uint8_t *vtable)
{
    static const unsigned widths[] = {8, 4, 1};
    size_t end = 4;

    for (size_t w = 0; w < MWI_COUNT(widths); w++) {
        for (int s = 0; s < t->n_slots; s++) {
            if (t->width[s] != widths[w]) continue;
            vtable[4 + 2 * s] = (uint8_t)end;
            vtable[5 + 2 * s] = (uint8_t)(end >> 8);
            t->at[s] = end;
            end += widths[w];
        }
    }
    return end;
}

static mw_status write_vtable(mw_ctx *ctx, mwi_fbb *b, const uint8_t *vtable, size_t n,
                              size_t *out_at)
{
    for (size_t i = b->n_vtables; i-- > 0;) {
        *out_at = b->vtables[i].at;
        if (b->vtables[i].n == n && memcmp(b->bytes + *out_at, vtable, n) == 0) return MW_OK;
    }
    MWI_TRY(pad(ctx, b, 2, 0));
    MWI_TRY(mwi_arena_grow(ctx, &b->arena, &b->vtables, b->n_vtables, &b->vtables_capacity,
                           sizeof *b->vtables));
    *out_at = b->n;
    b->vtables[b->n_vtables].at = (uint32_t)b->n;
    b->vtables[b->n_vtables++].n = (uint32_t)n;
    return append(ctx, b, vtable, n);
}

mw_status mwi_fbb_write(mw_ctx *ctx, mwi_fbb *b, size_t from, mwi_fbb_table *t)
{
    uint8_t vtable[4 + 2 * MWI_FBB_SLOTS] = {0};
    const size_t n = 4 + 2 * (size_t)t->n_slots, end = lay_out(t, vtable);
    size_t vtable_at;
    bool wide = false;

    vtable[0] = (uint8_t)n;
    vtable[2] = (uint8_t)end;
    vtable[3] = (uint8_t)(end >> 8);
    MWI_TRY(write_vtable(ctx, b, vtable, n, &vtable_at));
    for (int s = 0; s < t->n_slots; s++) wide |= t->width[s] == 8;
    MWI_TRY(pad(ctx, b, wide ? 8 : 4, wide ? 4 : 0));
    MWI_TRY(reserve(ctx, b, end));
    const size_t at = b->n;
    memset(b->bytes + at, 0, end);
    b->n += end;
    put_u32(b, at, (uint32_t)(at - vtable_at));
    for (int s = 0; s < t->n_slots; s++) {
        t->at[s] += at;
        for (unsigned i = 0; i < t->width[s]; i++)
            b->bytes[t->at[s] + i] = (uint8_t)(t->bits[s] >> 8 * i);
    }
    mwi_fbb_point(b, from, at);
    return MW_OK;
}

/* ---- vectors ---- */

static mw_status begin_vector(mw_ctx *ctx, mwi_fbb *b, size_t from, size_t n, size_t element_bytes)
{
    const size_t align = element_bytes > 4 ? element_bytes : 4;
    const uint8_t zero[4] = {0};

    if (n > MWI_FBB_MAX_BYTES)
        return mwi_fail(ctx, MW_ELIMIT, "a vector of %zu elements, limit %zu", n,
                        MWI_FBB_MAX_BYTES);
    MWI_TRY(pad(ctx, b, align, align - 4));
    mwi_fbb_point(b, from, b->n);
    MWI_TRY(append(ctx, b, zero, 4));
    put_u32(b, b->n - 4, (uint32_t)n);
    return MW_OK;
}

mw_status mwi_fbb_vector(mw_ctx *ctx, mwi_fbb *b, size_t from, const void *elements, size_t n,
                         size_t element_bytes)
{
    MWI_TRY(begin_vector(ctx, b, from, n, element_bytes));
    return append(ctx, b, elements, n * element_bytes);
}

mw_status mwi_fbb_string(mw_ctx *ctx, mwi_fbb *b, size_t from, const char *text)
{
    const size_t n = strlen(text);

    MWI_TRY(begin_vector(ctx, b, from, n, 1));
    return append(ctx, b, text, n + 1);
}

mw_status mwi_fbb_refs(mw_ctx *ctx, mwi_fbb *b, size_t from, size_t n, size_t *out_first)
{
    MWI_TRY(begin_vector(ctx, b, from, n, 4));
    MWI_TRY(reserve(ctx, b, 4 * n));
    *out_first = b->n;
    if (n != 0) memset(b->bytes + b->n, 0, 4 * n);
    b->n += 4 * n;
    return MW_OK;
}
