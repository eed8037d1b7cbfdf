/* ops/fft_s16.c - fft_body.inc in int16: fractions of 15 bits.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/fft.h"

typedef int16_t real;
typedef int32_t wide;

static inline real rounded(wide v) { return (real)((v + (1 << 14)) >> 15); }

static inline real shared(real v, int k) { return rounded((wide)v * (INT16_MAX / k)); }

static inline real halved(wide v) { return (real)(v >> 1); }

#include "ops/fft_body.inc"

void mwi_fft_real_s16(const mwi_fft *fft, const int16_t *in, int16_t *work, int16_t *out)
{
    values_to_spectrum(fft, in, work, out);
}

void mwi_fft_back_s16(const mwi_fft *fft, const int16_t *in, int16_t *work, int16_t *out)
{
    spectrum_to_values(fft, in, work, out);
}
