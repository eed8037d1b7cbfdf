/* train/forms.c - layers in the form that they have while training.
 * Depends: train/step_build.  Used by: train/step_graph.     SPDX-License-Identifier: Apache-2.0 */
#include "train/step_build.h"

#include <string.h>

static void copy_fields(mwi_op *to, const mwi_op *from)
{
    for (const mwi_field *f = to->desc->fields; f->kind != MWI_FIELD_END; f++) {
        const mwi_field *const g = mwi_op_field(from->desc, f->name);
        const size_t bytes = f->kind == MWI_FIELD_BOOL ? sizeof(bool) : sizeof(float);
        if (g != NULL && g->kind == f->kind)
            memcpy((char *)to->attr + f->offset, (const char *)from->attr + g->offset, bytes);
    }
}

/* Another operator in place of the i-th, with its first inputs and its first output. */
static mw_status replace(mw_ctx *ctx, mwi_step_graph *g, size_t i, const mwi_op_desc *desc,
                         size_t n_in, size_t n_out, mwi_op **out)
{
    const mwi_op *const old = g->graph->ops[i];

    MWI_TRY(mwi_graph_add_op(ctx, g->model, g->graph, i, desc, n_in, n_out, out));
    mwi_graph_remove_op(g->graph, i + 1);
    (*out)->layer = old->layer;
    for (size_t k = 0; k < n_in && k < old->n_in; k++) (*out)->in[k] = old->in[k];
    (*out)->out[0] = old->out[0];
    copy_fields(*out, old);
    return MW_OK;
}

static float get_f32(const mwi_op *op, const char *field)
{
    const mwi_field *const f = mwi_op_field(op->desc, field);
    float v;

    memcpy(&v, (const char *)op->attr + f->offset, sizeof v);
    return v;
}

static bool get_bool(const mwi_op *op, const char *field)
{
    const mwi_field *const f = mwi_op_field(op->desc, field);
    return *((const bool *)op->attr + f->offset); /* a byte each */
}

/* ---- batch normalisation ---- */

static mw_status add_statistic(mw_ctx *ctx, mwi_step_graph *g, const mwi_op *old, size_t operand,
                               mwi_op *op, size_t k, mwi_param **out_param, size_t *out_place)
{
    const mwi_tensor *const t = g->graph->tensors[old->in[operand]];
    const char *name;

    for (size_t i = 0; i < g->n_norms;
         i++) /* a layer that is called again moves the same averages */
        if (g->norms[i].mean->tensor == old->in[operand])
            return mwi_fail(ctx, MW_EUNSUPPORTED,
                            "'%s' normalises several values: freeze its layer", t->name);
    MWI_TRY(mwi_arena_printf(ctx, g->arena, &name, "%s/batch", t->name));
    MWI_TRY(mwi_graph_add_value(ctx, g->model, g->graph, name, MW_FLOAT32, t->rank, t->dims,
                                &op->out[k]));
    MWI_TRY(mwi_step_param_of(ctx, g, old->in[operand], out_param));
    return mwi_step_add_output(ctx, g, op->out[k], out_place);
}

/* Keras has a frozen layer in inference mode: it stays as it is. */
static mw_status norm(mw_ctx *ctx, mwi_step_graph *g, size_t i)
{
    const mwi_op *const old = g->graph->ops[i];
    mwi_step_norm n = {.x = old->in[0],
                       .momentum = get_f32(old, "momentum"),
                       .unbiased = get_bool(old, "unbiased_variance")};
    mwi_op *op;

    if (!mwi_step_is_trained(g, g->graph->tensors[old->in[3]])) return MW_OK;
    MWI_TRY(replace(ctx, g, i, &mwi_op_fused_batch_norm, 3, 3, &op));
    MWI_TRY(add_statistic(ctx, g, old, 3, op, 1, &n.mean, &n.mean_place));
    MWI_TRY(add_statistic(ctx, g, old, 4, op, 2, &n.variance, &n.variance_place));
    MWI_TRY(
        mwi_arena_grow(ctx, g->arena, &g->norms, g->n_norms, &g->norms_capacity, sizeof *g->norms));
    g->norms[g->n_norms++] = n;
    return MW_OK;
}

/* ---- dropout ---- */

static mw_status dropout(mw_ctx *ctx, mwi_step_graph *g, size_t i)
{
    mwi_op *op;

    if (get_f32(g->graph->ops[i], "rate") == 0) return MW_OK;
    MWI_TRY(replace(ctx, g, i, &mwi_op_dropout_train, 2, 1, &op));
    op->in[1] = g->step;
    mwi_op_set_i32(op, "id", (int32_t)i);
    return MW_OK;
}

mw_status mwi_step_take_forms(mw_ctx *ctx, mwi_step_graph *g)
{
    for (size_t i = 0; i < g->graph->n_ops; i++) {
        if (g->graph->ops[i]->desc == &mwi_op_batch_normalization) MWI_TRY(norm(ctx, g, i));
        if (g->graph->ops[i]->desc == &mwi_op_dropout) MWI_TRY(dropout(ctx, g, i));
    }
    return MW_OK;
}
