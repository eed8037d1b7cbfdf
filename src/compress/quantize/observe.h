/* compress/quantize/observe.h - what calibration keeps of a tensor: bounded memory, whatever the
 * data.
 * Depends: base/.  Used by: compress/quantize. A method of calibration is one file and one row of
 * methods.def; it turns what was kept into a range.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_COMPRESS_OBSERVE_H
#define MWI_COMPRESS_OBSERVE_H

#include <milliwatt/quantize.h>

#include "base/arena.h"

/* Bins on each side of zero. A bin is `width` wide; when a value falls outside, neighbours are
 * merged and the width doubles, so that memory stays and at least half of the bins of the wider
 * side are used. */
enum { MWI_OBSERVE_BINS = 2048 };

/* Holds: (1) n values seen, all finite; (2) min <= max when n > 0; (3) counts is NULL for methods
 * that need no histogram; else bin MWI_OBSERVE_BINS + k counts values in [k, k + 1) * width. */
typedef struct mwi_observer {
    uint64_t n, n_runs, n_zeros; /* values that are exactly 0 are in bin MWI_OBSERVE_BINS */
    double min, max;
    double average_min, average_max; /* moving average of each run's range */
    double width;
    uint64_t *counts; /* 2 * MWI_OBSERVE_BINS */
} mwi_observer;

typedef struct mwi_range {
    double min, max;
} mwi_range;

typedef struct mwi_method_desc {
    const char *name; /* as typed: "moving-average" */
    const char *summary;
    mw_calibration_method method;
    bool histogram;
    bool weights; /* the scales of weights have the least squared error, too */
    /* The range that `levels` steps should cover; n > 0. `percentile` as in the options, defaulted.
     */
    mwi_range (*range)(const mwi_observer *observer, int levels, double percentile);
} mwi_method_desc;

extern const mwi_method_desc *const mwi_methods[]; /* methods.def, ends with NULL */
const mwi_method_desc *mwi_method_find(mw_calibration_method method); /* NULL: none */

/* Lives in `arena`. */
MW_MUST_USE mw_status mwi_observer_create(mw_ctx *ctx, mwi_arena *arena, bool histogram,
                                          mwi_observer **out);
/* Takes one run's values. False when one is not finite: nothing of the run is kept then. */
bool mwi_observer_add(mwi_observer *observer, const float *values, size_t n);

/* For the methods: mean squared error of rounding the histogram to `levels` steps over [min, max],
 * with what lies outside clipped. Each bin stands for its middle. */
double mwi_observer_error(const mwi_observer *observer, mwi_range range, int levels);

#endif
