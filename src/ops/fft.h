/* ops/fft.h - the Fourier transform of real values, and back, in float, int16 and int32, with the
 * steps and roundings of KISS FFT, which TFLite Micro's signal operators use: a complex transform
 * of half the length by factors 4, 2, 3, 5 in that order, and a pass that takes the two halves
 * apart. Integers are divided by the factor before each stage, so that no sum overflows but for
 * values at the ends of their range, which wrap.
 * Depends: base/arena.  Used by: SignalRfft, SignalIrfft.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_OPS_FFT_H
#define MWI_OPS_FFT_H

#include <milliwatt/tensor.h>

#include "base/arena.h"

enum { MWI_FFT_MAX_STAGES = 32, MWI_FFT_MAX_LENGTH = 1 << 20 };

/* Immutable once made; complex numbers are pairs (real, imaginary) of the type. */
typedef struct mwi_fft {
    size_t n; /* complex values: half the length */
    bool inverse;
    size_t n_stages;
    size_t radix[MWI_FFT_MAX_STAGES], rest[MWI_FFT_MAX_STAGES]; /* outermost first */
    const uint32_t *order;  /* n: which input comes to each place */
    const void *roots;      /* n: of the complex transform */
    const void *half_roots; /* n / 2: of the pass over the halves */
} mwi_fft;

/* Says what is wrong with a length; only even ones with half a product of 2, 3 and 5 above 1 will
 * do. Fails: MW_EUNSUPPORTED. */
MW_MUST_USE mw_status mwi_fft_check(mw_ctx *ctx, int32_t length);
/* dtype: MW_FLOAT32, MW_INT16 or MW_INT32. The rest lives in `arena`. */
MW_MUST_USE mw_status mwi_fft_make(mw_ctx *ctx, mwi_arena *arena, mw_dtype dtype, int32_t length,
                                   bool inverse, mwi_fft *out);

/* 2 n values to n + 1 pairs, or back; `work` is n pairs; `in` is not written. */
void mwi_fft_real_f32(const mwi_fft *fft, const float *in, float *work, float *out);
void mwi_fft_real_s16(const mwi_fft *fft, const int16_t *in, int16_t *work, int16_t *out);
void mwi_fft_real_s32(const mwi_fft *fft, const int32_t *in, int32_t *work, int32_t *out);
void mwi_fft_back_f32(const mwi_fft *fft, const float *in, float *work, float *out);
void mwi_fft_back_s16(const mwi_fft *fft, const int16_t *in, int16_t *work, int16_t *out);
void mwi_fft_back_s32(const mwi_fft *fft, const int32_t *in, int32_t *work, int32_t *out);

#endif
