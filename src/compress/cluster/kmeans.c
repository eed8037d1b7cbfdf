/* compress/cluster/kmeans.c - see kmeans.h. On a line, values sorted: a cluster is a run of them,
 * its sum a difference of two prefix sums, so that a round takes time of the clusters, not of the
 * values. Seeds: Arthur and Vassilvitskii, k-means++, 2007.
 * Depends: base/.  Used by: compress/cluster.   SPDX-License-Identifier: Apache-2.0 */
#include "compress/cluster/kmeans.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ROUNDS = 300 };

typedef struct sorted {
    size_t n;
    float *v;    /* rising */
    double *sum; /* n + 1: of the first i */
} sorted;

static int compare(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static mw_status sort_values(mw_ctx *ctx, mwi_arena *arena, const float *values, size_t n,
                             bool skip_zeros, sorted *out)
{
    void *memory, *sums;

    MWI_TRY(mwi_arena_array(ctx, arena, n, sizeof(float), &memory));
    MWI_TRY(mwi_arena_array(ctx, arena, n + 1, sizeof(double), &sums));
    *out = (sorted){.v = memory, .sum = sums};
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(values[i])) return mwi_fail(ctx, MW_EINVAL, "weight %zu is not finite", i);
        if (!skip_zeros || values[i] != 0) out->v[out->n++] = values[i];
    }
    qsort(out->v, out->n, sizeof *out->v, compare);
    for (size_t i = 0; i < out->n; i++) out->sum[i + 1] = out->sum[i] + (double)out->v[i];
    return MW_OK;
}

/* ---- seeds ---- */

/* A value with a chance by its squared distance to the nearest centre so far. */
static size_t draw(const double *square, size_t n, double total, mwi_rng *rng)
{
    double left = mwi_rng_uniform(rng) * total;

    for (size_t i = 0; i < n; i++) {
        left -= square[i];
        if (left < 0 && square[i] > 0) return i;
    }
    for (size_t i = n; i-- > 0;)
        if (square[i] > 0) return i;
    return 0;
}

/* Fewer than k only where there are fewer different values. */
static mw_status seed(mw_ctx *ctx, mwi_arena *arena, const sorted *s, uint32_t k, mwi_rng *rng,
                      float *centres, uint32_t *out_n)
{
    void *memory;
    size_t next = (size_t)mwi_rng_below(rng, s->n);

    MWI_TRY(mwi_arena_array(ctx, arena, s->n, sizeof(double), &memory));
    double *const square = memory;
    for (size_t i = 0; i < s->n; i++) square[i] = HUGE_VAL;
    for (*out_n = 0; *out_n < k;) {
        const double centre = (double)s->v[next];
        double total = 0;
        centres[(*out_n)++] = s->v[next];
        for (size_t i = 0; i < s->n; i++) {
            const double d = (double)s->v[i] - centre;
            square[i] = fmin(square[i], d * d);
            total += square[i];
        }
        if (total <= 0) break;
        next = draw(square, s->n, total, rng);
    }
    qsort(centres, *out_n, sizeof *centres, compare);
    return MW_OK;
}

/* ---- rounds ---- */

/* The first value that is nearer to `high` than to `low`. */
static size_t border(const sorted *s, float low, float high)
{
    const double middle = ((double)low + (double)high) / 2;
    size_t first = 0, end = s->n;

    while (first < end) {
        const size_t at = first + (end - first) / 2;
        if ((double)s->v[at] > middle)
            end = at;
        else
            first = at + 1;
    }
    return first;
}

/* To 8 significant bits: the two low bytes of a float are zero then and deflate to nothing, for an
 * error of at most 1/512 of the value, far below what clusters are apart. */
static float shorten(float x)
{
    int exponent;
    const float mantissa = frexpf(x, &exponent);
    return ldexpf(nearbyintf(mantissa * 256), exponent - 8);
}

/* A cluster without values keeps its centre. */
static bool move(const sorted *s, float *centres, uint32_t k)
{
    bool moved = false;
    size_t first = 0;

    for (uint32_t c = 0; c < k; c++) {
        const size_t end = c + 1 < k ? border(s, centres[c], centres[c + 1]) : s->n;
        if (end > first) {
            const float mean = (float)((s->sum[end] - s->sum[first]) / (double)(end - first));
            moved |= mean != centres[c];
            centres[c] = mean;
            first = end;
        }
    }
    return moved;
}

uint32_t mwi_nearest_centre(const float *centres, uint32_t n, float value)
{
    uint32_t first = 0, end = n;

    while (end - first > 1) {
        const uint32_t at = first + (end - first) / 2;
        const double middle = ((double)centres[at - 1] + (double)centres[at]) / 2;
        if ((double)value > middle)
            first = at;
        else
            end = at;
    }
    return first;
}

static mw_status find_centres(mw_ctx *ctx, mwi_arena *arena, const float *values, size_t n,
                              uint32_t k, bool keep_zeros, mwi_rng *rng, float *centres,
                              uint32_t *out_n)
{
    sorted s;

    MWI_TRY(sort_values(ctx, arena, values, n, keep_zeros, &s));
    *out_n = 0;
    if (s.n == 0) return MW_OK;
    MWI_TRY(seed(ctx, arena, &s, keep_zeros && s.n < n ? k - 1 : k, rng, centres, out_n));
    for (int round = 0; round < MAX_ROUNDS && move(&s, centres, *out_n); round++) {
    }
    for (uint32_t c = 0; c < *out_n; c++) centres[c] = shorten(centres[c]);
    return MW_OK;
}

mw_status mwi_kmeans_centres(mw_ctx *ctx, const float *values, size_t n, uint32_t k,
                             bool keep_zeros, mwi_rng *rng, float *centres, uint32_t *out_n)
{
    mwi_arena arena;

    mwi_arena_init(ctx, &arena);
    const mw_status st = find_centres(ctx, &arena, values, n, k, keep_zeros, rng, centres, out_n);
    mwi_arena_deinit(&arena);
    return st;
}

mw_status mwi_kmeans(mw_ctx *ctx, float *values, size_t n, uint32_t k, bool keep_zeros,
                     mwi_rng *rng)
{
    uint32_t n_centres;
    void *memory;

    MWI_TRY(mwi_alloc(ctx, k * sizeof(float), &memory));
    const mw_status st = mwi_kmeans_centres(ctx, values, n, k, keep_zeros, rng, memory, &n_centres);
    for (size_t i = 0; i < n && st == MW_OK; i++)
        if (n_centres > 0 && !(keep_zeros && values[i] == 0))
            values[i] = ((const float *)memory)[mwi_nearest_centre(memory, n_centres, values[i])];
    mwi_free(ctx, memory, k * sizeof(float));
    return st;
}
