/* train/augment.c - see augment.h: one affine map with bilinear interpolation, then noise.
 * Depends: train/augment, base/rng.  Used by: train/.     SPDX-License-Identifier: Apache-2.0 */
#include "train/augment.h"

#include "base/rng.h"

#include <math.h>
#include <string.h>

bool mwi_augment_any(const mw_augment *a)
{
    return a->shift != 0 || a->zoom != 0 || a->rotate != 0 || a->noise != 0 || a->flip;
}

mw_status mwi_augment_check(mw_ctx *ctx, const mw_augment *a)
{
    if (!(a->shift >= 0 && a->shift < 1))
        return mwi_fail(ctx, MW_EINVAL, "augment: shift is %g, allowed 0 to 1", a->shift);
    if (!(a->zoom >= 0 && a->zoom < 1))
        return mwi_fail(ctx, MW_EINVAL, "augment: zoom is %g, allowed 0 to 1", a->zoom);
    if (!(a->rotate >= 0 && a->rotate <= 180))
        return mwi_fail(ctx, MW_EINVAL, "augment: rotate is %g degrees, allowed 0 to 180",
                        a->rotate);
    if (!(a->noise >= 0 && isfinite(a->noise)))
        return mwi_fail(ctx, MW_EINVAL, "augment: noise is %g, allowed from 0", a->noise);
    return MW_OK;
}

/* Where a pixel comes from: x' = x0 + xx * x + xy * y, and y' alike. */
typedef struct map {
    double x0, xx, xy, y0, yx, yy;
} map;

static double between(mwi_rng *rng, double limit) { return (2 * mwi_rng_uniform(rng) - 1) * limit; }

/* All numbers are drawn whatever is asked for, so that one option does not change another's. */
static map draw(const mw_augment *a, mwi_rng *rng, const mwi_image_shape *s)
{
    const double dx = between(rng, a->shift) * s->width, dy = between(rng, a->shift) * s->height;
    const double scale = 1 / (1 + between(rng, a->zoom));
    const double angle = between(rng, a->rotate) * M_PI / 180;
    const double mirror = mwi_rng_uniform(rng) < 0.5 && a->flip ? -1 : 1;
    const double cx = (s->width - 1) / 2.0, cy = (s->height - 1) / 2.0;
    map m = {.xx = mirror * scale * cos(angle),
             .xy = scale * sin(angle),
             .yx = -mirror * scale * sin(angle),
             .yy = scale * cos(angle)};

    m.x0 = cx - m.xx * (cx + dx) - m.xy * (cy + dy);
    m.y0 = cy - m.yx * (cx + dx) - m.yy * (cy + dy);
    return m;
}

static int32_t clamp(double v, int32_t last) { return v <= 0 ? 0 : v >= last ? last : (int32_t)v; }

static void interpolate(const mwi_image_shape *s, double x, double y, const float *in, float *out)
{
    const double fx = floor(x), fy = floor(y);
    const float wx = (float)(x - fx), wy = (float)(y - fy);
    const int32_t x0 = clamp(fx, s->width - 1), x1 = clamp(fx + 1, s->width - 1);
    const int32_t y0 = clamp(fy, s->height - 1), y1 = clamp(fy + 1, s->height - 1);
    const size_t c = (size_t)s->channels, row = (size_t)s->width * c;
    const float *const top = in + (size_t)y0 * row, *const bottom = in + (size_t)y1 * row;

    for (size_t k = 0; k < c; k++) {
        const float a = top[(size_t)x0 * c + k], b = top[(size_t)x1 * c + k];
        const float d = bottom[(size_t)x0 * c + k], e = bottom[(size_t)x1 * c + k];
        const float upper = a + (b - a) * wx, lower = d + (e - d) * wx;
        out[k] = upper + (lower - upper) * wy;
    }
}

/* Two normal values from two uniform ones, by Box and Muller. */
static void add_noise(mwi_rng *rng, double deviation, float *v, size_t n)
{
    for (size_t i = 0; i < n; i += 2) {
        const double radius = sqrt(-2 * log(1 - mwi_rng_uniform(rng))) * deviation;
        const double angle = 2 * M_PI * mwi_rng_uniform(rng);
        v[i] += (float)(radius * cos(angle));
        if (i + 1 < n) v[i + 1] += (float)(radius * sin(angle));
    }
}

void mwi_augment_image(const mw_augment *a, uint64_t seed, uint64_t epoch, uint64_t sample,
                       const mwi_image_shape *s, const float *in, float *out)
{
    const size_t c = (size_t)s->channels, n = (size_t)s->height * (size_t)s->width * c;
    mwi_rng rng = {seed};

    rng.state = mwi_rng_next(&rng) ^ epoch;
    rng.state = mwi_rng_next(&rng) ^ sample;
    const map m = draw(a, &rng, s);
    if (a->shift == 0 && a->zoom == 0 && a->rotate == 0 && m.xx > 0) {
        memcpy(out, in, n * sizeof *out);
    } else {
        for (int32_t y = 0; y < s->height; y++)
            for (int32_t x = 0; x < s->width; x++)
                interpolate(s, m.x0 + m.xx * x + m.xy * y, m.y0 + m.yx * x + m.yy * y, in,
                            out + ((size_t)y * (size_t)s->width + (size_t)x) * c);
    }
    if (a->noise > 0) add_noise(&rng, a->noise, out, n);
}
