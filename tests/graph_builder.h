/* tests/graph_builder.h - small models made by hand, for tests that need no files.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MW_TESTS_GRAPH_BUILDER_H
#define MW_TESTS_GRAPH_BUILDER_H

#include "ops/registry.h"

/* Every function fails the running test when it cannot do its work. */
typedef struct builder {
    mw_ctx *ctx;
    mw_model *model;
    mwi_graph *graph;
} builder;

#define DIMS(...)                                                                                  \
    (int32_t)(sizeof((int32_t[]){__VA_ARGS__}) / sizeof(int32_t)), (const int32_t[]) { __VA_ARGS__ }
#define TENSORS(...)                                                                               \
    (const int32_t[]){__VA_ARGS__}, sizeof((int32_t[]){__VA_ARGS__}) / sizeof(int32_t)

builder builder_open(mw_ctx *ctx);
/* A float value; every name is its index. */
int32_t builder_value(builder *b, int32_t rank, const int32_t *dims);
int32_t builder_typed(builder *b, mw_dtype dtype, int32_t rank, const int32_t *dims);
int32_t builder_floats(builder *b, int32_t rank, const int32_t *dims, const float *data);
int32_t builder_ints(builder *b, int32_t rank, const int32_t *dims, const int32_t *data);
/* Pseudo-random constants in [-1, 1). */
int32_t builder_random(builder *b, int32_t rank, const int32_t *dims, uint64_t seed);
/* A float state tensor. */
int32_t builder_state(builder *b, int32_t rank, const int32_t *dims);
/* Appends an operator with `outputs` that exist. */
mwi_op *builder_op(builder *b, const char *name, const int32_t *in, size_t n_in, const int32_t *out,
                   size_t n_out);
/* Appends an operator with one new output, whose shape is inferred by builder_close; returns it. */
int32_t builder_apply(builder *b, const char *name, const int32_t *in, size_t n_in);
/* Sets inputs and outputs, infers shapes and verifies. */
mw_model *builder_close(builder *b, const int32_t *in, size_t n_in, const int32_t *out,
                        size_t n_out);

/* Runs graph 0 of a model operator by operator, each value in memory of its own.
 *   values  n_tensors pointers: data of inputs and state are given, those of computed values are
 * set (in `arena`); the views of `model`'s declared shapes apply */
void run_naively(mw_ctx *ctx, const mw_model *model, mwi_arena *arena, void **values);

#endif
