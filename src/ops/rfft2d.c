/* ops/rfft2d.c - RFFT2D: the two-dimensional Fourier transform of real images (the last two
 * dimensions), cut or padded with zeros to the lengths in input 1, which are powers of two. In
 * double: columns of the half spectrum after rows.
 * Depends: ops/fourier, ops/strided.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/fourier.h"
#include "ops/strided.h"

#include "base/checked.h"

typedef mwi_fourier_value pair;

static bool is_power_of_two(int64_t n) { return n > 0 && n <= INT32_MAX && (n & (n - 1)) == 0; }

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_view *const x = &call->in[0];
    int64_t lengths[2];
    size_t n;

    MWI_TRY(mwi_need_input(ctx, call, 0, 2, MW_MAX_RANK));
    MWI_TRY(mwi_need_input(ctx, call, 1, 1, 1));
    if (call->in[1].dims[0] != 2)
        return mwi_fail(ctx, MW_EFORMAT, "%d lengths, allowed 2", call->in[1].dims[0]);
    MWI_TRY(mwi_param_ints(ctx, call, 1, 2, lengths, &n));
    if (call->unknown) return MW_OK;
    if (!is_power_of_two(lengths[0]) || !is_power_of_two(lengths[1]))
        return mwi_fail(ctx, MW_EFORMAT, "lengths %lld and %lld, allowed powers of two",
                        (long long)lengths[0], (long long)lengths[1]);
    mwi_view_set_dims(&call->out[0], x->rank, x->dims);
    call->out[0].dims[x->rank - 2] = (int32_t)lengths[0];
    call->out[0].dims[x->rank - 1] = (int32_t)(lengths[1] / 2 + 1);
    return MW_OK;
}

/* Run: a line to transform, the spectrum of an image, the factors of both lengths. */
static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    const mwi_view *const out = &call->out[0];
    const size_t h = (size_t)out->dims[out->rank - 2], half = (size_t)out->dims[out->rank - 1];
    const size_t longest = h > 2 * half ? h : 2 * half;
    size_t n;

    if (!mwi_mul(h, half, &n) || !mwi_add(n, 3 * longest, &n) || !mwi_mul(n, sizeof(pair), &n) ||
        n > mwi_limits(ctx)->max_memory_bytes)
        return mwi_fail(ctx, MW_ELIMIT, "a spectrum of %zu by %zu is larger than any memory", h,
                        half);
    call->scratch_bytes = n;
    return MW_OK;
}

typedef struct image {
    size_t in_h, in_w, h, w;
    pair *line, *by_w, *by_h, *spectrum;
} image;

static void run_image(const image *m, const float *in, float *out)
{
    const size_t half = m->w / 2 + 1;
    pair *const line = m->line, *const spectrum = m->spectrum;

    for (size_t y = 0; y < m->h; y++) {
        for (size_t x = 0; x < m->w; x++)
            line[x] = (pair){y < m->in_h && x < m->in_w ? (double)in[y * m->in_w + x] : 0.0, 0.0};
        mwi_fourier(line, m->w, m->by_w);
        for (size_t x = 0; x < half; x++) spectrum[y * half + x] = line[x];
    }
    for (size_t x = 0; x < half; x++) {
        for (size_t y = 0; y < m->h; y++) line[y] = spectrum[y * half + x];
        mwi_fourier(line, m->h, m->by_h);
        for (size_t y = 0; y < m->h; y++) {
            out[2 * (y * half + x)] = (float)line[y].re;
            out[2 * (y * half + x) + 1] = (float)line[y].im;
        }
    }
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_view *const x = &call->in[0], *const out = &call->out[0];
    int64_t lengths[2];
    size_t n = 1;

    (void)ctx;
    (void)mwi_run_ints(&call->in[1], lengths, 2);
    image m = {.in_h = (size_t)x->dims[x->rank - 2],
               .in_w = (size_t)x->dims[x->rank - 1],
               .h = (size_t)lengths[0],
               .w = (size_t)lengths[1],
               .line = call->scratch};
    const size_t half = m.w / 2 + 1, longest = m.h > 2 * half ? m.h : 2 * half;
    m.by_w = m.line + longest;
    m.by_h = m.by_w + longest;
    m.spectrum = m.by_h + longest;
    mwi_fourier_factors(m.w, m.by_w);
    mwi_fourier_factors(m.h, m.by_h);
    for (int32_t i = 0; i < x->rank - 2; i++) n *= (size_t)x->dims[i];
    for (size_t i = 0; i < n; i++)
        run_image(&m, (const float *)x->data + i * m.in_h * m.in_w,
                  (float *)out->data + i * 2 * m.h * half);
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_rfft2d__ref", .types = "f32,i32>c64", .prepare = prepare, .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_rfft2d = {
    .name = "RFFT2D",
    .tflite_code = 131,
    .options_type = 105,
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .kernels = kernels,
    .infer = infer,
};
