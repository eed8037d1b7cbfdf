/* ops/gradient.c - see gradient.h.
 * Depends: ops/emit_op.  Used by: ops/.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"

#include <math.h>

mw_status mwi_gradient_none(mw_ctx *ctx, mwi_gradient_call *call)
{
    (void)ctx;
    (void)call;
    return MW_OK;
}

mw_status mwi_emit_reshape_like(mw_ctx *ctx, const mwi_emitter *at, int32_t t, int32_t like,
                                int32_t *out)
{
    return mwi_emit2(ctx, at, &mwi_op_reshape_like, t, like, out);
}

mw_status mwi_emit_scaled(mw_ctx *ctx, const mwi_emitter *at, int32_t t, double value, int32_t *out)
{
    int32_t factor;

    MWI_TRY(mwi_emit_float(ctx, at, value, &factor));
    return mwi_emit2(ctx, at, &mwi_op_mul, t, factor, out);
}

mw_status mwi_gradient_reshape(mw_ctx *ctx, mwi_gradient_call *call)
{
    if (!call->wanted[0]) return MW_OK;
    return mwi_emit_reshape_like(ctx, &call->at, call->d_out[0], call->at.op->in[0],
                                 &call->d_in[0]);
}

/* ---- pointwise ---- */

static double parameter_of(const mwi_op *op, const char *name)
{
    const mwi_field *const f = name == NULL ? NULL : mwi_op_field(op->desc, name);

    if (f == NULL) return 0;
    const void *const at = (const char *)op->attr + f->offset;
    return f->kind == MWI_FIELD_BOOL ? *(const bool *)at : (double)*(const float *)at;
}

mw_status mwi_gradient_pointwise(mw_ctx *ctx, mwi_gradient_call *call)
{
    const mwi_op *const op = call->at.op;
    const mwi_slope *const s = op->desc->slope;

    return mwi_emit(
        ctx, &call->at, &mwi_op_pointwise_grad,
        MWI_IN(call->d_out[0], s->reads_x ? op->in[0] : -1, s->reads_y ? op->out[0] : -1),
        MWI_SET({"op", 0, op->desc->name}, {"parameter", parameter_of(op, s->parameter), NULL}),
        &call->d_in[0]);
}

static mw_status clamp(mw_ctx *ctx, const mwi_gradient_call *call, double low, double high,
                       int32_t *out)
{
    return mwi_emit(ctx, &call->at, &mwi_op_relu_grad, MWI_IN(call->at.op->out[0], call->d_out[0]),
                    MWI_SET({"low", low, NULL}, {"high", high, NULL}), out);
}

mw_status mwi_gradient_clamp(mw_ctx *ctx, mwi_gradient_call *call)
{
    const mwi_op_desc *const d = call->at.op->desc;
    return clamp(ctx, call, d->out_low, d->out_high, &call->d_in[0]);
}

mw_status mwi_gradient_of_sum(mw_ctx *ctx, const mwi_gradient_call *call, int32_t *out)
{
    const int32_t activation =
        mwi_op_get_i32(call->at.op, "fused_activation_function", MWI_ACT_NONE);

    switch (activation) {
    case MWI_ACT_NONE: *out = call->d_out[0]; return MW_OK;
    case MWI_ACT_RELU: return clamp(ctx, call, 0, HUGE_VAL, out);
    case MWI_ACT_RELU6: return clamp(ctx, call, 0, 6, out);
    case MWI_ACT_RELU_N1_TO_1: return clamp(ctx, call, -1, 1, out);
    default:
        return mwi_fail(ctx, MW_EUNSUPPORTED, "fused activation %s has no gradient",
                        mwi_activation_names[activation]);
    }
}

/* ---- broadcast ---- */

mw_status mwi_gradient_to_input(mw_ctx *ctx, mwi_gradient_call *call, size_t k, int32_t gradient)
{
    if (!call->wanted[k]) return MW_OK;
    return mwi_emit2(ctx, &call->at, &mwi_op_sum_like, gradient, call->at.op->in[k],
                     &call->d_in[k]);
}

mw_status mwi_gradient_of_bias(mw_ctx *ctx, mwi_gradient_call *call, size_t k, int32_t gradient)
{
    const mwi_op *const op = call->at.op;

    if (k >= op->n_in || op->in[k] < 0 || !call->wanted[k]) return MW_OK;
    MWI_TRY(mwi_emit1(ctx, &call->at, &mwi_op_bias_grad, gradient, &call->d_in[k]));
    if (call->at.graph->tensors[op->in[k]]->rank == 1) return MW_OK;
    return mwi_emit_reshape_like(ctx, &call->at, call->d_in[k], op->in[k], &call->d_in[k]);
}
