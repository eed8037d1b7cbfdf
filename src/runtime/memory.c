/* runtime/memory.c - offsets of activations in one block: largest first, into the tightest gap that fits.
 * Depends: runtime/plan.  Used by: runtime/plan.   SPDX-License-Identifier: Apache-2.0 */
#include "runtime/plan.h"

#include "base/checked.h"

#include <stdlib.h>

static int larger_first(const void *a, const void *b)
{
    const mwi_span *const x = *(mwi_span *const *)a, *const y = *(mwi_span *const *)b;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    if (x->first != y->first) return x->first < y->first ? -1 : 1;
    return x < y ? -1 : 1; /* in the order given, so that a plan is the same everywhere */
}

static bool live_together(const mwi_span *a, const mwi_span *b)
{
    return a->first <= b->last && b->first <= a->last;
}

/* The start of the tightest gap among the placed spans, sorted by place, that live with `s`. */
static size_t best_gap(mwi_span *const *placed, size_t n, const mwi_span *s)
{
    size_t end = 0, best = SIZE_MAX, best_size = SIZE_MAX;

    for (size_t i = 0; i < n; i++) {
        const mwi_span *const p = placed[i];
        if (!live_together(p, s)) continue;
        if (p->place > end && p->place - end >= s->bytes && p->place - end < best_size) {
            best = end;
            best_size = p->place - end;
        }
        if (p->place + p->bytes > end) end = p->place + p->bytes;
    }
    return best == SIZE_MAX ? end : best;
}

/* Inserts by place. */
static void insert(mwi_span **placed, size_t n, mwi_span *s)
{
    size_t i = n;

    while (i > 0 && placed[i - 1]->place > s->place) {
        placed[i] = placed[i - 1];
        i--;
    }
    placed[i] = s;
}

mw_status mwi_memory_place(mw_ctx *ctx, mwi_arena *scratch, mwi_span *spans, size_t n, size_t *out_bytes)
{
    void *memory;

    *out_bytes = 0;
    MWI_TRY(mwi_arena_array(ctx, scratch, n, sizeof(mwi_span *), &memory));
    mwi_span **const order = memory;
    MWI_TRY(mwi_arena_array(ctx, scratch, n, sizeof(mwi_span *), &memory));
    mwi_span **const placed = memory;
    for (size_t i = 0; i < n; i++) {
        order[i] = &spans[i];
        if (!mwi_align_up(spans[i].bytes, 64, &spans[i].bytes))
            return mwi_fail(ctx, MW_ELIMIT, "a value of %zu bytes", spans[i].bytes);
    }
    if (n > 1) qsort(order, n, sizeof *order, larger_first);
    for (size_t i = 0; i < n; i++) {
        size_t end;
        order[i]->place = best_gap(placed, i, order[i]);
        if (!mwi_add(order[i]->place, order[i]->bytes, &end))
            return mwi_fail(ctx, MW_ELIMIT, "activations are larger than any memory");
        if (end > *out_bytes) *out_bytes = end;
        insert(placed, i, order[i]);
    }
#if defined(MWI_DEBUG)
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < i; k++)
            MWI_ASSERT(!live_together(&spans[i], &spans[k]) ||
                       spans[i].place + spans[i].bytes <= spans[k].place ||
                       spans[k].place + spans[k].bytes <= spans[i].place);
#endif
    return MW_OK;
}
