/* ops/fourier.c - see fourier.h. By Cooley and Tukey: values in the order of their reversed bits,
 * then pairs of halves of growing length.
 * Depends: nothing.  Used by: RFFT2D, AudioSpectrogram.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/fourier.h"

#include <math.h>

void mwi_fourier_factors(size_t n, mwi_fourier_value *out)
{
    for (size_t k = 0; k < n / 2; k++) {
        const double angle = -M_PI * (double)k / (double)(n / 2);
        out[k] = (mwi_fourier_value){cos(angle), sin(angle)};
    }
}

static void reverse_bits(mwi_fourier_value *v, size_t n)
{
    for (size_t i = 1, j = 0; i < n; i++) {
        size_t bit = n >> 1;
        for (; (j & bit) != 0; bit >>= 1) j ^= bit;
        j ^= bit;
        if (i >= j) continue;
        const mwi_fourier_value t = v[i];
        v[i] = v[j];
        v[j] = t;
    }
}

void mwi_fourier(mwi_fourier_value *v, size_t n, const mwi_fourier_value *factors)
{
    reverse_bits(v, n);
    for (size_t half = 1; half < n; half *= 2)
        for (size_t k = 0; k < half; k++) {
            const mwi_fourier_value w = factors[k * (n / (2 * half))];
            for (size_t i = k; i < n; i += 2 * half) {
                const mwi_fourier_value a = v[i], b = v[i + half];
                const mwi_fourier_value t = {b.re * w.re - b.im * w.im, b.re * w.im + b.im * w.re};
                v[i] = (mwi_fourier_value){a.re + t.re, a.im + t.im};
                v[i + half] = (mwi_fourier_value){a.re - t.re, a.im - t.im};
            }
        }
}
