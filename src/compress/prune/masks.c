/* compress/prune/masks.c - see masks.h. Thresholds are found without sorting: magnitudes are
 * non-negative floats, whose bits are in their order, so that two histograms of 16 bits each give
 * the threshold to the bit.
 * Depends: base/.  Used by: compress/prune.   SPDX-License-Identifier: Apache-2.0 */
#include "compress/prune/masks.h"

#include <math.h>
#include <string.h>

/* ---- units ---- */

/* A mask as units that become zero together. */
typedef struct units {
    size_t n;
    uint32_t *of;   /* of each weight: its unit; NULL: each is its own */
    float *score;   /* mean magnitude */
    uint32_t *size; /* weights; NULL: 1 */
    uint8_t *stays; /* by unit */
} units;

static size_t blocks_of(int32_t dim, size_t block) { return ((size_t)dim + block - 1) / block; }

bool mwi_structure_fits(const mwi_structure_desc *s, const mwi_weight_axes *a)
{
    return (s->block_in == 1 && s->block_out == 1) || a->in_axis >= 0;
}

/* The block of each weight. Blocks are counted by output block, then position in the window, then
 * input block: the members of one keep their order. */
static size_t map_blocks(const mwi_weight_axes *a, size_t block_out, size_t block_in, uint32_t *of)
{
    const size_t n_in = blocks_of(a->dims[a->in_axis], block_in);
    const size_t n_out = blocks_of(a->dims[a->out_axis], block_out);
    size_t n_positions = 1;
    int32_t at[MW_MAX_RANK] = {0};

    for (int32_t d = 0; d < a->rank; d++)
        if (d != a->out_axis && d != a->in_axis) n_positions *= (size_t)a->dims[d];
    for (size_t i = 0; i < a->n; i++) {
        size_t position = 0;
        for (int32_t d = 0; d < a->rank; d++)
            if (d != a->out_axis && d != a->in_axis)
                position = position * (size_t)a->dims[d] + (size_t)at[d];
        const size_t out = (size_t)at[a->out_axis] / block_out;
        const size_t in = (size_t)at[a->in_axis] / block_in;
        of[i] = (uint32_t)((out * n_positions + position) * n_in + in);
        for (int32_t d = a->rank - 1; d >= 0 && ++at[d] == a->dims[d]; d--) at[d] = 0;
    }
    return n_out * n_positions * n_in;
}

static mw_status make_units(mw_ctx *ctx, mwi_arena *arena, const mwi_structure_desc *s,
                            const mwi_mask *m, units *out)
{
    const size_t n = m->axes->n;
    void *memory;

    memset(out, 0, sizeof *out);
    out->n = n;
    if (n > UINT32_MAX) return mwi_fail(ctx, MW_ELIMIT, "a kernel of %zu weights", n);
    if (s->block_out * s->block_in > 1) {
        MWI_TRY(mwi_arena_array(ctx, arena, n, sizeof *out->of, &memory));
        out->of = memory;
        out->n = n == 0 ? 0 : map_blocks(m->axes, s->block_out, s->block_in, out->of);
        MWI_TRY(mwi_arena_array(ctx, arena, out->n, sizeof *out->size, &memory));
        out->size = memory;
    }
    MWI_TRY(mwi_arena_array(ctx, arena, out->n, sizeof *out->score, &memory));
    out->score = memory;
    MWI_TRY(mwi_arena_array(ctx, arena, out->n, 1, &memory));
    out->stays = memory;
    memset(out->stays, 1, out->n);
    for (size_t i = 0; i < n; i++) {
        const size_t u = out->of == NULL ? i : out->of[i];
        out->score[u] += fabsf(m->values[i]);
        if (out->size != NULL) out->size[u]++;
    }
    for (size_t u = 0; u < out->n && out->size != NULL; u++) out->score[u] /= (float)out->size[u];
    return MW_OK;
}

/* ---- N of each M ---- */

/* `members` has room for `of` places of each unit. */
static void keep_largest(const mwi_structure_desc *s, const float *values, const uint32_t *members,
                         size_t n, uint8_t *keep)
{
    for (size_t i = 0; i < n; i++) {
        size_t before = 0; /* larger ones, or equal ones that come first */
        const float x = fabsf(values[members[i]]);
        for (size_t k = 0; k < n; k++) {
            const float y = fabsf(values[members[k]]);
            before += y > x || (y == x && k < i);
        }
        keep[members[i]] = before < s->keep;
    }
}

static mw_status choose_of_each(mw_ctx *ctx, mwi_arena *arena, const mwi_structure_desc *s,
                                mwi_mask *m)
{
    void *memory;
    units u;

    MWI_TRY(make_units(ctx, arena, s, m, &u));
    MWI_TRY(mwi_arena_array(ctx, arena, u.n * s->of, sizeof(uint32_t), &memory));
    uint32_t *const members = memory;
    memset(u.size, 0, u.n * sizeof *u.size);
    for (size_t i = 0; i < m->axes->n; i++)
        members[u.of[i] * s->of + u.size[u.of[i]]++] = (uint32_t)i;
    for (size_t i = 0; i < u.n; i++)
        keep_largest(s, m->values, members + i * s->of, u.size[i], m->keep);
    return MW_OK;
}

/* ---- the smallest of all ---- */

enum { HALF = 1 << 16 };

static uint32_t bits_of(float magnitude)
{
    uint32_t bits;
    memcpy(&bits, &magnitude, sizeof bits);
    return bits;
}

static uint64_t size_of(const units *u, size_t i) { return u->size == NULL ? 1 : u->size[i]; }

/* The first half whose weights, with those below it, do not fit into what is left of `target`,
 * which becomes what is left before it. */
static uint32_t find_half(const uint64_t *histogram, uint64_t *target)
{
    uint32_t h = 0;

    while (h < HALF - 1 && histogram[h] <= *target) *target -= histogram[h++];
    return h;
}

/* Zeroes units from the smallest score on while their weights fit into `target`. */
static mw_status drop_smallest(mw_ctx *ctx, mwi_arena *arena, units *list, size_t n,
                               uint64_t target)
{
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, arena, HALF, sizeof(uint64_t), &memory));
    uint64_t *const histogram = memory;
    for (size_t k = 0; k < n; k++)
        for (size_t i = 0; i < list[k].n; i++)
            histogram[bits_of(list[k].score[i]) >> 16] += size_of(&list[k], i);
    const uint32_t high = find_half(histogram, &target);
    memset(histogram, 0, HALF * sizeof *histogram);
    for (size_t k = 0; k < n; k++)
        for (size_t i = 0; i < list[k].n; i++)
            if (bits_of(list[k].score[i]) >> 16 == high)
                histogram[bits_of(list[k].score[i]) & (HALF - 1)] += size_of(&list[k], i);
    const uint32_t threshold = high << 16 | find_half(histogram, &target);
    for (size_t k = 0; k < n; k++) {
        for (size_t i = 0; i < list[k].n; i++) {
            const uint32_t bits = bits_of(list[k].score[i]);
            if (bits > threshold || (bits == threshold && size_of(&list[k], i) > target)) continue;
            if (bits == threshold) target -= size_of(&list[k], i);
            list[k].stays[i] = 0;
        }
    }
    return MW_OK;
}

/* Rounded as tensorflow-model-optimization does it: what stays is rounded, and is one at least. */
static uint64_t n_zeros(uint64_t n, double sparsity)
{
    const double stay = fmax(nearbyint((double)n * (1 - sparsity)), 1);
    return stay >= (double)n ? 0 : n - (uint64_t)stay;
}

static mw_status choose_smallest(mw_ctx *ctx, mwi_arena *arena, const mwi_structure_desc *s,
                                 double sparsity, mwi_mask *masks, size_t n)
{
    uint64_t total = 0;
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, arena, n, sizeof(units), &memory));
    units *const list = memory;
    for (size_t k = 0; k < n; k++) {
        MWI_TRY(make_units(ctx, arena, s, &masks[k], &list[k]));
        total += masks[k].axes->n;
    }
    MWI_TRY(drop_smallest(ctx, arena, list, n, n_zeros(total, sparsity)));
    for (size_t k = 0; k < n; k++)
        for (size_t i = 0; i < masks[k].axes->n; i++)
            masks[k].keep[i] = list[k].stays[list[k].of == NULL ? i : list[k].of[i]];
    return MW_OK;
}

mw_status mwi_masks_choose(mw_ctx *ctx, const mwi_structure_desc *s, double sparsity, bool global,
                           mwi_mask *masks, size_t n)
{
    const size_t step = global && s->of == 0 ? n : 1;
    mwi_arena arena;
    mw_status st = MW_OK;

    for (size_t i = 0; i < n && st == MW_OK; i += step) {
        mwi_arena_init(ctx, &arena);
        st = s->of > 0 ? choose_of_each(ctx, &arena, s, &masks[i])
                       : choose_smallest(ctx, &arena, s, sparsity, masks + i, step);
        mwi_arena_deinit(&arena);
    }
    return st;
}
