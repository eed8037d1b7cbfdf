/* devices/cpu/x86/f32_row_sums.h - sums over rows of channels, by chunks of rows that do not depend
 * on the threads and are added up in order.
 * Depends: model/op_desc.  Used by: the kernels of this folder.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_DEVICES_CPU_X86_F32_ROW_SUMS_H
#define MWI_DEVICES_CPU_X86_F32_ROW_SUMS_H

#include "model/op_desc.h"

/* Rows of `channels` values. mean: one a channel. Sums are in a fixed order. */
typedef struct mwi_f32_rows_isa {
    void (*sum)(const float *x, const float *y, const float *mean, size_t n_rows, size_t channels,
                float *out); /* x */
    void (*squares)(const float *x, const float *y, const float *mean, size_t n_rows,
                    size_t channels, float *out); /* (x - mean)^2 */
    void (*products)(const float *x, const float *y, const float *mean, size_t n_rows,
                     size_t channels, float *out); /* y * (x - mean) */
    /* factors: [3][channels]: out = (x - mean) * factors[0] + factors[1]; and y * factors[2]. */
    void (*shift)(const float *x, const float *y, const float *mean, const float *factors,
                  size_t n_rows, size_t channels, float *out);
    void (*combine)(const float *x, const float *y, const float *mean, const float *factors,
                    size_t n_rows, size_t channels, float *out);
} mwi_f32_rows_isa;

extern const mwi_f32_rows_isa mwi_f32_row_sums_avx512, mwi_f32_row_sums_avx2;

typedef struct mwi_f32_row_sums {
    size_t n_rows, channels, rows_a_chunk, n_chunks;
} mwi_f32_row_sums;

/* Of all values of `v` by its last dimension, both above 0. *bytes: scratch of a sum. Fails:
 * MW_ELIMIT. */
MW_MUST_USE mw_status mwi_f32_row_sums_plan(mw_ctx *ctx, const mwi_view *v, mwi_f32_row_sums *out,
                                            size_t *bytes);

/* Operands of a walk over rows; what the function does not read may be NULL. */
typedef struct mwi_f32_row_operands {
    const float *x, *y, *mean, *factors;
} mwi_f32_row_operands;
typedef void (*mwi_f32_row_sum_fn)(const float *x, const float *y, const float *mean, size_t n_rows,
                                   size_t channels, float *out);
typedef void (*mwi_f32_row_map_fn)(const float *x, const float *y, const float *mean,
                                   const float *factors, size_t n_rows, size_t channels,
                                   float *out);

/* out: one a channel; `isa` adds up the chunks. */
void mwi_f32_row_sums_run(const mwi_f32_row_sums *sums, const mwi_f32_rows_isa *isa,
                          mwi_f32_row_sum_fn fn, const mwi_f32_row_operands *in, mwi_pool *pool,
                          float *scratch, float *out);
void mwi_f32_row_map_run(const mwi_f32_row_sums *sums, mwi_f32_row_map_fn fn,
                         const mwi_f32_row_operands *in, mwi_pool *pool, float *out);

#endif
