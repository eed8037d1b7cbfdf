/* tests/kernel_rows.h - every row of a device's list of kernels against the operator's reference
 * row, on buffers that end where memory cannot be read.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MW_TESTS_KERNEL_ROWS_H
#define MW_TESTS_KERNEL_ROWS_H

#include "graph_builder.h"

/* Runs `op`, whose shapes are inferred here, with each row of "/CPU:0" that this machine has and
 * that takes it, on one thread and on three. Operands without data are filled at random. Integers
 * must be equal, floats within `tolerance` (times the largest output); one thread and three give
 * the same bits. Fails the test otherwise. Returns how many rows ran. */
size_t kernel_rows_agree(builder *b, const mwi_op *op, double tolerance, uint64_t seed);

#endif
