/* runtime/memory.c - offsets of activations in one block. Two ways, and the smaller result:
 * largest first into the tightest gap (Pisarchyk and Lee 2020, "greedy by size"), and in order of
 * birth into the tightest gap.
 * Depends: runtime/plan_maker.  Used by: runtime/plan_lifetimes.
 * SPDX-License-Identifier: Apache-2.0 */
#include "runtime/plan_maker.h"

#include "base/checked.h"

#include <stdlib.h>

/* By size looks at all pairs; above this many spans only by birth is tried, which looks at live
 * ones. */
enum { MAX_BY_SIZE = 4096 };

typedef mwi_span *span_ptr;

static int larger_first(const void *a, const void *b)
{
    const mwi_span *const x = *(const span_ptr *)a, *const y = *(const span_ptr *)b;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    if (x->first != y->first) return x->first < y->first ? -1 : 1;
    return x < y ? -1 : 1; /* in the order given, so that a plan is the same everywhere */
}

static int earlier_first(const void *a, const void *b)
{
    const mwi_span *const x = *(const span_ptr *)a, *const y = *(const span_ptr *)b;
    if (x->first != y->first) return x->first < y->first ? -1 : 1;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    return x < y ? -1 : 1;
}

static bool live_together(const mwi_span *a, const mwi_span *b)
{
    return a->first <= b->last && b->first <= a->last;
}

/* The start of the tightest gap among the placed spans, sorted by place, that live with `s`. */
static size_t best_gap(const span_ptr *placed, size_t n, const mwi_span *s)
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
static void insert(span_ptr *placed, size_t n, mwi_span *s)
{
    size_t i = n;

    while (i > 0 && placed[i - 1]->place > s->place) {
        placed[i] = placed[i - 1];
        i--;
    }
    placed[i] = s;
}

/* Keeps those that still live at step `now`. */
static size_t drop_dead(span_ptr *placed, size_t n, int32_t now)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++)
        if (placed[i]->last >= now) placed[kept++] = placed[i];
    return kept;
}

/* Places the spans in the order given; `births`: the order is by `first`, so that the dead are
 * gone. */
static mw_status place_in_order(mw_ctx *ctx, const span_ptr *order, size_t n, bool births,
                                span_ptr *placed, size_t *out_bytes)
{
    size_t n_placed = 0;

    *out_bytes = 0;
    for (size_t i = 0; i < n; i++) {
        size_t end;
        if (births) n_placed = drop_dead(placed, n_placed, order[i]->first);
        order[i]->place = best_gap(placed, n_placed, order[i]);
        if (!mwi_add(order[i]->place, order[i]->bytes, &end))
            return mwi_fail(ctx, MW_ELIMIT, "activations are larger than any memory");
        if (end > *out_bytes) *out_bytes = end;
        insert(placed, n_placed++, order[i]);
    }
    return MW_OK;
}

mw_status mwi_memory_place(mw_ctx *ctx, mwi_arena *scratch, mwi_span *spans, size_t n,
                           size_t *out_bytes)
{
    size_t by_size;
    void *memory;

    *out_bytes = 0;
    if (n == 0) return MW_OK;
    MWI_TRY(mwi_arena_array(ctx, scratch, n, 2 * sizeof(span_ptr), &memory));
    span_ptr *const order = memory, *const placed = order + n;
    for (size_t i = 0; i < n; i++) {
        order[i] = &spans[i];
        if (!mwi_align_up(spans[i].bytes, 64, &spans[i].bytes))
            return mwi_fail(ctx, MW_ELIMIT, "a value of %zu bytes", spans[i].bytes);
    }
    if (n > 1) qsort(order, n, sizeof *order, earlier_first);
    MWI_TRY(place_in_order(ctx, order, n, true, placed, out_bytes));
    if (n < 2 || n > MAX_BY_SIZE) return MW_OK;
    MWI_TRY(mwi_arena_array(ctx, scratch, n, sizeof(size_t), &memory));
    size_t *const by_birth = memory;
    for (size_t i = 0; i < n; i++) by_birth[i] = spans[i].place;
    qsort(order, n, sizeof *order, larger_first);
    MWI_TRY(place_in_order(ctx, order, n, false, placed, &by_size));
    if (by_size <= *out_bytes) {
        *out_bytes = by_size;
        return MW_OK;
    }
    for (size_t i = 0; i < n; i++) spans[i].place = by_birth[i];
    return MW_OK;
}
