/* passes/fold_batch_norm.c - BATCH_NORMALIZATION goes into the convolution or fully connected layer before it;
 * elsewhere it becomes MUL and ADD.
 * Depends: passes/edit.  Used by: the list of passes only.   SPDX-License-Identifier: Apache-2.0 */
#include "passes/pass_edit.h"

#include <math.h>

/* gamma / sqrt(variance + epsilon), and what is left of beta and mean. */
static void factors(const mwi_graph *g, const mwi_op *op, int32_t n, double *scale, double *shift)
{
    const float *const gamma = op->in[1] < 0 ? NULL : g->tensors[op->in[1]]->data;
    const float *const beta = op->in[2] < 0 ? NULL : g->tensors[op->in[2]]->data;
    const float *const mean = g->tensors[op->in[3]]->data, *const variance = g->tensors[op->in[4]]->data;
    const mwi_field *const f = mwi_op_field(op->desc, "epsilon");
    const double epsilon = (double)*(const float *)(const void *)((const char *)op->attr + f->offset);

    for (int32_t c = 0; c < n; c++) {
        scale[c] = (gamma == NULL ? 1.0 : (double)gamma[c]) / sqrt((double)variance[c] + epsilon);
        shift[c] = (beta == NULL ? 0.0 : (double)beta[c]) - (double)mean[c] * scale[c];
    }
}

static mw_status to_mul_add(mw_ctx *ctx, mw_model *m, mwi_graph *g, size_t at, const double *scale, const double *shift,
                            int32_t n)
{
    mwi_op *const bn = g->ops[at], *mul, *add;
    const mwi_tensor *const x = g->tensors[bn->in[0]];
    int32_t a, b, between;
    void *memory;
    const char *name;

    MWI_TRY(mwi_arena_array(ctx, &m->arena, (size_t)n, sizeof(float), &memory));
    float *const v = memory;
    for (int32_t c = 0; c < n; c++) v[c] = (float)scale[c];
    MWI_TRY(mwi_arena_printf(ctx, &m->arena, &name, "%s/scale", g->tensors[bn->out[0]]->name));
    MWI_TRY(mwi_graph_add_const(ctx, m, g, name, MW_FLOAT32, 1, &n, v, &a));
    for (int32_t c = 0; c < n; c++) v[c] = (float)shift[c];
    MWI_TRY(mwi_arena_printf(ctx, &m->arena, &name, "%s/shift", g->tensors[bn->out[0]]->name));
    MWI_TRY(mwi_graph_add_const(ctx, m, g, name, MW_FLOAT32, 1, &n, v, &b));
    MWI_TRY(mwi_arena_printf(ctx, &m->arena, &name, "%s/scaled", g->tensors[bn->out[0]]->name));
    MWI_TRY(mwi_graph_add_value(ctx, m, g, name, MW_FLOAT32, x->rank, x->dims, &between));
    for (int32_t i = 0; i < x->rank; i++) g->tensors[between]->signature[i] = x->signature[i];
    MWI_TRY(mwi_graph_add_op(ctx, m, g, at, &mwi_op_mul, 2, 1, &mul));
    mul->in[0] = bn->in[0];
    mul->in[1] = a;
    mul->out[0] = between;
    mul->layer = bn->layer;
    MWI_TRY(mwi_graph_add_op(ctx, m, g, at + 1, &mwi_op_add, 2, 1, &add));
    add->in[0] = between;
    add->in[1] = b;
    add->out[0] = bn->out[0];
    add->layer = bn->layer;
    mwi_graph_remove_op(g, at + 2);
    return MW_OK;
}

static mw_status fold_one(mw_ctx *ctx, mw_model *m, mwi_graph *g, size_t at, const mwi_uses *uses)
{
    mwi_op *const bn = g->ops[at];
    const mwi_tensor *const x = g->tensors[bn->in[0]];
    const int32_t n = x->dims[x->rank - 1];
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, &m->arena, 2 * (size_t)n, sizeof(double), &memory));
    double *const scale = memory, *const shift = scale + n;
    factors(g, bn, n, scale, shift);
    mwi_op *const before = mwi_sole_producer(g, uses, bn->in[0]);
    if (before == NULL || !mwi_is_affine(g, before) || mwi_affine_channels(g, before) != n)
        return to_mul_add(ctx, m, g, at, scale, shift, n);
    MWI_TRY(mwi_affine_rescale(ctx, m, g, before, scale, shift));
    mwi_take_output(before, bn);
    mwi_graph_remove_op(g, at);
    return MW_OK;
}

static bool is_constant(const mwi_graph *g, const mwi_op *op)
{
    for (size_t i = 1; i < op->n_in; i++)
        if (op->in[i] >= 0 && !mwi_is_float_const(g, op->in[i])) return false;
    return op->n_in == 5 && op->in[3] >= 0 && op->in[4] >= 0 && g->tensors[op->in[0]]->rank > 0;
}

static mw_status run(mw_ctx *ctx, mw_model *model, mwi_graph *graph, uint32_t *n_changes)
{
    for (size_t i = 0; i < graph->n_ops; i++) {
        mwi_uses uses;
        if (graph->ops[i]->desc != &mwi_op_batch_normalization || !is_constant(graph, graph->ops[i])) continue;
        MWI_TRY(mwi_graph_uses(ctx, graph, &model->arena, &uses));
        MWI_TRY(fold_one(ctx, model, graph, i, &uses));
        (*n_changes)++;
    }
    return MW_OK;
}

const mwi_pass_desc mwi_pass_fold_batch_norm = {
    .name = "fold_batch_norm",
    .summary = "batch normalisation into the layer before it, else MUL and ADD",
    .flags = MWI_PASS_LOWER | MWI_PASS_OPTIMIZE,
    .run = run,
};
