/* compress/quantize/affine.c - arithmetic of TFLite's quantization specification.
 * Depends: base/half.  Used by: compress/quantize.   SPDX-License-Identifier: Apache-2.0 */
#include "compress/quantize/affine.h"

#include "base/half.h"

#include <math.h>

void mwi_quantize_all(const float *x, size_t n, mw_dtype dtype, mwi_params p, void *out)
{
    int32_t low, high;

    mwi_quant_range(dtype, &low, &high);
    for (size_t i = 0; i < n; i++) {
        const int32_t q = mwi_quantize_one(x[i], p, low, high);
        if (dtype == MW_INT16)
            ((int16_t *)out)[i] = (int16_t)q;
        else if (dtype == MW_UINT8)
            ((uint8_t *)out)[i] = (uint8_t)q;
        else
            ((int8_t *)out)[i] = (int8_t)q;
    }
}

void mwi_dequantize_all(const void *q, size_t n, mw_dtype dtype, mwi_params p, float *out)
{
    for (size_t i = 0; i < n; i++) {
        const int32_t v = dtype == MW_INT16   ? ((const int16_t *)q)[i]
                          : dtype == MW_UINT8 ? ((const uint8_t *)q)[i]
                                              : ((const int8_t *)q)[i];
        out[i] = p.scale * (float)(v - p.zero_point);
    }
}

void mwi_fake_quantize(float *x, size_t n, mw_dtype dtype, mwi_params p)
{
    int32_t low, high;

    mwi_quant_range(dtype, &low, &high);
    for (size_t i = 0; i < n; i++)
        x[i] = p.scale * (float)(mwi_quantize_one(x[i], p, low, high) - p.zero_point);
}

/* ---- weights ---- */

mwi_channels mwi_channels_of(int32_t rank, const int32_t *dims, int32_t axis)
{
    mwi_channels c = {1, 1, 1};

    for (int32_t i = 0; i < rank; i++) {
        c.n *= (size_t)dims[i];
        if (axis >= 0 && i > axis) c.inner *= (size_t)dims[i];
    }
    if (axis >= 0 && axis < rank) c.n_channels = (size_t)dims[axis];
    return c;
}

int32_t mwi_weight_limit(int bits) { return (1 << (bits - 1)) - 1; }

static void largest_of(const float *w, const mwi_channels *c, float *largest)
{
    for (size_t k = 0; k < c->n_channels; k++) largest[k] = 0;
    for (size_t i = 0; i < c->n; i++) {
        const size_t k = mwi_channel(c, i);
        largest[k] = fmaxf(largest[k], fabsf(w[i]));
    }
}

/* Squared error of rounding one channel, whose elements are `stride` groups of `inner` apart. */
static double channel_error(const float *w, const mwi_channels *c, size_t channel, float scale,
                            float limit)
{
    double sum = 0;

    for (size_t base = channel * c->inner; base < c->n; base += c->n_channels * c->inner) {
        for (size_t i = base; i < base + c->inner && i < c->n; i++) {
            const float q = fminf(fmaxf(roundf(w[i] / scale), -limit), limit);
            const double e = (double)(q * scale - w[i]);
            sum += e * e;
        }
    }
    return sum;
}

static float least_error_scale(const float *w, const mwi_channels *c, size_t channel, float largest,
                               float limit)
{
    enum { STEPS = 80 };
    float best_scale = largest / limit;
    double best = channel_error(w, c, channel, best_scale, limit);

    for (int i = STEPS - 1; i > STEPS / 4; i--) {
        const float scale = largest / limit * (float)i / STEPS;
        const double error = channel_error(w, c, channel, scale, limit);
        if (error < best) {
            best = error;
            best_scale = scale;
        }
    }
    return best_scale;
}

void mwi_weight_scales(const float *w, const mwi_channels *c, int bits, mwi_weight_range how,
                       float *scales)
{
    const float limit = (float)mwi_weight_limit(bits);
    const mwi_channels whole = {1, c->n, c->n};

    largest_of(w, c, scales);
    for (size_t k = 0; k < c->n_channels; k++) {
        if (scales[k] == 0) continue;
        if (how == MWI_WEIGHT_MSE)
            scales[k] = least_error_scale(w, c->n_channels == 1 ? &whole : c, k, scales[k], limit);
        else
            scales[k] = scales[k] / limit;
        /* Subnormal scales cannot be inverted. */
        if (scales[k] < 1e-37f) scales[k] = 0;
    }
}

void mwi_weight_round(const float *w, const mwi_channels *c, int bits, const float *scales,
                      int8_t *q)
{
    const float limit = (float)mwi_weight_limit(bits);

    for (size_t i = 0; i < c->n; i++) {
        const float scale = scales[mwi_channel(c, i)];
        q[i] = scale == 0 ? 0 : (int8_t)fminf(fmaxf(roundf(w[i] / scale), -limit), limit);
    }
}

void mwi_block_scales(const float *w, size_t rows, size_t columns, size_t block, int bits,
                      mwi_weight_range how, uint16_t *scales)
{
    const float limit = (float)mwi_weight_limit(bits);

    for (size_t i = 0; i < rows * (columns / block); i++) {
        const mwi_channels one = {1, block, block};
        const float *const at = w + i * block;
        float largest;
        largest_of(at, &one, &largest);
        float scale = largest / limit;
        if (how == MWI_WEIGHT_MSE && largest > 0)
            scale = least_error_scale(at, &one, 0, largest, limit);
        scales[i] = mwi_float_to_half(scale);
        /* A block too small for float16's least value is rounded by that value, to nearly nothing.
         */
        if (scales[i] == 0) scales[i] = 1;
    }
}

void mwi_block_round(const float *w, size_t rows, size_t columns, size_t block, int bits,
                     const uint16_t *scales, int8_t *q)
{
    for (size_t i = 0; i < rows * (columns / block); i++) {
        const mwi_channels one = {1, block, block};
        const float scale = mwi_half_to_float(scales[i]);
        mwi_weight_round(w + i * block, &one, bits, &scale, q + i * block);
    }
}

void mwi_pack_int4(const int8_t *q, size_t n, uint8_t *out)
{
    for (size_t i = 0; i < n; i += 2) {
        const unsigned low = (uint8_t)q[i], high = i + 1 < n ? (uint8_t)q[i + 1] : 0;
        out[i / 2] = (uint8_t)((low & 0x0f) | (high & 0x0f) << 4);
    }
}

double mwi_decibel(double signal, double noise)
{
    if (noise <= 0) return (double)INFINITY;
    return signal <= 0 ? (double)-INFINITY : 10 * log10(signal / noise);
}
