/* tests/double_ops.h - a graph's values in double precision, by naive loops that share nothing with
 * the kernels: what gradients are checked against by finite differences.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MW_TESTS_DOUBLE_OPS_H
#define MW_TESTS_DOUBLE_OPS_H

#include "ops/registry.h"

/* A tensor; integers and booleans are held as doubles too. */
typedef struct double_value {
    int32_t rank;
    int32_t dims[MW_MAX_RANK];
    size_t n;
    double *v; /* NULL: an operand that is left out, or not known yet */
} double_value;

typedef struct double_call {
    const mwi_op *op;
    const double_value *in;
    double_value *out; /* dims are set, v is zero */
    size_t n_in, n_out;
} double_call;

/* A row for an operator; a fused activation is applied after it. */
typedef struct double_op {
    const char *name;
    void (*run)(const double_call *c);
} double_op;
/* Lists, each ending with a NULL name. */
extern const double_op double_ops_pointwise[], double_ops_layers[], double_ops_moves[],
    double_ops_training[];

/* Computes the first n_ops operators. `values` has one entry a tensor; those of the inputs are
 * given. Fails the test for an operator without a row. */
void double_run(mw_ctx *ctx, const mwi_graph *graph, size_t n_ops, double_value *values,
                mwi_arena *arena);
/* Room for a value's elements by its dims, zero. */
void double_alloc(mw_ctx *ctx, mwi_arena *arena, double_value *value);

/* ---- for the rows ---- */

int32_t double_i32(const double_call *c, const char *field);
double double_f32(const double_call *c, const char *field);
bool double_bool(const double_call *c, const char *field);
/* Place in v of the element that is broadcast to element i of `to`. */
size_t double_broadcast(const double_value *v, const double_value *to, size_t i);
/* Index i as coordinates, and back. */
void double_coords(const double_value *v, size_t i, int32_t *at);
size_t double_place(const double_value *v, const int32_t *at);
/* Padding before, of a window. */
int32_t double_pad(const double_call *c, int32_t in, int32_t out, int32_t size, int32_t stride,
                   int32_t dilation);
/* Last dimension, 1 for a scalar; axis from the end. */
size_t double_last(const double_value *v);

#endif
