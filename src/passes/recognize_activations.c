/* passes/recognize_activations.c - written-out activations become one operator: x * relu6(x + 3) / 6 is HARD_SWISH,
 * max(x, 0) is RELU, min(max(x, 0), 6) is RELU6, max(x, a * x) is LEAKY_RELU.
 * Depends: passes/edit.  Used by: the list of passes only.   SPDX-License-Identifier: Apache-2.0 */
#include "passes/pass_edit.h"

static bool scalar(const mwi_graph *g, int32_t t, float *out)
{
    if (!mwi_is_float_const(g, t) || g->tensors[t]->bytes != sizeof(float)) return false;
    *out = *(const float *)g->tensors[t]->data;
    return true;
}

/* The operator of this kind that makes t for one reader alone, without a fused activation; NULL. */
static const mwi_op *made_by(const mwi_graph *g, const mwi_uses *u, int32_t t, const mwi_op_desc *desc, int32_t activation)
{
    const mwi_op *const op = mwi_sole_producer(g, u, t);
    return op != NULL && op->desc == desc && mwi_op_get_i32(op, "fused_activation_function", 0) == activation ? op : NULL;
}

/* One operand a scalar constant, the other the value. */
static bool with_scalar(const mwi_graph *g, const mwi_op *op, int32_t *x, float *value)
{
    for (int k = 0; k < 2; k++)
        if (scalar(g, op->in[1 - k], value)) return *x = op->in[k], true;
    return false;
}

/* relu6(x + 3), as two operators or with the activation fused. */
static bool is_relu6_of_plus_3(const mwi_graph *g, const mwi_uses *u, int32_t t, int32_t *x)
{
    float three;
    const mwi_op *add = made_by(g, u, t, &mwi_op_add, MWI_ACT_RELU6);
    const mwi_op *const relu6 = made_by(g, u, t, &mwi_op_relu6, 0);
    if (add == NULL && relu6 != NULL) add = made_by(g, u, relu6->in[0], &mwi_op_add, MWI_ACT_NONE);
    return add != NULL && with_scalar(g, add, x, &three) && three == 3.0f;
}

static bool near_sixth(float v) { return v > 0.1666f && v < 0.16674f; }

/* (x * relu6(x + 3)) / 6, * (1/6), or x * (relu6(x + 3) * (1/6)). */
static bool is_hard_swish(const mwi_graph *g, const mwi_uses *u, const mwi_op *op, int32_t *x)
{
    float v;
    int32_t inner, base;
    const bool mul = op->desc == &mwi_op_mul, div = op->desc == &mwi_op_div;

    if (!mul && !div) return false;
    if (with_scalar(g, op, &inner, &v) && ((mul && near_sixth(v)) || (div && v == 6.0f && op->in[0] == inner))) {
        const mwi_op *const product = made_by(g, u, inner, &mwi_op_mul, MWI_ACT_NONE);
        for (int k = 0; product != NULL && k < 2; k++)
            if (is_relu6_of_plus_3(g, u, product->in[k], &base) && base == product->in[1 - k]) return *x = base, true;
        return false;
    }
    for (int k = 0; mul && k < 2; k++) {
        const mwi_op *const sixth = mwi_sole_producer(g, u, op->in[k]);
        if (sixth == NULL || (sixth->desc != &mwi_op_mul && sixth->desc != &mwi_op_div) || !with_scalar(g, sixth, &inner, &v)) continue;
        const bool good = sixth->desc == &mwi_op_mul ? near_sixth(v) : v == 6.0f && sixth->in[0] == inner;
        if (good && is_relu6_of_plus_3(g, u, inner, &base) && base == op->in[1 - k]) return *x = base, true;
    }
    return false;
}

static mw_status replace(mw_ctx *ctx, mw_model *m, mwi_graph *g, size_t at, const mwi_op_desc *desc, int32_t x, mwi_op **out)
{
    const mwi_op *const old = g->ops[at];

    MWI_TRY(mwi_graph_add_op(ctx, m, g, at, desc, 1, 1, out));
    (*out)->in[0] = x;
    (*out)->out[0] = old->out[0];
    (*out)->layer = old->layer;
    mwi_graph_remove_op(g, at + 1);
    return MW_OK;
}

static mw_status recognize(mw_ctx *ctx, mw_model *m, mwi_graph *g, size_t at, const mwi_uses *u, bool *done)
{
    const mwi_op *const op = g->ops[at];
    int32_t x, inner;
    float v, w;
    mwi_op *made;

    *done = true;
    if (is_hard_swish(g, u, op, &x) && mwi_op_get_i32(op, "fused_activation_function", 0) == 0)
        return replace(ctx, m, g, at, &mwi_op_hard_swish, x, &made);
    if (op->desc == &mwi_op_maximum && with_scalar(g, op, &x, &v) && v == 0.0f && mwi_same_shape(g->tensors[x], g->tensors[op->out[0]]))
        return replace(ctx, m, g, at, &mwi_op_relu, x, &made);
    if (op->desc == &mwi_op_minimum && with_scalar(g, op, &x, &v) && v == 6.0f) {
        const mwi_op *const low = mwi_sole_producer(g, u, x);
        if (low != NULL && low->desc == &mwi_op_relu) return replace(ctx, m, g, at, &mwi_op_relu6, low->in[0], &made);
    }
    for (int k = 0; op->desc == &mwi_op_maximum && k < 2; k++) {
        const mwi_op *const mul = made_by(g, u, op->in[k], &mwi_op_mul, MWI_ACT_NONE);
        if (mul == NULL || !with_scalar(g, mul, &inner, &w) || inner != op->in[1 - k] || !(w > 0 && w < 1)) continue;
        MWI_TRY(replace(ctx, m, g, at, &mwi_op_leaky_relu, inner, &made));
        const mwi_field *const f = mwi_op_field(made->desc, "alpha");
        *(float *)(void *)((char *)made->attr + f->offset) = w;
        return MW_OK;
    }
    *done = false;
    return MW_OK;
}

static mw_status run(mw_ctx *ctx, mw_model *model, mwi_graph *graph, uint32_t *n_changes)
{
    for (size_t i = 0; i < graph->n_ops; i++) {
        const mwi_op *const op = graph->ops[i];
        mwi_uses uses;
        bool done;
        if (op->n_in != 2 || op->n_out != 1 || graph->tensors[op->out[0]]->dtype != MW_FLOAT32) continue;
        if (op->in[0] < 0 || op->in[1] < 0 || (op->desc->traits & MWI_OP_BINARY_BROADCAST) == 0) continue;
        MWI_TRY(mwi_graph_uses(ctx, graph, &model->arena, &uses));
        MWI_TRY(recognize(ctx, model, graph, i, &uses, &done));
        *n_changes += done;
    }
    return MW_OK;
}

const mwi_pass_desc mwi_pass_recognize_activations = {
    .name = "recognize_activations",
    .summary = "written-out hard-swish, RELU, RELU6 and LEAKY_RELU",
    .flags = MWI_PASS_OPTIMIZE,
    .run = run,
};
