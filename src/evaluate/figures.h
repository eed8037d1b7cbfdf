/* evaluate/figures.h - what becomes of scores: ranks, the area under the ROC curve, percentiles.
 * Depends: base/.  Used by: evaluate/.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_EVALUATE_FIGURES_H
#define MWI_EVALUATE_FIGURES_H

#include "base/ctx.h"

/* The first of the largest values. n > 0. */
size_t mwi_argmax(const double *v, size_t n);
/* How many values come before that of class k: larger, or equal and earlier. */
size_t mwi_rank_of(const double *v, size_t n, size_t k);

typedef struct mwi_scored {
    double score;
    bool positive;
} mwi_scored;
/* The share of pairs of a positive and a negative in which the positive scores higher, ties
 * counting half (Mann and Whitney). NaN without both, or when a score is NaN. Sorts the list. */
double mwi_auc(mwi_scored *list, size_t n);

/* Times of runs in bounded memory: all of them up to its size, then a fair sample of them. */
enum { MWI_MAX_TIMES = 1 << 14 };
typedef struct mwi_times {
    uint64_t seen;
    double us[MWI_MAX_TIMES];
} mwi_times;
void mwi_times_add(mwi_times *times, double us);
/* Nearest rank: of sorted times, the first that `share` of them do not pass. NaN without times.
 * Sorts. */
double mwi_times_percentile(mwi_times *times, double share);

#endif
