/* compress/quantize/percentile.c - cuts the same share of values off both ends.
 * Depends: compress/quantize/observe.  Used by: the list of methods only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "compress/quantize/observe.h"

/* The value below which `share` of the values lie, linear within a bin. */
static double quantile(const mwi_observer *o, double share)
{
    const double target = share * (double)o->n;
    double below = 0;

    for (int k = 0; k < 2 * MWI_OBSERVE_BINS; k++) {
        const double here = (double)o->counts[k];
        if (here > 0 && below + here >= target)
            return (k - MWI_OBSERVE_BINS + (target - below) / here) * o->width;
        below += here;
    }
    return o->max;
}

static mwi_range range(const mwi_observer *o, int levels, double percentile)
{
    const double low = quantile(o, 1 - percentile / 100), high = quantile(o, percentile / 100);

    (void)levels;
    return (mwi_range){low > o->min ? low : o->min, high < o->max ? high : o->max};
}

const mwi_method_desc mwi_method_percentile = {
    .name = "percentile",
    .summary = "cuts off the outermost values, 0.01% at each end unless told otherwise",
    .method = MW_CALIBRATE_PERCENTILE,
    .histogram = true,
    .range = range,
};
