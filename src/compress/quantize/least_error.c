/* compress/quantize/least_error.c - the range with the least mean squared error of rounding and
 * clipping.
 * Depends: compress/quantize/observe.  Used by: the list of methods only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "compress/quantize/observe.h"

#include <math.h>

/* Moves one end inwards while that lessens the error; `end` points into `range`. */
static void tighten(const mwi_observer *o, int levels, mwi_range *range, double *end, double full,
                    double *best)
{
    enum { STEPS = 64 };
    double kept = *end;

    for (int i = STEPS; i > STEPS / 8; i--) {
        *end = full * i / STEPS;
        const double error = mwi_observer_error(o, *range, levels);
        if (error < *best) {
            *best = error;
            kept = *end;
        }
    }
    *end = kept;
}

static mwi_range range(const mwi_observer *o, int levels, double percentile)
{
    mwi_range r = {fmin(o->min, 0), fmax(o->max, 0)};
    double best;

    (void)percentile;
    if (o->width <= 0 || levels > 2 * MWI_OBSERVE_BINS) return (mwi_range){o->min, o->max};
    best = mwi_observer_error(o, r, levels);
    for (int round = 0; round < 2; round++) { /* the ends depend on each other through the step */
        tighten(o, levels, &r, &r.max, fmax(o->max, 0), &best);
        tighten(o, levels, &r, &r.min, fmin(o->min, 0), &best);
    }
    return r;
}

const mwi_method_desc mwi_method_least_error = {
    .name = "mse",
    .summary = "least mean squared error of rounding and clipping",
    .method = MW_CALIBRATE_MSE,
    .histogram = true,
    .weights = true,
    .range = range,
};
