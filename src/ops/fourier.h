/* ops/fourier.h - the discrete Fourier transform of lengths that are powers of two, in double.
 * Depends: nothing.  Used by: RFFT2D, AudioSpectrogram.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_OPS_FOURIER_H
#define MWI_OPS_FOURIER_H

#include <stddef.h>

typedef struct mwi_fourier_value {
    double re, im;
} mwi_fourier_value;

/* The n / 2 factors of a transform of n values: exp(-2 pi i k / n). */
void mwi_fourier_factors(size_t n, mwi_fourier_value *out);
/* In place; n is a power of two. */
void mwi_fourier(mwi_fourier_value *v, size_t n, const mwi_fourier_value *factors);

#endif
