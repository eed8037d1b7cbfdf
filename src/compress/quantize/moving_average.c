/* compress/quantize/moving_average.c - the moving average of each run's range: forgiving to
 * outliers, and as a rule worse than min-max.
 * Depends: compress/quantize/observe.  Used by: the list of methods only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "compress/quantize/observe.h"

static mwi_range range(const mwi_observer *o, int levels, double percentile)
{
    (void)levels, (void)percentile;
    return (mwi_range){o->average_min, o->average_max};
}

const mwi_method_desc mwi_method_moving_average = {
    .name = "moving-average",
    .summary = "moving average of each sample's smallest and largest value",
    .method = MW_CALIBRATE_MOVING_AVERAGE,
    .range = range,
};
