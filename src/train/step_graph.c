/* train/step_graph.c - see step_build.h and step_graph.h.
 * Depends: train/step_build, train/differentiate.  Used by: train/.
 * SPDX-License-Identifier: Apache-2.0 */
#include "train/step_build.h"

#include "train/differentiate.h"

#include <string.h>

/* ---- lists ---- */

static mw_status append(mw_ctx *ctx, mwi_step_graph *g, mwi_step_list *list, int32_t tensor,
                        size_t *out)
{
    MWI_TRY(mwi_arena_grow(ctx, g->arena, &list->v, list->n, &list->capacity, sizeof *list->v));
    *out = list->n;
    list->v[list->n++] = tensor;
    return MW_OK;
}

mw_status mwi_step_add_output(mw_ctx *ctx, mwi_step_graph *g, int32_t tensor, size_t *out)
{
    return append(ctx, g, &g->outputs, tensor, out);
}

mw_status mwi_step_add_input(mw_ctx *ctx, mwi_step_graph *g, const char *name, mw_dtype dtype,
                             int32_t rank, const int32_t *dims, int32_t *out_tensor, size_t *out)
{
    int32_t declared[MW_MAX_RANK];

    for (int32_t i = 0; i < rank; i++) declared[i] = dims[i] < 0 ? 1 : dims[i];
    MWI_TRY(mwi_graph_add_value(ctx, g->model, g->graph, name, dtype, rank, declared, out_tensor));
    if (rank > 0) g->graph->tensors[*out_tensor]->signature[0] = dims[0];
    return append(ctx, g, &g->inputs, *out_tensor, out);
}

static mwi_emitter at_end(const mwi_step_graph *g)
{
    return (mwi_emitter){.model = g->model, .graph = g->graph};
}

mw_status mwi_step_add_loss(mw_ctx *ctx, mwi_step_graph *g, int32_t term, double factor)
{
    const mwi_emitter at = at_end(g);
    int32_t number;

    if (factor != 1) {
        MWI_TRY(mwi_emit_float(ctx, &at, factor, &number));
        MWI_TRY(mwi_emit(ctx, &at, &mwi_op_mul, MWI_IN(term, number), NULL, &term));
    }
    if (g->loss < 0) return g->loss = term, MW_OK;
    return mwi_emit(ctx, &at, &mwi_op_add, MWI_IN(g->loss, term), NULL, &g->loss);
}

/* ---- the output ---- */

static const mwi_op *last_op(const mwi_graph *graph)
{
    const int32_t at = mwi_graph_producer(graph, graph->outputs[0]);
    return at < 0 ? NULL : graph->ops[at];
}

/* A SOFTMAX whose values are probabilities of the values before it. */
static bool is_softmax(const mwi_op *op)
{
    const mwi_field *const beta = op == NULL ? NULL : mwi_op_field(op->desc, "beta");
    return op != NULL && op->desc == &mwi_op_softmax &&
           *(const float *)(const void *)((const char *)op->attr + beta->offset) == 1.0f;
}

mw_status mwi_step_look(mw_ctx *ctx, const mw_model *model, mwi_loss_case *out)
{
    const mwi_graph *const graph = model->graphs[0];

    if (model->n_graphs != 1)
        return mwi_fail(ctx, MW_EUNSUPPORTED,
                        "%s has loops or stateful layers, which are not trained: build it with "
                        "stateful=False",
                        model->name);
    if (graph->n_outputs != 1)
        return mwi_fail(ctx, MW_EUNSUPPORTED, "%s has %zu outputs: models of one are trained",
                        model->name, graph->n_outputs);
    const mwi_tensor *const t = graph->tensors[graph->outputs[0]];
    const mwi_op *const op = last_op(graph);
    if (t->dtype != MW_FLOAT32 || t->rank < 2 || !mwi_dims_count(t->rank, t->dims, &out->n_values))
        return mwi_fail(ctx, MW_EUNSUPPORTED, "output '%s' of %s is not a batch of floats", t->name,
                        model->name);
    out->width = (size_t)t->dims[t->rank - 1];
    out->softmax = is_softmax(op);
    out->logistic = op != NULL && op->desc == &mwi_op_logistic;
    out->model = model->name;
    size_t n_in = 0;
    const mwi_tensor *const in = graph->tensors[graph->inputs[0]];
    out->rebuilds = graph->n_inputs == 1 && in->dtype == MW_FLOAT32 &&
                    mwi_dims_count(in->rank, in->dims, &n_in) && n_in == out->n_values;
    return MW_OK;
}

/* The values before a last SOFTMAX or LOGISTIC; the operator itself goes. */
static void take_logits(mwi_step_graph *g)
{
    const int32_t at = mwi_graph_producer(g->graph, g->output);

    if (mwi_graph_n_uses(g->graph, g->output) != 1) return;
    g->logits = g->graph->ops[at]->in[0];
    mwi_graph_remove_op(g->graph, (size_t)at);
}

static mw_status add_labels(mw_ctx *ctx, mwi_step_graph *g, const mwi_loss_desc *loss)
{
    const mwi_tensor *const t = g->graph->tensors[g->output];
    int32_t dims[MW_MAX_RANK];

    memcpy(dims, t->dims, sizeof dims);
    dims[0] = -1;
    return mwi_step_add_input(ctx, g, "labels", loss->class_numbers ? MW_INT32 : MW_FLOAT32,
                              t->rank - (loss->class_numbers ? 1 : 0), dims, &g->labels,
                              &g->labels_place);
}

static mw_status add_loss(mw_ctx *ctx, mwi_step_graph *g, const mwi_loss_desc *loss)
{
    const mwi_op *const op = last_op(g->graph);
    const mwi_emitter at = at_end(g);
    int32_t term;

    g->logits = -1;
    if (loss->before && (is_softmax(op) || (op != NULL && op->desc == &mwi_op_logistic)))
        take_logits(g);
    const int32_t scores = g->logits >= 0 ? g->logits : g->output;
    MWI_TRY(mwi_step_add_output(ctx, g, scores, &g->scores_place));
    MWI_TRY(mwi_loss_emit(ctx, &at, loss, g->options->label_smoothing, scores, g->labels, &term));
    return mwi_step_add_loss(ctx, g, term, 1);
}

/* ---- the whole ---- */

mw_status mwi_step_open(mw_ctx *ctx, mwi_step_graph *g, const mwi_loss_desc *loss)
{
    static const int32_t two[] = {2};
    size_t place;

    MWI_TRY(mwi_model_clone(ctx, g->original, &g->model));
    g->graph = g->model->graphs[0];
    g->model->n_signatures = 0;
    g->output = g->graph->outputs[0];
    g->loss = -1;
    for (size_t i = 0; i < g->graph->n_inputs; i++)
        MWI_TRY(append(ctx, g, &g->inputs, g->graph->inputs[i], &place));
    MWI_TRY(mwi_step_take_batches(ctx, g));
    MWI_TRY(add_labels(ctx, g, loss));
    if (g->training) {
        MWI_TRY(mwi_step_add_input(ctx, g, "step", MW_INT32, 1, two, &g->step, &g->step_place));
        MWI_TRY(mwi_step_take_params(ctx, g));
        MWI_TRY(mwi_step_take_forms(ctx, g));
    }
    return add_loss(ctx, g, loss);
}

static mw_status add_gradients(mw_ctx *ctx, mwi_step_graph *g)
{
    void *wrt_memory, *out_memory;
    size_t n = 0, k = 0;

    MWI_TRY(mwi_arena_array(ctx, g->arena, g->n_params, sizeof(int32_t), &wrt_memory));
    MWI_TRY(mwi_arena_array(ctx, g->arena, g->n_params, sizeof(int32_t), &out_memory));
    int32_t *const wrt = wrt_memory, *const gradients = out_memory;
    for (size_t i = 0; i < g->n_params; i++)
        if (g->params[i]->trainable) wrt[n++] = g->params[i]->input;
    MWI_TRY(mwi_differentiate(ctx, g->model, g->graph, g->loss, wrt, n, gradients));
    for (size_t i = 0; i < g->n_params; i++) {
        mwi_param *const p = g->params[i];
        const int32_t gradient = p->trainable ? gradients[k++] : -1;
        p->has_gradient = gradient >= 0;
        if (gradient >= 0) MWI_TRY(mwi_step_add_output(ctx, g, gradient, &p->gradient_place));
    }
    return MW_OK;
}

mw_status mwi_step_close(mw_ctx *ctx, mwi_step_graph *g)
{
    MWI_TRY(mwi_step_add_output(ctx, g, g->loss, &g->loss_place));
    if (g->training) MWI_TRY(add_gradients(ctx, g));
    MWI_TRY(mwi_graph_set_io(ctx, g->model, g->graph, g->inputs.v, g->inputs.n, g->outputs.v,
                             g->outputs.n));
    return mwi_model_verify(ctx, g->model);
}
