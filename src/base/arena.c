/* base/arena.c - blocks of doubling size, bump allocation inside.
 * Depends: base/ctx, base/checked.  Used by: models, plans, requests.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include "base/checked.h"

#include <stdio.h>
#include <string.h>

enum { MIN_BLOCK = 4096, MAX_BLOCK = 1 << 20, HEADER = 64 };

struct mwi_arena_block {
    mwi_arena_block *next;
    size_t bytes; /* of the block, header included */
    size_t used;
};
_Static_assert(sizeof(mwi_arena_block) <= HEADER, "the header keeps pieces aligned");

void mwi_arena_init(mw_ctx *ctx, mwi_arena *arena)
{
    memset(arena, 0, sizeof *arena);
    arena->heap = mwi_heap_retain(ctx);
}

static void free_blocks(mwi_arena *arena)
{
    for (mwi_arena_block *b = arena->blocks; b != NULL;) {
        mwi_arena_block *const next = b->next;
        mwi_heap_free(arena->heap, b, b->bytes);
        b = next;
    }
    arena->blocks = NULL;
    arena->bytes = 0;
}

void mwi_arena_deinit(mwi_arena *arena)
{
    free_blocks(arena);
    mwi_heap_release(arena->heap);
    memset(arena, 0, sizeof *arena);
}

static mw_status add_block(mw_ctx *ctx, mwi_arena *arena, size_t bytes)
{
    size_t want = arena->blocks == NULL ? MIN_BLOCK : arena->blocks->bytes * 2, need;
    void *memory;

    if (want > MAX_BLOCK) want = MAX_BLOCK;
    if (!mwi_add(bytes, HEADER, &need))
        return mwi_fail(ctx, MW_ELIMIT, "a piece of %zu bytes is too large", bytes);
    if (want < need) want = need;
    MWI_TRY(mwi_heap_alloc(ctx, arena->heap, want, &memory));
    mwi_arena_block *const b = memory;
    b->bytes = want;
    b->used = HEADER;
    /* A piece that fills its block must not hide the room that the present block still has. */
    if (want == need && arena->blocks != NULL) {
        b->next = arena->blocks->next;
        b->used = want;
        arena->blocks->next = b;
    } else {
        b->next = arena->blocks;
        arena->blocks = b;
    }
    return MW_OK;
}

void mwi_arena_reset(mw_ctx *ctx, mwi_arena *arena)
{
    size_t room = 0;
    mwi_error error;

    if (arena->blocks == NULL) return;
    if (arena->blocks->next == NULL) {
        arena->blocks->used = HEADER;
        arena->bytes = 0;
        return;
    }
    for (const mwi_arena_block *b = arena->blocks; b != NULL; b = b->next)
        room += b->bytes; /* all of it is in memory at once: no overflow */
    free_blocks(arena);
    mwi_error_save(ctx, &error);
    (void)!add_block(ctx, arena, room);
    mwi_error_restore(ctx, &error);
}

mw_status mwi_arena_alloc(mw_ctx *ctx, mwi_arena *arena, size_t bytes, void **out)
{
    const size_t align = bytes >= 64 ? 64 : 16;
    mwi_arena_block *b = arena->blocks;
    size_t at;

    *out = NULL;
    if (bytes == 0) return MW_OK;
    if (b != NULL && mwi_align_up(b->used, align, &at) && at <= b->bytes &&
        bytes <= b->bytes - at) {
        b->used = at + bytes;
        *out = (char *)b + at;
    } else {
        mwi_arena_block *const before = b;
        MWI_TRY(add_block(ctx, arena, bytes));
        b = arena->blocks;
        if (b == before) { /* a block of its own, second in the list */
            *out = (char *)b->next + HEADER;
        } else {
            *out = (char *)b + HEADER;
            b->used = HEADER + bytes;
        }
    }
    arena->bytes += bytes;
    return MW_OK;
}

mw_status mwi_arena_array(mw_ctx *ctx, mwi_arena *arena, size_t n, size_t element_bytes, void **out)
{
    size_t bytes;

    *out = NULL;
    if (!mwi_mul(n, element_bytes, &bytes))
        return mwi_fail(ctx, MW_ELIMIT, "an array of %zu elements is too large", n);
    MWI_TRY(mwi_arena_alloc(ctx, arena, bytes, out));
    if (bytes != 0) memset(*out, 0, bytes);
    return MW_OK;
}

mw_status mwi_arena_copy(mw_ctx *ctx, mwi_arena *arena, const void *data, size_t bytes, void **out)
{
    MWI_TRY(mwi_arena_alloc(ctx, arena, bytes, out));
    if (bytes != 0) memcpy(*out, data, bytes);
    return MW_OK;
}

mw_status mwi_arena_string(mw_ctx *ctx, mwi_arena *arena, const char *text, size_t n,
                           const char **out)
{
    void *memory;
    size_t bytes;

    *out = "";
    if (!mwi_add(n, 1, &bytes)) return mwi_fail(ctx, MW_ELIMIT, "a string of %zu bytes", n);
    MWI_TRY(mwi_arena_alloc(ctx, arena, bytes, &memory));
    char *const s = memory;
    MWI_ASSERT(s != NULL);
    if (n != 0) memcpy(s, text, n);
    s[n] = '\0';
    *out = s;
    return MW_OK;
}

mw_status mwi_arena_printf(mw_ctx *ctx, mwi_arena *arena, const char **out, const char *format, ...)
{
    va_list args, again;
    void *memory = NULL;
    mw_status st = MW_OK;

    *out = "";
    va_start(args, format);
    va_copy(again, args);
    const int n = vsnprintf(NULL, 0, format, args);
    if (n < 0) st = mwi_fail(ctx, MW_EINVAL, "text cannot be formatted");
    if (st == MW_OK) st = mwi_arena_alloc(ctx, arena, (size_t)n + 1, &memory);
    if (st == MW_OK) {
        (void)vsnprintf(memory, (size_t)n + 1, format, again);
        *out = memory;
    }
    va_end(again);
    va_end(args);
    return st;
}

mw_status mwi_arena_grow(mw_ctx *ctx, mwi_arena *arena, void *items, size_t n, size_t *capacity,
                         size_t element_bytes)
{
    size_t wanted;
    void *bigger, *old;

    if (n < *capacity) return MW_OK;
    if (!mwi_mul(*capacity == 0 ? 4 : *capacity, *capacity == 0 ? 1 : 2, &wanted))
        return mwi_fail(ctx, MW_ELIMIT, "an array of %zu elements is too large", n);
    MWI_TRY(mwi_arena_array(ctx, arena, wanted, element_bytes, &bigger));
    MWI_ASSERT(bigger != NULL);
    memcpy(&old, items, sizeof old);
    if (n != 0) memcpy(bigger, old, n * element_bytes);
    memcpy(items, &bigger, sizeof bigger);
    *capacity = wanted;
    return MW_OK;
}
