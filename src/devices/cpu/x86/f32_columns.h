/* devices/cpu/x86/f32_columns.h - float depthwise convolution of a rectangle of outputs that have
 * the same taps inside the input: a lane is a channel. Depends: nothing.  Used by: the kernels of
 * this folder.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_DEVICES_CPU_X86_F32_COLUMNS_H
#define MWI_DEVICES_CPU_X86_F32_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>

/* Steps count floats. */
typedef struct mwi_f32_columns {
    const float *x;         /* the first output's first tap */
    const float *weights;   /* of that tap: [tap row][tap][channel] */
    const float *bias;      /* of each channel */
    float *out;             /* outputs lie beside each other */
    size_t n, channels;     /* outputs of a row */
    size_t n_out_rows;      /* rows of outputs */
    size_t x_row, out_row;  /* between rows of windows, of outputs */
    size_t n_rows, n_taps;  /* tap rows, taps of a row */
    size_t row_step;        /* between tap rows of the input */
    size_t tap_step;        /* between taps of the input */
    size_t step;            /* between windows of neighbouring outputs */
    size_t weight_row_step; /* between tap rows of the weights */
    float low, high;
} mwi_f32_columns;

/* Each output is one chain of fused multiply-adds, row by row. */
typedef void (*mwi_f32_columns_fn)(const mwi_f32_columns *columns);
void mwi_f32_columns_avx512(const mwi_f32_columns *columns);
void mwi_f32_columns_avx2(const mwi_f32_columns *columns);

#endif
