/* model/packs.c - a table of packs by key, behind a lock.
 * Depends: model/packs, model/op_desc, pthreads.  Used by: kernels, through mwi_pack.
 * Holds:   (1) all is read and written under `lock`;  (2) a pack never moves or changes.
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/packs.h"

#include "model/op_desc.h"

#include <pthread.h>
#include <string.h>

enum { MIN_SLOTS = 64 };

typedef struct pack {
    struct pack *next; /* in its slot */
    mwi_pack_key key;
    void *bytes;
} pack;

struct mwi_packs {
    mwi_arena arena;
    pthread_mutex_t lock;
    pack **slots; /* a power of two of them */
    size_t n_slots, n;
    uint64_t bytes;
};

mw_status mwi_packs_create(mw_ctx *ctx, mwi_packs **out)
{
    void *memory;

    *out = NULL;
    MWI_TRY(mwi_alloc(ctx, sizeof(mwi_packs), &memory));
    memset(memory, 0, sizeof(mwi_packs));
    *out = memory;
    mwi_arena_init(ctx, &(*out)->arena);
    (void)pthread_mutex_init(&(*out)->lock, NULL);
    return MW_OK;
}

void mwi_packs_destroy(mwi_packs *packs)
{
    if (packs == NULL) return;
    mwi_arena arena = packs->arena;
    (void)pthread_mutex_destroy(&packs->lock);
    /* The arena holds a reference to the heap: it goes last. */
    mwi_heap_free(arena.heap, packs, sizeof *packs);
    mwi_arena_deinit(&arena);
}

static size_t slot_of(const mwi_pack_key *k, size_t n_slots)
{
    const uint64_t parts[] = {(uint64_t)(uintptr_t)k->tensor, (uint64_t)(uintptr_t)k->data,
                              (uint64_t)k->p0, (uint64_t)k->p1, k->bytes};
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a, by words */

    for (size_t i = 0; i < MWI_COUNT(parts); i++) {
        hash = (hash ^ parts[i]) * 0x100000001b3u;
        hash ^= hash >> 29;
    }
    return (size_t)hash & (n_slots - 1);
}

static bool same(const mwi_pack_key *a, const mwi_pack_key *b)
{
    return a->tensor == b->tensor && a->data == b->data && a->p0 == b->p0 && a->p1 == b->p1 &&
           a->bytes == b->bytes && strcmp(a->kind, b->kind) == 0;
}

/* Twice the slots when packs are as many as slots. The old ones stay behind in the arena. */
static mw_status grow(mw_ctx *ctx, mwi_packs *packs)
{
    const size_t n = packs->n_slots == 0 ? MIN_SLOTS : packs->n_slots * 2;
    void *memory;

    if (packs->n < packs->n_slots) return MW_OK;
    MWI_TRY(mwi_arena_array(ctx, &packs->arena, n, sizeof(pack *), &memory));
    pack **const slots = memory;
    for (size_t i = 0; i < packs->n_slots; i++)
        for (pack *p = packs->slots[i]; p != NULL;) {
            pack *const next = p->next;
            const size_t at = slot_of(&p->key, n);
            p->next = slots[at];
            slots[at] = p;
            p = next;
        }
    packs->slots = slots;
    packs->n_slots = n;
    return MW_OK;
}

static mw_status add(mw_ctx *ctx, mwi_packs *packs, const mwi_pack_key *key, mwi_pack_fn fill,
                     const void *arg, const void **out)
{
    void *memory;

    MWI_TRY(grow(ctx, packs));
    MWI_TRY(mwi_arena_array(ctx, &packs->arena, 1, sizeof(pack), &memory));
    pack *const p = memory;
    /* At least 64 bytes, which is what makes it aligned to as many. */
    MWI_TRY(mwi_arena_alloc(ctx, &packs->arena, key->bytes < 64 ? 64 : key->bytes, &p->bytes));
    fill(arg, p->bytes);
    p->key = *key;
    const size_t at = slot_of(key, packs->n_slots);
    p->next = packs->slots[at];
    packs->slots[at] = p;
    packs->n++;
    packs->bytes += key->bytes;
    *out = p->bytes;
    return MW_OK;
}

static const void *find(const mwi_packs *packs, const mwi_pack_key *key)
{
    if (packs->n_slots == 0) return NULL;
    for (const pack *p = packs->slots[slot_of(key, packs->n_slots)]; p != NULL; p = p->next)
        if (same(&p->key, key)) return p->bytes;
    return NULL;
}

mw_status mwi_packs_get(mw_ctx *ctx, mwi_packs *packs, const mwi_pack_key *key, mwi_pack_fn fill,
                        const void *arg, const void **out)
{
    (void)pthread_mutex_lock(&packs->lock);
    *out = find(packs, key);
    const mw_status st = *out != NULL ? MW_OK : add(ctx, packs, key, fill, arg, out);
    (void)pthread_mutex_unlock(&packs->lock);
    return st;
}

uint64_t mwi_packs_bytes(mwi_packs *packs)
{
    (void)pthread_mutex_lock(&packs->lock);
    const uint64_t bytes = packs->bytes;
    (void)pthread_mutex_unlock(&packs->lock);
    return bytes;
}

mw_status mwi_pack(mw_ctx *ctx, mwi_prepare_call *call, const char *kind, const mwi_view *view,
                   int64_t p0, int64_t p1, size_t bytes, mwi_pack_fn fill, const void *arg,
                   const void **out)
{
    void *memory;

    if (call->packs != NULL && view->fixed) {
        const mwi_pack_key key = {.kind = kind,
                                  .tensor = view->tensor,
                                  .data = view->tensor->data,
                                  .p0 = p0,
                                  .p1 = p1,
                                  .bytes = bytes};
        return mwi_packs_get(ctx, call->packs, &key, fill, arg, out);
    }
    MWI_TRY(mwi_arena_alloc(ctx, call->arena, bytes < 64 ? 64 : bytes, &memory));
    fill(arg, memory);
    *out = memory;
    return MW_OK;
}
