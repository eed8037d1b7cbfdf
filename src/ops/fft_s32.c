/* ops/fft_s32.c - fft_body.inc in int32: fractions of 31 bits.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/fft.h"

typedef int32_t real;
typedef int64_t wide;

static inline real rounded(wide v) { return (real)((v + (1 << 30)) >> 31); }

static inline real shared(real v, int k) { return rounded((wide)v * (INT32_MAX / k)); }

/* The sum wraps before it is halved. */
static inline real halved(wide v) { return (real)v >> 1; }

#include "ops/fft_body.inc"

void mwi_fft_real_s32(const mwi_fft *fft, const int32_t *in, int32_t *work, int32_t *out)
{
    values_to_spectrum(fft, in, work, out);
}

void mwi_fft_back_s32(const mwi_fft *fft, const int32_t *in, int32_t *work, int32_t *out)
{
    spectrum_to_values(fft, in, work, out);
}
