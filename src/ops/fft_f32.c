/* ops/fft_f32.c - fft_body.inc in float.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/fft.h"

typedef float real;
typedef float wide;

static inline real rounded(wide v) { return v; }

static inline real shared(real v, int k)
{
    (void)k;
    return v;
}

static inline real halved(wide v) { return v * 0.5f; }

#include "ops/fft_body.inc"

void mwi_fft_real_f32(const mwi_fft *fft, const float *in, float *work, float *out)
{
    values_to_spectrum(fft, in, work, out);
}

void mwi_fft_back_f32(const mwi_fft *fft, const float *in, float *work, float *out)
{
    spectrum_to_values(fft, in, work, out);
}
