/* ops/fft.c - see fft.h: factors, roots of unity.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/fft.h"

#include <math.h>

static const double pi = 3.14159265358979323846264338327950288;

mw_status mwi_fft_check(mw_ctx *ctx, int32_t length)
{
    int32_t n = length / 2;

    for (int32_t p = 2; p <= 5; p++)
        while (n > 1 && n % p == 0) n /= p;
    if (length >= 4 && length % 2 == 0 && n == 1) return MW_OK;
    return mwi_fail(ctx, MW_EUNSUPPORTED,
                    "fft_length is %d; it must be even, and its half a product of 2, 3 and 5",
                    length);
}

/* 4 as often as it goes, then 2, 3, 5. */
static void factor(mwi_fft *f)
{
    static const size_t radices[] = {4, 2, 3, 5};
    size_t rest = f->n;

    for (size_t i = 0; i < sizeof radices / sizeof *radices; i++)
        while (rest % radices[i] == 0) {
            rest /= radices[i];
            f->radix[f->n_stages] = radices[i];
            f->rest[f->n_stages++] = rest;
        }
}

/* Place k of a stage's m values in each of its parts: the first digit varies slowest in the output
 * and fastest in the input. */
static void fill_order(const mwi_fft *f, uint32_t *order)
{
    for (size_t place = 0; place < f->n; place++) {
        size_t left = place, step = 1, from = 0;
        for (size_t s = 0; s < f->n_stages; s++) {
            from += left / f->rest[s] * step;
            left %= f->rest[s];
            step *= f->radix[s];
        }
        order[place] = (uint32_t)from;
    }
}

static void put_root(mw_dtype dtype, void *roots, size_t i, double phase)
{
    const double re = cos(phase), im = sin(phase);

    if (dtype == MW_FLOAT32) {
        ((float *)roots)[2 * i] = (float)re;
        ((float *)roots)[2 * i + 1] = (float)im;
    } else if (dtype == MW_INT16) {
        ((int16_t *)roots)[2 * i] = (int16_t)floor(0.5 + INT16_MAX * re);
        ((int16_t *)roots)[2 * i + 1] = (int16_t)floor(0.5 + INT16_MAX * im);
    } else {
        ((int32_t *)roots)[2 * i] = (int32_t)floor(0.5 + INT32_MAX * re);
        ((int32_t *)roots)[2 * i + 1] = (int32_t)floor(0.5 + INT32_MAX * im);
    }
}

mw_status mwi_fft_make(mw_ctx *ctx, mwi_arena *arena, mw_dtype dtype, int32_t length, bool inverse,
                       mwi_fft *out)
{
    const size_t pair = 2 * mw_dtype_bits(dtype) / 8;
    void *order, *roots, *half_roots;

    MWI_TRY(mwi_fft_check(ctx, length));
    *out = (mwi_fft){.n = (size_t)length / 2, .inverse = inverse};
    factor(out);
    MWI_TRY(mwi_arena_array(ctx, arena, out->n, sizeof(uint32_t), &order));
    MWI_TRY(mwi_arena_array(ctx, arena, out->n, pair, &roots));
    MWI_TRY(mwi_arena_array(ctx, arena, out->n / 2, pair, &half_roots));
    fill_order(out, order);
    const double sign = inverse ? -1 : 1, n = (double)out->n;
    for (size_t i = 0; i < out->n; i++) put_root(dtype, roots, i, -2 * pi * (double)i / n * sign);
    for (size_t i = 0; i < out->n / 2; i++)
        put_root(dtype, half_roots, i, -pi * ((double)(i + 1) / n + 0.5) * sign);
    out->order = order;
    out->roots = roots;
    out->half_roots = half_roots;
    return MW_OK;
}
