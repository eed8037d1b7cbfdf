/* base/arena.h - memory by lifetime: many pieces, one release.
 * Depends: base/ctx.  Used by: models, plans, requests.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_BASE_ARENA_H
#define MWI_BASE_ARENA_H

#include "base/ctx.h"

typedef struct mwi_arena_block mwi_arena_block;
/* Holds: (1) every piece is 64-byte aligned when >= 64 bytes, else 16; (2) a piece never moves. */
typedef struct mwi_arena {
    mwi_heap *heap; /* retained */
    mwi_arena_block *blocks;
    uint64_t bytes; /* handed out, for statistics */
} mwi_arena;

void mwi_arena_init(mw_ctx *ctx, mwi_arena *arena);
void mwi_arena_deinit(mwi_arena *arena); /* accepts a zeroed one */
/* Takes back all pieces. One block with room for as much again stays where memory allows, so that
 * what is done over and over soon allocates nothing. */
void mwi_arena_reset(mw_ctx *ctx, mwi_arena *arena);
/* Not cleared. *out is borrowed until deinit; bytes may be 0 (then *out is NULL). */
MW_MUST_USE mw_status mwi_arena_alloc(mw_ctx *ctx, mwi_arena *arena, size_t bytes, void **out);
/* n elements, cleared; the multiplication is checked. */
MW_MUST_USE mw_status mwi_arena_array(mw_ctx *ctx, mwi_arena *arena, size_t n, size_t element_bytes,
                                      void **out);
MW_MUST_USE mw_status mwi_arena_copy(mw_ctx *ctx, mwi_arena *arena, const void *data, size_t bytes,
                                     void **out);
/* Copies n characters and ends them with NUL. */
MW_MUST_USE mw_status mwi_arena_string(mw_ctx *ctx, mwi_arena *arena, const char *text, size_t n,
                                       const char **out);
MW_MUST_USE mw_status mwi_arena_printf(mw_ctx *ctx, mwi_arena *arena, const char **out,
                                       const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Makes room for one more element in an array that lives in an arena: doubles *items when n equals
 * *capacity (the old array stays behind in the arena). items: address of the array pointer. */
MW_MUST_USE mw_status mwi_arena_grow(mw_ctx *ctx, mwi_arena *arena, void *items, size_t n,
                                     size_t *capacity, size_t element_bytes);

#endif
