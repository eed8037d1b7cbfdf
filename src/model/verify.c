/* model/verify.c - proves a model's structure, in all builds, after loading and after each pass.
 * Depends: model/.  Used by: readers, passes.
 * What it proves is what graph.h's "Holds" promises; shapes are proven by the operators' infer.
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/op_desc.h"
#include "model/strings.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static mw_status check_scales(mw_ctx *ctx, const mwi_tensor *t, const mw_quantization *q)
{
    for (size_t i = 0; i < q->n_scales; i++) {
        /* A scale of zero stands in real files where a channel's weights are all zero. */
        if (!isfinite(q->scales[i]) || q->scales[i] < 0)
            return mwi_fail(ctx, MW_EFORMAT, "scale %zu is %g, allowed finite and >= 0", i,
                            (double)q->scales[i]);
        const int64_t z = q->zero_points[i];
        int64_t low = INT32_MIN, high = INT32_MAX;
        if (t->dtype == MW_INT8) low = -128, high = 127;
        if (t->dtype == MW_UINT8) low = 0, high = 255;
        if (t->dtype == MW_INT16) low = -32768, high = 32767;
        if (z < low || z > high)
            return mwi_fail(ctx, MW_EFORMAT,
                            "zero point %zu is %" PRId64 ", allowed %" PRId64 " to %" PRId64, i, z,
                            low, high);
    }
    return MW_OK;
}

static mw_status check_quant(mw_ctx *ctx, const mwi_graph *g, const mwi_tensor *t)
{
    const mwi_quant *const mq = t->quant;
    const mw_quantization *const q = &mq->q;

    if (q->block_size > 0) {
        if (mq->block_scales < 0 || (size_t)mq->block_scales >= g->n_tensors ||
            mq->block_zero_points >= (int32_t)g->n_tensors)
            return mwi_fail(ctx, MW_EFORMAT, "blockwise scales are tensor %d of %zu",
                            mq->block_scales, g->n_tensors);
        return MW_OK;
    }
    /* The axis of a single scale means nothing, and real files name one out of range. */
    if (q->n_scales > 1 &&
        (q->axis < 0 || q->axis >= t->rank || (size_t)t->dims[q->axis] != q->n_scales))
        return mwi_fail(ctx, MW_EFORMAT, "%zu scales along axis %d do not fit the shape",
                        q->n_scales, q->axis);
    return check_scales(ctx, t, q);
}

static mw_status check_tensor(mw_ctx *ctx, const mwi_graph *g, const mwi_tensor *t)
{
    size_t bytes;

    if ((unsigned)t->dtype >= MW_N_DTYPES)
        return mwi_fail(ctx, MW_EUNSUPPORTED, "element type %d is unknown", (int)t->dtype);
    if (t->rank < 0 || t->rank > MW_MAX_RANK)
        return mwi_fail(ctx, MW_ELIMIT, "rank %d, limit %d", t->rank, MW_MAX_RANK);
    for (int32_t i = 0; i < t->rank; i++)
        if (t->dims[i] < 0 || t->signature[i] < -1)
            return mwi_fail(ctx, MW_EFORMAT, "dimension %d is %d", i, t->dims[i]);
    if (mw_dtype_bits(t->dtype) != 0) {
        if (!mwi_dims_bytes(t->dtype, t->rank, t->dims, &bytes) ||
            bytes > mwi_limits(ctx)->max_memory_bytes)
            return mwi_fail(ctx, MW_ELIMIT, "its shape is larger than any memory");
        if (t->data != NULL && t->sparsity == NULL && t->dtype != MW_STRING && t->bytes != bytes)
            return mwi_fail(ctx, MW_EFORMAT, "constant of %zu bytes, its shape needs %zu", t->bytes,
                            bytes);
    }
    if (t->is_variable && t->data != NULL)
        return mwi_fail(ctx, MW_EFORMAT, "a variable with constant data");
    if (t->sparsity != NULL && t->data != NULL)
        MWI_TRY(mwi_sparsity_check(ctx, t));
    else if (t->dtype == MW_STRING && t->data != NULL)
        MWI_TRY(mwi_strings_check(ctx, t));
    return t->quant == NULL ? MW_OK : check_quant(ctx, g, t);
}

static mw_status check_operand(mw_ctx *ctx, const mwi_graph *g, const char *what, size_t i,
                               int32_t t, bool optional)
{
    if (t == -1 && optional) return MW_OK;
    if (t < 0 || (size_t)t >= g->n_tensors)
        return mwi_fail(ctx, MW_EFORMAT, "%s %zu is tensor %d of %zu", what, i, t, g->n_tensors);
    return MW_OK;
}

static mw_status check_op(mw_ctx *ctx, const mwi_graph *g, const mwi_op *op, uint8_t *known)
{
    const mwi_op_desc *const d = op->desc;

    if (op->n_in < (size_t)(d->min_in < 0 ? 0 : d->min_in) ||
        (d->max_in >= 0 && op->n_in > (size_t)d->max_in))
        return mwi_fail(ctx, MW_EFORMAT, "%zu inputs, allowed %d to %d", op->n_in, d->min_in,
                        d->max_in);
    if (op->n_out < (size_t)(d->min_out < 0 ? 0 : d->min_out) ||
        (d->max_out >= 0 && op->n_out > (size_t)d->max_out))
        return mwi_fail(ctx, MW_EFORMAT, "%zu outputs, allowed %d to %d", op->n_out, d->min_out,
                        d->max_out);
    for (size_t k = 0; k < op->n_in; k++) {
        MWI_TRY(check_operand(ctx, g, "input", k, op->in[k], true));
        if (op->in[k] >= 0 && !known[op->in[k]])
            return mwi_fail(ctx, MW_EFORMAT, "input %zu (tensor %d '%s') is not made before it", k,
                            op->in[k], g->tensors[op->in[k]]->name);
    }
    for (size_t k = 0; k < op->n_intermediates; k++)
        MWI_TRY(check_operand(ctx, g, "intermediate", k, op->intermediates[k], true));
    for (size_t k = 0; k < op->n_out; k++) {
        MWI_TRY(check_operand(ctx, g, "output", k, op->out[k], false));
        /* Converters let an operator set a state tensor (a float16 state that DEQUANTIZE widens).
         */
        if (known[op->out[k]] && !g->tensors[op->out[k]]->is_variable)
            return mwi_fail(ctx, MW_EFORMAT, "output %zu (tensor %d '%s') has a value already", k,
                            op->out[k], g->tensors[op->out[k]]->name);
        known[op->out[k]] = 1;
    }
    return mwi_attr_check(ctx, d, op->attr);
}

static mw_status check_graph(mw_ctx *ctx, const mwi_graph *g, mwi_arena *scratch)
{
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, scratch, g->n_tensors, 1, &memory));
    uint8_t *const known = memory; /* has a value at this point of the order */
    for (size_t i = 0; i < g->n_tensors; i++) {
        const mwi_tensor *const t = g->tensors[i];
        MWI_TRY(mwi_prefix(ctx, check_tensor(ctx, g, t), "tensor %zu '%s'", i, t->name));
        known[i] = t->data != NULL || t->is_variable;
    }
    for (size_t i = 0; i < g->n_inputs; i++) {
        MWI_TRY(check_operand(ctx, g, "graph input", i, g->inputs[i], false));
        known[g->inputs[i]] = 1;
    }
    for (size_t i = 0; i < g->n_ops; i++)
        MWI_TRY(mwi_prefix(ctx, check_op(ctx, g, g->ops[i], known), "op %zu %s", i,
                           mwi_op_name(g->ops[i])));
    for (size_t i = 0; i < g->n_outputs; i++) {
        MWI_TRY(check_operand(ctx, g, "graph output", i, g->outputs[i], false));
        if (!known[g->outputs[i]])
            return mwi_fail(ctx, MW_EFORMAT, "graph output %zu (tensor %d) is made by no operator",
                            i, g->outputs[i]);
    }
    return MW_OK;
}

static mw_status check_signature(mw_ctx *ctx, const mw_model *m, const mwi_signature *s)
{
    if (s->graph >= m->n_graphs)
        return mwi_fail(ctx, MW_EFORMAT, "subgraph %zu of %zu", s->graph, m->n_graphs);
    const mwi_graph *const g = m->graphs[s->graph];
    for (size_t i = 0; i < s->n_inputs; i++)
        MWI_TRY(check_operand(ctx, g, "input", i, s->inputs[i].tensor, false));
    for (size_t i = 0; i < s->n_outputs; i++)
        MWI_TRY(check_operand(ctx, g, "output", i, s->outputs[i].tensor, false));
    return MW_OK;
}

mw_status mwi_model_verify(mw_ctx *ctx, const mw_model *model)
{
    mwi_arena scratch;
    mw_status st = MW_OK;

    if (model->n_graphs == 0) return mwi_fail(ctx, MW_EFORMAT, "%s: no subgraph", model->name);
    mwi_arena_init(ctx, &scratch);
    for (size_t i = 0; i < model->n_graphs && st == MW_OK; i++)
        st = mwi_prefix(ctx, check_graph(ctx, model->graphs[i], &scratch), "%s: subgraph %zu",
                        model->name, i);
    for (size_t i = 0; i < model->n_signatures && st == MW_OK; i++)
        st = mwi_prefix(ctx, check_signature(ctx, model, &model->signatures[i]),
                        "%s: signature '%s'", model->name, model->signatures[i].key);
    mwi_arena_deinit(&scratch);
    if (st == MW_OK) st = mwi_prefix(ctx, mwi_model_check_calls(ctx, model), "%s", model->name);
    return st;
}
