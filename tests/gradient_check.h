/* tests/gradient_check.h - gradients of a graph against central finite differences in double
 * precision (double_ops.h). The loss is the sum of sin(y) + y / 2 over all outputs.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MW_TESTS_GRADIENT_CHECK_H
#define MW_TESTS_GRADIENT_CHECK_H

#include "ops/registry.h"

/* A small graph as graph_text.h writes it, differentiated by every float input whose name does not
 * begin with '_', element by element. Names say how inputs are filled: 'p' from 0.5 to 2, 'w' from
 * -9 to 9, others from -1 to 1. An open dimension is 3 in the session. Checks, with all kernels and
 * with the reference kernels alone: results against double precision, gradients against finite
 * differences, and that three threads give the bits of one. */
void gradient_check(const char *text);

/* A model, differentiated by its float constants of more than one element and its float inputs,
 * along `n_directions` random directions in which each tensor counts alike. With all kernels; three
 * threads give the bits of one. Open dimensions are 3 where the model takes that. */
void gradient_check_model(mw_ctx *ctx, const mw_model *model, const char *name, int n_directions);

/* How many operators named so have been differentiated by these. */
size_t gradient_checked(const char *op);

#endif
