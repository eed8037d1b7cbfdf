/* tests/graph_text.h - small models written as text, for tests of passes and other rewrites.
 *
 *   x = input f32 [1,4,4,3]            an input; ? is an open dimension (declared 1)
 *   k = const f32 [8,1,1,3]            a constant of random numbers; = 1,2,3 gives them (the last
 * repeats) q = input i8 [1,4] @ 0.5 3         scale and zero point y = CONV_2D x k - padding=VALID
 * an operator: operands (- is none), attributes by their schema names a b = SPLIT axis y
 * num_splits=2    several outputs z: i8 @ 0.5 3 = RELU y             type and quantization of an
 * output, else those of the first operand v: f32 [?,4] = ...                 its declared shape,
 * else inferred out z y
 *
 *   graph                              what follows is the next subgraph
 *
 * Statements end at ';' or the line's end.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MW_TESTS_GRAPH_TEXT_H
#define MW_TESTS_GRAPH_TEXT_H

#include "model/op_desc.h"

/* *out is owned; shapes are inferred and the model is verified. Fails the test on a mistake in the
 * text. */
mw_model *graph_from_text(mw_ctx *ctx, const char *text, uint64_t seed);
/* The operators of graph 0 in order: "CONV_2D/RELU ADD". A fused activation follows '/', padding of
 * a window with '.', e.g. "CONV_2D.SAME/RELU6". Owned: free(). */
char *graph_ops_text(const mw_model *model);

/* Fills an input or any buffer of a type with random numbers: floats in -4 to 4, integers of the
 * type's range. */
void random_fill(mw_dtype dtype, void *data, size_t bytes, uint64_t *seed);

/* Runs both models on `n_runs` sets of random inputs and compares all outputs: integers to the bit,
 * floats within `tolerance` of the largest value. batch > 1: the first dimension of every input is
 * that. NULL when they agree, else what differs (static storage). */
const char *models_differ(mw_ctx *ctx, const mw_model *a, const mw_model *b, int n_runs,
                          double tolerance, int32_t batch, uint64_t seed);

#endif
