/* compress/quantize/entropy.c - the clipping threshold whose quantized distribution diverges least
 * (Kullback-Leibler) from the one that was seen; Migacz, 8-bit inference with TensorRT, 2017.
 * Depends: compress/quantize/observe.  Used by: the list of methods only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "compress/quantize/observe.h"

#include <math.h>

/* Counts without exact zeros: every range holds zero exactly, and the many that a RELU makes would
 * be taken for a peak that a step spreads. */
static double count(const mwi_observer *o, int k)
{
    return (double)(o->counts[k] - (k == MWI_OBSERVE_BINS ? o->n_zeros : 0));
}

/* Sum of the counts in bins [from, to). */
static double total(const mwi_observer *o, int from, int to)
{
    double sum = 0;
    for (int k = from; k < to; k++) sum += count(o, k);
    return sum;
}

/* Divergence of the histogram clipped to bins [from, to) from the same rounded to `levels` steps.
 * What lies outside is put into the outermost bins of the first distribution, not of the second. */
static double divergence(const mwi_observer *o, int from, int to, int levels, double all)
{
    const double kept = total(o, from, to);
    const double before = total(o, 0, from), after = all - kept - before;
    const double bins_per_step = (double)(to - from) / levels;
    double sum = 0, free_bins = 0;

    if (kept <= 0) return (double)INFINITY;
    for (int s = 0; s < levels; s++) {
        const int low = from + (int)floor(s * bins_per_step);
        const int high = s == levels - 1 ? to : from + (int)floor((s + 1) * bins_per_step);
        double mass = 0, used = 0;
        for (int k = low; k < high; k++) {
            mass += count(o, k);
            used += count(o, k) > 0;
        }
        free_bins += used > 0 ? used - 1 : 0;
        for (int k = low; k < high; k++) {
            double p = count(o, k);
            const double q = p > 0 ? mass / used : 0;
            if (k == from) p += before;
            if (k == to - 1) p += after;
            if (p <= 0) continue;
            /* A clipped end without values of its own would be an infinite divergence. */
            sum += p / all * log((p / all) / (q > 0 ? q / kept : 1e-9 / kept));
        }
    }
    /* Counts that are few differ from each other by chance: as much is expected of that (Miller
     * 1955), and would otherwise speak for clipping. */
    return sum - free_bins / (2 * all);
}

static mwi_range range(const mwi_observer *o, int levels, double percentile)
{
    enum { STEPS = 100 };
    const double all = (double)(o->n - o->n_zeros), largest = fmax(fabs(o->min), fabs(o->max));
    double best = (double)INFINITY, threshold = largest;

    (void)percentile;
    /* With few values a histogram tells more of their accidents than of their distribution. */
    if (o->n - o->n_zeros < 16 * (uint64_t)levels) return (mwi_range){o->min, o->max};
    if (o->width <= 0 || levels > MWI_OBSERVE_BINS) return (mwi_range){o->min, o->max};
    for (int i = STEPS / 5; i <= STEPS; i++) {
        const double t = largest * i / STEPS;
        const int low = (int)floor(fmax(o->min, -t) / o->width) + MWI_OBSERVE_BINS;
        const int high = (int)floor(fmin(o->max, t) / o->width) + 1 + MWI_OBSERVE_BINS;
        if (high - low < levels) continue;
        const double d = divergence(o, low, high, levels, all);
        if (d <= best) {
            best = d;
            threshold = t;
        }
    }
    return (mwi_range){fmax(o->min, -threshold), fmin(o->max, threshold)};
}

const mwi_method_desc mwi_method_entropy = {
    .name = "entropy",
    .summary = "clips where the quantized distribution diverges least from the one seen",
    .method = MW_CALIBRATE_ENTROPY,
    .histogram = true,
    .range = range,
};
