/* passes/rewriter.h - one graph while a pass changes it: who makes and who reads each tensor, kept
 * up to date by every change, so that a pass is linear in the graph.
 * Depends: ops/registry.  Used by: passes.
 * Holds:   (1) operators are named by an index that stays the same during a pass; removed ones are
 *          NULL;
 *          (2) the order of graph->ops is put right by mwi_rw_finish;
 *          (3) graph inputs and outputs keep their tensors: name, type, shape, quantization;
 *          (4) a computed tensor holds the values that it held before, or its elements in another
 *          order: where values change, they get a new tensor. What was known of a tensor (its
 *          range) stays true.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_PASSES_REWRITER_H
#define MWI_PASSES_REWRITER_H

#include "ops/registry.h"

typedef struct mwi_rw_use {
    int32_t op, k;      /* operand k of op */
    int32_t next, prev; /* of the same tensor; -1 ends */
} mwi_rw_use;

typedef struct mwi_rw_tensor {
    int32_t producer; /* operator, -1: constant, input or state */
    int32_t first;    /* use, -1 none */
    uint32_t n_reads; /* by operators */
    bool is_input, is_output;
} mwi_rw_tensor;

typedef struct mwi_rw {
    mwi_arena *arena; /* scratch of this run */
    mw_model *model;
    mwi_graph *graph;
    size_t n_ops, ops_capacity;
    mwi_op **ops;       /* (1) */
    int32_t *first_use; /* by operator: its operand k is use first_use + k */
    size_t n_uses, uses_capacity;
    mwi_rw_use *uses;
    size_t n_tensors, tensors_capacity;
    mwi_rw_tensor *tensors;
    uint32_t n_changes; /* places rewritten: the pass counts them */
} mwi_rw;

MW_MUST_USE mw_status mwi_rw_init(mw_ctx *ctx, mwi_arena *scratch, mw_model *model,
                                  mwi_graph *graph, mwi_rw *out);
/* Writes the operators back, each after what it reads, the present order kept where possible. */
MW_MUST_USE mw_status mwi_rw_finish(mw_ctx *ctx, mwi_rw *rw);

/* ---- asking ---- */

static inline mwi_tensor *mwi_rw_tensor_of(const mwi_rw *rw, int32_t t)
{
    return rw->graph->tensors[t];
}
/* The operator that makes the tensor; NULL: none. t may be -1. */
mwi_op *mwi_rw_producer(const mwi_rw *rw, int32_t t);
/* The same when its name is `name`, the tensor is its only output, and no one else reads that: else
 * NULL. */
mwi_op *mwi_rw_inner(const mwi_rw *rw, int32_t t, const char *name);
/* The only operand that reads the tensor: its operator, -1 when there are several, none, or it is
 * an output. */
int32_t mwi_rw_only_reader(const mwi_rw *rw, int32_t t);
/* Read once, and not a graph output. */
bool mwi_rw_single(const mwi_rw *rw, int32_t t);

bool mwi_op_is(const mwi_op *op, const char *name); /* NULL is nothing */
/* May be folded, merged, renamed: no state, no control flow, no variable among its operands, known.
 */
bool mwi_rw_is_pure(const mwi_rw *rw, const mwi_op *op);
bool mwi_rw_is_float(const mwi_rw *rw, int32_t t);
bool mwi_rw_is_const(const mwi_rw *rw, int32_t t);
/* Every dimension is known and does not change with the inputs' open ones. */
bool mwi_rw_is_fixed(const mwi_rw *rw, int32_t t);
/* Same rank and dimensions, open ones in the same places. */
bool mwi_rw_same_shape(const mwi_rw *rw, int32_t a, int32_t b);
/* Same type and quantization; whatever the shape. */
bool mwi_rw_same_type(const mwi_rw *rw, int32_t a, int32_t b);
size_t mwi_rw_count(const mwi_rw *rw, int32_t t); /* elements at the declared shape */
/* Elements of a dense float32 constant; NULL when it is none. */
const float *mwi_rw_floats(const mwi_rw *rw, int32_t t, size_t *out_n);
/* The value of a dense float32 constant of one element, or all elements of which are equal. */
bool mwi_rw_scalar(const mwi_rw *rw, int32_t t, float *out);
bool mwi_rw_is_scalar(const mwi_rw *rw, int32_t t, double value); /* within float rounding of it */
/* Integers of an int32 or int64 constant of at most `max`; false when it is none. t may be -1. */
bool mwi_rw_ints(const mwi_rw *rw, int32_t t, size_t max, int64_t *out, size_t *out_n);
/* Fused activation of an operator; MWI_ACT_NONE when it has no such field. */
int32_t mwi_op_activation(const mwi_op *op);
/* Between which numbers the results lie, whatever it reads: by its row, or by its fused activation
 * where kernels heed it. false: anywhere. op may be NULL. */
bool mwi_op_values_between(const mwi_op *op, double *low, double *high);
bool mwi_op_get_bool(const mwi_op *op, const char *field, bool otherwise);
float mwi_op_get_f32(const mwi_op *op, const char *field, float otherwise);
void mwi_op_set_bool(mwi_op *op, const char *field, bool value);
void mwi_op_set_f32(mwi_op *op, const char *field, float value);
/* MUL, ADD, ... of a computed float value and a float constant, in any order: which operand is
 * which. */
bool mwi_rw_with_const(const mwi_rw *rw, const mwi_op *op, int32_t *value, int32_t *constant);
/* The operand of a two-operand operator that is not `one`; -1 when neither is. */
int32_t mwi_rw_other(const mwi_op *op, int32_t one);

/* ---- changing ---- */

MW_MUST_USE mw_status mwi_rw_set_input(mw_ctx *ctx, mwi_rw *rw, int32_t op, size_t k,
                                       int32_t tensor);
/* All operators that read `from` read `to`. */
void mwi_rw_redirect(mwi_rw *rw, int32_t from, int32_t to);
void mwi_rw_remove(mwi_rw *rw, int32_t op);
/* The operator's only output becomes `tensor`, which nobody makes any more. */
void mwi_rw_set_output(mwi_rw *rw, int32_t op, int32_t tensor);
/* Removes operator `op` of one output whose value is that of `source`: readers read `source`. Where
 * the output is one of the graph, what makes `source` makes it instead. False, nothing changed:
 * they differ in type, shape or quantization, or neither tensor may go. */
bool mwi_rw_forward(mwi_rw *rw, int32_t op, int32_t source);
/* Producer `first`, read only by `second`, takes over the output of `second`, which goes. */
void mwi_rw_absorb(mwi_rw *rw, int32_t first, int32_t second);
/* Operators that only reshape lie between a maker and tensor `last`, each read by the next alone,
 * and the maker makes other values than before: what it makes, and what they make but `last`, get
 * new tensors (4). */
MW_MUST_USE mw_status mwi_rw_renew_before(mw_ctx *ctx, mwi_rw *rw, int32_t last);
/* The same for what such operators make of `first`, whose values are still the same, up to tensor
 * `last`. */
MW_MUST_USE mw_status mwi_rw_renew_behind(mw_ctx *ctx, mwi_rw *rw, int32_t first, int32_t last);
/* A new operator with unset operands and default attributes; its index in *out. */
MW_MUST_USE mw_status mwi_rw_add_op(mw_ctx *ctx, mwi_rw *rw, const mwi_op_desc *desc, size_t n_in,
                                    size_t n_out, int32_t *out);
/* A new operator of one output, which makes the same tensor from inputs `in`, takes the place of
 * `op`. */
MW_MUST_USE mw_status mwi_rw_replace_op(mw_ctx *ctx, mwi_rw *rw, int32_t op, const char *name,
                                        const int32_t *in, size_t n_in, mwi_op **out);
/* A value with the type, shape and quantization of `like`, named after it. */
MW_MUST_USE mw_status mwi_rw_add_value(mw_ctx *ctx, mwi_rw *rw, int32_t like, const char *suffix,
                                       int32_t *out);
/* A constant named after `like`; data are copied. */
MW_MUST_USE mw_status mwi_rw_add_const(mw_ctx *ctx, mwi_rw *rw, int32_t like, const char *suffix,
                                       mw_dtype dtype, int32_t rank, const int32_t *dims,
                                       const void *data, int32_t *out);
MW_MUST_USE mw_status mwi_rw_add_floats(mw_ctx *ctx, mwi_rw *rw, int32_t like, const char *suffix,
                                        int32_t rank, const int32_t *dims, const double *values,
                                        int32_t *out);
MW_MUST_USE mw_status mwi_rw_add_ints(mw_ctx *ctx, mwi_rw *rw, int32_t like, const char *suffix,
                                      size_t n, const int64_t *values,
                                      int32_t *out); /* int32, one dimension */
/* A RESHAPE of `in` to the shape of `out` in place of `op`, which makes `out`. keeps_batch:
 * dimension 0 is the same in both for whatever size of it. False: more than one dimension is open.
 */
MW_MUST_USE mw_status mwi_rw_make_reshape(mw_ctx *ctx, mwi_rw *rw, int32_t op, int32_t in,
                                          bool keeps_batch, bool *out_done);

#endif
