/* tests/gradient_check.h - one small graph's gradients against central finite differences in double
 * precision (double_ops.h).   SPDX-License-Identifier: Apache-2.0 */
#ifndef MW_TESTS_GRADIENT_CHECK_H
#define MW_TESTS_GRADIENT_CHECK_H

#include "ops/registry.h"

/* A graph as graph_text.h writes it. The loss is the sum of sin(y) + y / 2 over all outputs; it is
 * differentiated by every float input whose name does not begin with '_'. Names say how inputs are
 * filled: 'p' from 0.5 to 2, 'w' from -9 to 9, others from -1 to 1. An open dimension is 3 in the
 * session. Checks, with all kernels and with the reference kernels alone: results against double
 * precision, gradients against finite differences, and that three threads give the bits of one. */
void gradient_check(const char *text);

/* How many operators named so have been differentiated by gradient_check. */
size_t gradient_checked(const char *op);

#endif
