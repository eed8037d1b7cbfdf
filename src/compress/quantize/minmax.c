/* compress/quantize/minmax.c - the range that was seen: what TensorFlow's converter takes.
 * Depends: compress/quantize/observe.  Used by: the list of methods only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "compress/quantize/observe.h"

static mwi_range range(const mwi_observer *o, int levels, double percentile)
{
    (void)levels, (void)percentile;
    return (mwi_range){o->min, o->max};
}

const mwi_method_desc mwi_method_minmax = {
    .name = "minmax",
    .summary = "smallest and largest value seen",
    .method = MW_CALIBRATE_MINMAX,
    .range = range,
};
