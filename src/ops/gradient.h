/* ops/gradient.h - gradients that several rows share.
 * Depends: ops/emit_op.  Used by: ops/.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_OPS_GRADIENT_H
#define MWI_OPS_GRADIENT_H

#include "ops/emit_op.h"

/* Rows' `gradient`: nothing flows through (FLOOR, SHAPE, comparisons). */
mw_status mwi_gradient_none(mw_ctx *ctx, mwi_gradient_call *call);
/* The output's gradient in the shape of input 0 (RESHAPE, SQUEEZE, EXPAND_DIMS). */
mw_status mwi_gradient_reshape(mw_ctx *ctx, mwi_gradient_call *call);
/* The output's gradient as it is (DROPOUT, CAST to the same type). */
mw_status mwi_gradient_identity(mw_ctx *ctx, mwi_gradient_call *call);
/* The operator itself, of the output's gradient and the other inputs (REVERSE_V2). */
mw_status mwi_gradient_itself(mw_ctx *ctx, mwi_gradient_call *call);
/* By the row's slope: POINTWISE_GRAD. */
mw_status mwi_gradient_pointwise(mw_ctx *ctx, mwi_gradient_call *call);
/* Clamps between the row's out_low and out_high: RELU_GRAD. */
mw_status mwi_gradient_clamp(mw_ctx *ctx, mwi_gradient_call *call);

/* The gradient of output 0 before its fused activation. Fails: MW_EUNSUPPORTED (TANH, SIGN_BIT). */
MW_MUST_USE mw_status mwi_gradient_of_sum(mw_ctx *ctx, const mwi_gradient_call *call, int32_t *out);
/* Gradient of output k; zeros where nothing depends on it. */
MW_MUST_USE mw_status mwi_gradient_or_zeros(mw_ctx *ctx, const mwi_gradient_call *call, size_t k,
                                            int32_t *out);
/* The integers of constant input k. Fails: MW_EUNSUPPORTED (not constant), MW_EFORMAT. */
MW_MUST_USE mw_status mwi_gradient_ints(mw_ctx *ctx, const mwi_gradient_call *call, size_t k,
                                        size_t max, int32_t *out, size_t *out_n);
/* Declares a new tensor's shape, where its operator keeps what is declared. */
void mwi_emit_same_dims(const mwi_emitter *at, int32_t tensor, int32_t like);
/* SELECT_V2 in the shape of `like`: of single elements that operator keeps what shape it is given.
 */
MW_MUST_USE mw_status mwi_emit_select(mw_ctx *ctx, const mwi_emitter *at, const int32_t operands[3],
                                      int32_t like, int32_t *out);
/* Gradients of a two-operand operator that takes one operand where `mask` holds, else the other;
 * first, second: operands. */
MW_MUST_USE mw_status mwi_gradient_chosen(mw_ctx *ctx, mwi_gradient_call *call, int32_t mask,
                                          size_t first, size_t second);
/* d_in[k] from a gradient in the shape of the output to which input k was broadcast; nothing when
 * it is not wanted. */
MW_MUST_USE mw_status mwi_gradient_to_input(mw_ctx *ctx, mwi_gradient_call *call, size_t k,
                                            int32_t gradient);
/* d_in[k] of a bias: the sum of `gradient` over all dimensions but the last. Nothing when there is
 * no such input or it is not wanted. */
MW_MUST_USE mw_status mwi_gradient_of_bias(mw_ctx *ctx, mwi_gradient_call *call, size_t k,
                                           int32_t gradient);
/* `t` in the shape of `like`, by RESHAPE_LIKE. */
MW_MUST_USE mw_status mwi_emit_reshape_like(mw_ctx *ctx, const mwi_emitter *at, int32_t t,
                                            int32_t like, int32_t *out);
/* a * b, a / b, ... with broadcast: desc ADD, SUB, MUL, DIV. */
static inline mw_status mwi_emit2(mw_ctx *ctx, const mwi_emitter *at, const mwi_op_desc *desc,
                                  int32_t a, int32_t b, int32_t *out)
{
    return mwi_emit(ctx, at, desc, MWI_IN(a, b), NULL, out);
}
/* One operand, no settings. */
static inline mw_status mwi_emit1(mw_ctx *ctx, const mwi_emitter *at, const mwi_op_desc *desc,
                                  int32_t a, int32_t *out)
{
    return mwi_emit(ctx, at, desc, MWI_IN(a), NULL, out);
}
/* t * value. */
MW_MUST_USE mw_status mwi_emit_scaled(mw_ctx *ctx, const mwi_emitter *at, int32_t t, double value,
                                      int32_t *out);

#endif
