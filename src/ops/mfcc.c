/* ops/mfcc.c - Mfcc (custom): cepstral coefficients of spectra [channels, windows, frequencies] of
 * sound at the rate in input 1. The roots of the energies are summed into bands that overlap like
 * triangles and are evenly spaced in mel, a scale of heard pitch; a cosine transform of the bands'
 * logarithms gives the coefficients.
 * Depends: ops/flex, ops/shapes.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/checked.h"
#include "ops/flex.h"
#include "ops/shapes.h"

#include <math.h>

enum { MOST = 1 << 20, MAX_HZ = 1 << 30 };

typedef struct attr {
    float upper, lower; /* Hz, of which whole ones count */
    int32_t n_bands, n_coefficients;
} attr;

static const mwi_field fields[] = {
    {"upper_frequency_limit", offsetof(attr, upper), MWI_FIELD_F32, -1, 4000, 1, MAX_HZ, NULL},
    {"lower_frequency_limit", offsetof(attr, lower), MWI_FIELD_F32, -1, 20, 0, MAX_HZ, NULL},
    {"filterbank_channel_count", offsetof(attr, n_bands), MWI_FIELD_I32, -1, 40, 1, MOST, NULL},
    {"dct_coefficient_count", offsetof(attr, n_coefficients), MWI_FIELD_I32, -1, 13, 1, MOST, NULL},
    MWI_FIELDS_END,
};

static mw_status parse(mw_ctx *ctx, mwi_arena *arena, const uint8_t *bytes, size_t n, void *out)
{
    (void)arena;
    return mwi_flex_fields(ctx, bytes, n, fields, out);
}

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const attr *const a = call->attr;
    const mwi_view *const x = &call->in[0];

    MWI_TRY(mwi_need_input(ctx, call, 0, 3, 3));
    MWI_TRY(mwi_need_input(ctx, call, 1, 0, MW_MAX_RANK));
    if (mwi_view_count(&call->in[1]) != 1)
        return mwi_fail(ctx, MW_EFORMAT, "input 1, the rate, has %zu values",
                        mwi_view_count(&call->in[1]));
    if (x->dims[2] < 2)
        return mwi_fail(ctx, MW_EFORMAT, "%d frequencies, allowed 2 and more", x->dims[2]);
    if (!(truncf(a->upper) > truncf(a->lower)))
        return mwi_fail(ctx, MW_EFORMAT, "frequencies from %g to %g Hz", (double)a->lower,
                        (double)a->upper);
    if (a->n_coefficients > a->n_bands)
        return mwi_fail(ctx, MW_EFORMAT, "%d coefficients of %d bands", a->n_coefficients,
                        a->n_bands);
    mwi_view_set_dims(&call->out[0], 3,
                      (const int32_t[3]){x->dims[0], x->dims[1], a->n_coefficients});
    return MW_OK;
}

/* The scratch memory in parts. Frequencies first to last - 1 count. */
typedef struct tables {
    double *centers; /* n_bands + 1: of the bands, in mel */
    double *weights; /* by frequency: its part in `band`; the rest goes to the next band */
    double *cosines; /* [n_coefficients, n_bands] */
    double *bands;   /* n_bands: of the present window */
    int32_t *band;   /* by frequency, -1: below the first center */
    size_t first, last;
    bool reaches; /* else the spectrum ends below the upper limit: LiteRT's coefficients are 0 then
                   */
} tables;

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    const attr *const a = call->attr;
    const size_t n = (size_t)call->in[0].dims[2], n_bands = (size_t)a->n_bands;
    size_t doubles, bytes;

    if (!mwi_mul((size_t)a->n_coefficients, n_bands, &doubles) ||
        !mwi_add(doubles, 2 * n_bands + 1, &doubles) || !mwi_add(doubles, n, &doubles) ||
        !mwi_mul(doubles, sizeof(double), &bytes) || !mwi_add(bytes, n * sizeof(int32_t), &bytes) ||
        bytes > mwi_limits(ctx)->max_memory_bytes)
        return mwi_fail(ctx, MW_ELIMIT, "%d coefficients of %d bands and %zu frequencies",
                        a->n_coefficients, a->n_bands, n);
    call->scratch_bytes = bytes;
    return MW_OK;
}

static double mel_of(double hz) { return 1127.0 * log1p(hz / 700.0); }

static void make_bands(const attr *a, size_t n, double rate, tables *t)
{
    const double lower = trunc((double)a->lower), upper = trunc((double)a->upper);
    const double low = mel_of(lower), span = mel_of(upper) - low,
                 hz_per_step = 0.5 * rate / (double)(n - 1);
    const double first = 1.5 + lower / hz_per_step, last = upper / hz_per_step;
    int32_t above = 0; /* the first center that is not below the frequency */

    for (int32_t i = 0; i <= a->n_bands; i++)
        t->centers[i] = low + span / (double)(a->n_bands + 1) * (i + 1);
    t->reaches = last < (double)n;
    t->first = t->reaches && first < (double)n ? (size_t)first : 0;
    t->last = t->reaches && first < (double)n ? (size_t)last + 1 : 0;
    for (size_t i = t->first; i < t->last; i++) {
        const double mel = mel_of((double)i * hz_per_step);
        while (above < a->n_bands && t->centers[above] < mel) above++;
        const double from = above == 0 ? low : t->centers[above - 1];
        t->band[i] = above - 1;
        t->weights[i] = (t->centers[above] - mel) / (t->centers[above] - from);
    }
}

static void make_cosines(const attr *a, tables *t)
{
    const double norm = sqrt(2.0 / a->n_bands), step = M_PI / a->n_bands;
    double *out = t->cosines;

    for (int32_t i = 0; i < a->n_coefficients; i++)
        for (int32_t k = 0; k < a->n_bands; k++) *out++ = norm * cos(i * step * (k + 0.5));
}

static void sum_bands(const attr *a, const tables *t, const float *spectrum)
{
    for (int32_t k = 0; k < a->n_bands; k++) t->bands[k] = 0;
    for (size_t i = t->first; i < t->last; i++) {
        const double value = sqrt((double)spectrum[i]), part = value * t->weights[i];
        const int32_t k = t->band[i];
        if (k >= 0) t->bands[k] += part;
        if (k + 1 < a->n_bands) t->bands[k + 1] += value - part;
    }
}

static void run_window(const attr *a, const tables *t, const float *in, float *out)
{
    static const double floor_of_bands = 1e-12;

    sum_bands(a, t, in);
    for (int32_t k = 0; k < a->n_bands; k++)
        t->bands[k] = log(t->bands[k] < floor_of_bands ? floor_of_bands : t->bands[k]);
    for (int32_t i = 0; i < a->n_coefficients; i++) {
        const double *const cosines = t->cosines + (size_t)i * (size_t)a->n_bands;
        double sum = 0;
        for (int32_t k = 0; k < a->n_bands && t->reaches; k++) sum += cosines[k] * t->bands[k];
        out[i] = (float)sum;
    }
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const attr *const a = call->attr;
    const mwi_view *const x = &call->in[0];
    const int32_t rate = *(const int32_t *)call->in[1].data;
    const size_t n = (size_t)x->dims[2], n_windows = (size_t)x->dims[0] * (size_t)x->dims[1];
    tables t = {.centers = call->scratch};

    if (rate < 1) return mwi_fail(ctx, MW_EINVAL, "a rate of %d, allowed 1 and above", rate);
    t.bands = t.centers + a->n_bands + 1;
    t.weights = t.bands + a->n_bands;
    t.cosines = t.weights + n;
    t.band = (int32_t *)(void *)(t.cosines + (size_t)a->n_coefficients * (size_t)a->n_bands);
    make_bands(a, n, rate, &t);
    make_cosines(a, &t);
    for (size_t i = 0; i < n_windows; i++)
        run_window(a, &t, (const float *)x->data + i * n,
                   (float *)call->out[0].data + i * (size_t)a->n_coefficients);
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_mfcc__ref", .types = "f32,i32>f32", .prepare = prepare, .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_mfcc = {
    .name = "Mfcc",
    .tflite_code = -1,
    .custom = true,
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .parse_custom = parse,
    .infer = infer,
};
