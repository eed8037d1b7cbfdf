/* compress/quantize/observe.c - streaming histograms, and the list of methods that read them.
 * Depends: base/.  Used by: compress/quantize/calibrate.   SPDX-License-Identifier: Apache-2.0 */
#include "compress/quantize/observe.h"

#include <math.h>
#include <string.h>

#define MWI_METHOD(id) extern const mwi_method_desc mwi_method_##id;
#include "compress/quantize/methods.def"
#undef MWI_METHOD

const mwi_method_desc *const mwi_methods[] = {
#define MWI_METHOD(id) &mwi_method_##id,
#include "compress/quantize/methods.def"
#undef MWI_METHOD
    NULL,
};

/* Weight of the past in the moving average, as in quantization-aware training. */
static const double MOMENTUM = 0.99;

const mwi_method_desc *mwi_method_find(mw_calibration_method method)
{
    for (const mwi_method_desc *const *m = mwi_methods; *m != NULL; m++)
        if ((*m)->method == method) return *m;
    return NULL;
}

mw_status mwi_observer_create(mw_ctx *ctx, mwi_arena *arena, bool histogram, mwi_observer **out)
{
    void *memory, *counts = NULL;

    MWI_TRY(mwi_arena_array(ctx, arena, 1, sizeof(mwi_observer), &memory));
    if (histogram)
        MWI_TRY(mwi_arena_array(ctx, arena, 2 * MWI_OBSERVE_BINS, sizeof(uint64_t), &counts));
    *out = memory;
    (*out)->counts = counts;
    return MW_OK;
}

/* Doubles the width: the k-th bin takes the counts of bins 2k and 2k + 1, on both sides of zero. */
static void widen(mwi_observer *o)
{
    uint64_t *const positive = o->counts + MWI_OBSERVE_BINS;
    const size_t half = MWI_OBSERVE_BINS / 2;

    for (size_t k = 0; k < half; k++) positive[k] = positive[2 * k] + positive[2 * k + 1];
    memset(positive + half, 0, half * sizeof *positive);
    for (size_t k = 1; k <= half; k++) {
        uint64_t *const at = positive - k;
        const uint64_t sum = *(positive - 2 * k) + *(positive - 2 * k + 1);
        *at = sum;
    }
    memset(o->counts, 0, half * sizeof *o->counts);
    o->width *= 2;
}

static void count(mwi_observer *o, const float *values, size_t n, double largest)
{
    if (largest == 0 && o->width == 0) {
        o->counts[MWI_OBSERVE_BINS] += n; /* all zero so far: any width holds them */
        return;
    }
    if (o->width == 0) o->width = largest / (MWI_OBSERVE_BINS - 1);
    /* A width that underflowed would never reach the values by doubling from zero. */
    if (o->width < 1e-40) o->width = 1e-40;
    while (largest >= o->width * (MWI_OBSERVE_BINS - 1)) widen(o);
    const double per_unit = 1 / o->width;
    for (size_t i = 0; i < n; i++) {
        const int bin = (int)floor((double)values[i] * per_unit);
        o->counts[MWI_OBSERVE_BINS + bin]++;
    }
}

bool mwi_observer_add(mwi_observer *o, const float *values, size_t n)
{
    double low = 0, high = 0;
    uint64_t zeros = 0;

    if (n == 0) return true;
    low = high = (double)values[0];
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(values[i])) return false;
        zeros += values[i] == 0;
        if ((double)values[i] < low) low = (double)values[i];
        if ((double)values[i] > high) high = (double)values[i];
    }
    if (o->counts != NULL) count(o, values, n, fmax(fabs(low), fabs(high)));
    o->min = o->n == 0 || low < o->min ? low : o->min;
    o->max = o->n == 0 || high > o->max ? high : o->max;
    o->average_min = o->n_runs == 0 ? low : o->average_min * MOMENTUM + low * (1 - MOMENTUM);
    o->average_max = o->n_runs == 0 ? high : o->average_max * MOMENTUM + high * (1 - MOMENTUM);
    o->n += n;
    o->n_zeros += zeros;
    o->n_runs++;
    return true;
}

double mwi_observer_error(const mwi_observer *o, mwi_range range, int levels)
{
    const double low = fmin(range.min, 0), high = fmax(range.max, 0);
    const double step = (high - low) / (levels - 1);
    double sum = 0;

    if (step <= 0 || o->n == 0) return (double)INFINITY;
    const double zero = nearbyint(-low / step);
    for (int k = 0; k < 2 * MWI_OBSERVE_BINS; k++) {
        /* The zeros of a RELU have no error. */
        const uint64_t n = o->counts[k] - (k == MWI_OBSERVE_BINS ? o->n_zeros : 0);
        if (n == 0) continue;
        const double x = (k - MWI_OBSERVE_BINS + 0.5) * o->width;
        double q = nearbyint(x / step) + zero;
        q = q < 0 ? 0 : q > levels - 1 ? levels - 1 : q;
        const double e = (q - zero) * step - x;
        /* Within a step, values spread evenly when bins are coarser than steps. */
        sum += (double)n * (e * e + (o->width > step ? step * step / 12 : 0));
    }
    return sum / (double)o->n;
}
