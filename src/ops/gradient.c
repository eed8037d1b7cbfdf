/* ops/gradient.c - see gradient.h.
 * Depends: ops/emit_op.  Used by: ops/.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"

#include <math.h>
#include <string.h>

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

mw_status mwi_gradient_identity(mw_ctx *ctx, mwi_gradient_call *call)
{
    (void)ctx;
    call->d_in[0] = call->d_out[0];
    return MW_OK;
}

mw_status mwi_gradient_itself(mw_ctx *ctx, mwi_gradient_call *call)
{
    const mwi_op *const op = call->at.op;
    int32_t in[4];

    if (op->n_in > MWI_COUNT(in)) return mwi_fail(ctx, MW_EUNSUPPORTED, "too many operands");
    memcpy(in, op->in, op->n_in * sizeof *in);
    in[0] = call->d_out[0];
    return mwi_emit(ctx, &call->at, op->desc, in, op->n_in, mwi_same_settings, &call->d_in[0]);
}

mw_status mwi_gradient_or_zeros(mw_ctx *ctx, const mwi_gradient_call *call, size_t k, int32_t *out)
{
    *out = call->d_out[k];
    if (*out >= 0) return MW_OK;
    return mwi_emit1(ctx, &call->at, &mwi_op_zeros_like, call->at.op->out[k], out);
}

mw_status mwi_gradient_ints(mw_ctx *ctx, const mwi_gradient_call *call, size_t k, size_t max,
                            int32_t *out, size_t *out_n)
{
    const mwi_tensor *const t = call->at.graph->tensors[call->at.op->in[k]];
    size_t n;

    if (t->data == NULL || (t->dtype != MW_INT32 && t->dtype != MW_INT64))
        return mwi_fail(ctx, MW_EUNSUPPORTED, "input %zu is not constant", k);
    if (!mwi_dims_count(t->rank, t->dims, &n) || n > max)
        return mwi_fail(ctx, MW_EFORMAT, "input %zu has more than %zu values", k, max);
    for (size_t i = 0; i < n; i++)
        out[i] = t->dtype == MW_INT64 ? (int32_t)((const int64_t *)t->data)[i]
                                      : ((const int32_t *)t->data)[i];
    if (out_n != NULL) *out_n = n;
    return MW_OK;
}

void mwi_emit_same_dims(const mwi_emitter *at, int32_t tensor, int32_t like)
{
    const mwi_tensor *const from = at->graph->tensors[like];
    mwi_tensor *const t = at->graph->tensors[tensor];

    t->rank = from->rank;
    memcpy(t->dims, from->dims, sizeof t->dims);
    memcpy(t->signature, from->dims, sizeof t->signature);
}

mw_status mwi_emit_select(mw_ctx *ctx, const mwi_emitter *at, const int32_t operands[3],
                          int32_t like, int32_t *out)
{
    MWI_TRY(mwi_emit(ctx, at, &mwi_op_select_v2, operands, 3, NULL, out));
    mwi_emit_same_dims(at, *out, like);
    return MW_OK;
}

mw_status mwi_gradient_chosen(mw_ctx *ctx, mwi_gradient_call *call, int32_t mask, size_t first,
                              size_t second)
{
    const int32_t dy = call->d_out[0];
    int32_t zero, part;

    MWI_TRY(mwi_emit_float(ctx, &call->at, 0, &zero));
    if (call->wanted[first]) {
        MWI_TRY(mwi_emit_select(ctx, &call->at, (const int32_t[]){mask, dy, zero}, dy, &part));
        MWI_TRY(mwi_gradient_to_input(ctx, call, first, part));
    }
    if (!call->wanted[second]) return MW_OK;
    MWI_TRY(mwi_emit_select(ctx, &call->at, (const int32_t[]){mask, zero, dy}, dy, &part));
    return mwi_gradient_to_input(ctx, call, second, part);
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

static mw_status emit_clamp(mw_ctx *ctx, const mwi_emitter *at, int32_t y, int32_t dy, double low,
                            double high, int32_t *out)
{
    return mwi_emit(ctx, at, &mwi_op_relu_grad, MWI_IN(y, dy),
                    MWI_SET({"low", low, NULL}, {"high", high, NULL}), out);
}

/* What comes out of a MAX_POOL_2D alone is clamped before it is spread out: it goes to elements
 * that are equal to the pool's, of which there are fewer. The gradient that spreads first is
 * then read by nobody, and pruned. */
static mw_status clamp(mw_ctx *ctx, const mwi_gradient_call *call, double low, double high,
                       int32_t *out)
{
    const int32_t y = call->at.op->out[0], dy = call->d_out[0];
    const int32_t from = mwi_graph_producer(call->at.graph, dy);
    const mwi_op *const pool = from < 0 ? NULL : call->at.graph->ops[from];

    if (pool == NULL || pool->desc != &mwi_op_max_pool_grad || pool->in[0] != y)
        return emit_clamp(ctx, &call->at, y, dy, low, high, out);
    const mwi_emitter at = {.model = call->at.model, .graph = call->at.graph, .op = pool};
    const int32_t pooled = pool->in[1];
    int32_t clamped;
    MWI_TRY(emit_clamp(ctx, &call->at, pooled, pool->in[2], low, high, &clamped));
    return mwi_emit(ctx, &at, pool->desc, MWI_IN(y, pooled, clamped), mwi_same_settings, out);
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
