/* devices/cpu/x86/f32_rows.h - dot products of one vector with rows of a matrix as it lies in
 * memory, for weights that are not worth packing.
 * Depends: nothing.  Used by: the kernels of this folder.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_DEVICES_CPU_X86_F32_ROWS_H
#define MWI_DEVICES_CPU_X86_F32_ROWS_H

#include <stddef.h>

typedef struct mwi_f32_rows {
    const float *x, *weights; /* [n_values], [n_rows][n_values] */
    const float *bias;        /* NULL: none */
    float *out;
    size_t n_values;
    float low, high;
} mwi_f32_rows;

/* Rows [begin, end). A row's result does not depend on the range. */
typedef void (*mwi_f32_rows_fn)(const mwi_f32_rows *rows, size_t begin, size_t end);
void mwi_f32_rows_avx512(const mwi_f32_rows *rows, size_t begin, size_t end);
void mwi_f32_rows_avx2(const mwi_f32_rows *rows, size_t begin, size_t end);

#endif
