/* ops/registry.h - the list of operators, and what every user of a row needs.
 * Depends: model/.  Used by: formats, passes, runtime, compress.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_OPS_REGISTRY_H
#define MWI_OPS_REGISTRY_H

#include "model/op_desc.h"

#define MWI_OP(id) extern const mwi_op_desc mwi_op_##id;
#include "ops/ops.def"
#undef MWI_OP

extern const mwi_op_desc *const mwi_ops[]; /* sorted as ops.def, ends with NULL */

/* NULL when there is none. */
const mwi_op_desc *mwi_op_by_code(int32_t tflite_code);
const mwi_op_desc *mwi_op_by_custom(const char *custom_code);
const mwi_op_desc *mwi_op_by_name(const char *name);

/* Views of an operator's tensors at their declared shapes: constants have data, others have none.
 * The arrays are made in `arena`. */
MW_MUST_USE mw_status mwi_op_views(mw_ctx *ctx, const mwi_graph *graph, const mwi_op *op,
                                   mwi_arena *arena, mwi_shape_call *out);
/* Sets a view from a tensor; NULL gives the view of an input that is left out. The data of a sparse
 * constant are its blocks, constants of strings have none: kernels get views from mwi_view_dense.
 */
void mwi_view_of(const mwi_tensor *tensor, mwi_view *out);
/* The same with the elements of a sparse constant in their places, or those of a constant of
 * strings, in `arena`. Fails:
 * MW_EUNSUPPORTED (sparse elements below 8 bits), MW_ENOMEM, MW_ELIMIT. */
MW_MUST_USE mw_status mwi_view_dense(mw_ctx *ctx, const mwi_tensor *tensor, mwi_arena *arena,
                                     mwi_view *out);
/* infer with arity and attribute checks before it and dims checks after it; message names the op.
 */
MW_MUST_USE mw_status mwi_op_infer(mw_ctx *ctx, mwi_shape_call *call);

/* Whether a type list accepts these operands. */
bool mwi_types_match(const char *types, const mwi_view *in, size_t n_in, const mwi_view *out,
                     size_t n_out);

/* Infers the shapes of all values of a graph from its inputs' dims and stores them in the tensors
 * (dims, and dtype where the operator fixes it); open dimensions stay open in `signature`. Small
 * integer values (shapes) are evaluated on the way, so that SHAPE, PACK, RESHAPE chains resolve.
 * Used by readers and passes. Fails: MW_EFORMAT. */
MW_MUST_USE mw_status mwi_graph_infer(mw_ctx *ctx, mw_model *model, mwi_graph *graph);

/* Runs one operator's reference kernel once on `in` (all with data) with memory of its own;
 * outputs' data are made in `arena`. For constant folding, and tests. Fails: MW_EUNSUPPORTED (no
 * kernel, or an output shape unknown), or as the kernel does. */
MW_MUST_USE mw_status mwi_op_eval(mw_ctx *ctx, mwi_shape_call *call, mwi_arena *arena);

#endif
