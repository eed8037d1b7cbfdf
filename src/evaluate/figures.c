/* evaluate/figures.c - see figures.h.   SPDX-License-Identifier: Apache-2.0 */
#include "evaluate/figures.h"

#include "base/rng.h"

#include <math.h>
#include <stdlib.h>

size_t mwi_argmax(const double *v, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (v[i] > v[best]) best = i;
    return best;
}

size_t mwi_rank_of(const double *v, size_t n, size_t k)
{
    size_t before = 0;
    for (size_t i = 0; i < n; i++) before += v[i] > v[k] || (v[i] == v[k] && i < k);
    return before;
}

static int by_score(const void *a, const void *b)
{
    const double x = ((const mwi_scored *)a)->score, y = ((const mwi_scored *)b)->score;
    return (x > y) - (x < y);
}

double mwi_auc(mwi_scored *list, size_t n)
{
    double ranks = 0, positives = 0;

    for (size_t i = 0; i < n; i++)
        if (isnan(list[i].score)) return (double)NAN;
    if (n > 1) qsort(list, n, sizeof *list, by_score);
    for (size_t i = 0; i < n;) {
        size_t end = i, here = 0;
        while (end < n && list[end].score == list[i].score) here += list[end++].positive;
        ranks +=
            (double)here * ((double)(i + end + 1) / 2); /* equal scores share their mean rank */
        positives += (double)here;
        i = end;
    }
    const double negatives = (double)n - positives;
    if (positives == 0 || negatives == 0) return (double)NAN;
    return (ranks - positives * (positives + 1) / 2) / (positives * negatives);
}

/* ---- times ---- */

void mwi_times_add(mwi_times *times, double us)
{
    const uint64_t n = times->seen++;

    if (n < MWI_MAX_TIMES) {
        times->us[n] = us;
        return;
    }
    /* Vitter's algorithm R: each time so far is kept with the same chance. */
    mwi_rng rng = {n};
    const uint64_t k = mwi_rng_below(&rng, n + 1);
    if (k < MWI_MAX_TIMES) times->us[k] = us;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double mwi_times_percentile(mwi_times *times, double share)
{
    const size_t n = times->seen < MWI_MAX_TIMES ? (size_t)times->seen : MWI_MAX_TIMES;

    if (n == 0) return (double)NAN;
    if (n > 1) qsort(times->us, n, sizeof *times->us, by_value);
    const double rank = ceil(share * (double)n);
    return times->us[rank < 1 ? 0 : (size_t)rank - 1];
}
