/* train/params.c - which constants of a model are trained: they become inputs of the step graph,
 * and their values live outside of it.
 * Depends: train/step_build, formats/keras/trainees.  Used by: train/.
 * SPDX-License-Identifier: Apache-2.0 */
#include "train/step_build.h"

#include "base/text.h"
#include "formats/keras/trainees.h"

#include <string.h>

static bool is_frozen(const mw_train_options *o, const char *layer)
{
    for (size_t i = 0; i < o->n_freeze; i++)
        if (mwi_glob_match(o->freeze[i], layer)) return true;
    return false;
}

bool mwi_step_is_trained(const mwi_step_graph *g, const mwi_tensor *weight)
{
    const mwi_keras_trainee *const t = mwi_keras_trainee_of(g->original, weight);
    return t != NULL && t->trainable && !is_frozen(g->options, t->layer);
}

static mw_status add(mw_ctx *ctx, mwi_step_graph *g, const char *name, int32_t rank,
                     const int32_t *dims, const float *value, mwi_param **out)
{
    void *memory;
    size_t n;

    if (!mwi_dims_count(rank, dims, &n)) return mwi_fail(ctx, MW_ELIMIT, "'%s' is too large", name);
    MWI_TRY(mwi_arena_grow(ctx, g->arena, &g->params, g->n_params, &g->params_capacity,
                           sizeof *g->params));
    MWI_TRY(mwi_arena_array(ctx, g->arena, 1, sizeof(mwi_param), &memory));
    mwi_param *const p = memory;
    g->params[g->n_params++] = p;
    MWI_TRY(mwi_arena_string(ctx, g->arena, name, strlen(name), &p->name));
    p->tensor = p->input = -1;
    p->rank = rank;
    if (rank > 0) memcpy(p->dims, dims, (size_t)rank * sizeof *dims);
    p->n = n;
    p->learning_rate = 1;
    MWI_TRY(mwi_arena_copy(ctx, g->arena, value, n * sizeof *value, &memory));
    p->value = memory;
    *out = p;
    return MW_OK;
}

mw_status mwi_step_add_param(mw_ctx *ctx, mwi_step_graph *g, const char *name, int32_t rank,
                             const int32_t *dims, const float *value, mwi_param **out)
{
    MWI_TRY(add(ctx, g, name, rank, dims, value, out));
    (*out)->trainable = true;
    return mwi_step_add_input(ctx, g, name, MW_FLOAT32, rank, dims, &(*out)->input,
                              &(*out)->input_place);
}

/* The operator that multiplies by the tensor. */
static const mwi_op *reader_of(const mwi_graph *graph, int32_t tensor)
{
    for (size_t i = 0; i < graph->n_ops; i++) {
        const mwi_linear *const l = graph->ops[i]->desc->linear;
        if (l != NULL && graph->ops[i]->in[l->weight] == tensor) return graph->ops[i];
    }
    return NULL;
}

mw_status mwi_step_param_of(mw_ctx *ctx, mwi_step_graph *g, int32_t index, mwi_param **out)
{
    const mwi_graph *const graph = g->original->graphs[0];
    const mwi_tensor *const t = graph->tensors[index];
    const mwi_keras_trainee *const k = mwi_keras_trainee_of(g->original, t);

    if (t->dtype != MW_FLOAT32 || t->sparsity != NULL)
        return mwi_fail(ctx, MW_EUNSUPPORTED, "weight '%s' is %s%s: dense float32 is trained",
                        t->name, t->sparsity != NULL ? "sparse " : "", mw_dtype_name(t->dtype));
    MWI_TRY(add(ctx, g, t->name, t->rank, t->dims, t->data, out));
    mwi_param *const p = *out;
    p->layer = k->layer;
    p->tensor = index;
    p->op = reader_of(graph, index);
    p->is_kernel = p->op != NULL;
    p->stored = k->stored;
    p->l1 = k->l1 + (p->is_kernel ? (float)g->options->l1 : 0);
    p->l2 = k->l2 + (p->is_kernel ? (float)g->options->l2 : 0);
    return MW_OK;
}

static mw_status make_input(mw_ctx *ctx, mwi_step_graph *g, mwi_param *p)
{
    mwi_tensor *const t = g->graph->tensors[p->tensor];

    t->data = NULL;
    t->bytes = 0;
    t->source = -1;
    p->trainable = true;
    p->input = p->tensor;
    p->input_place = g->inputs.n;
    MWI_TRY(mwi_arena_grow(ctx, g->arena, &g->inputs.v, g->inputs.n, &g->inputs.capacity,
                           sizeof *g->inputs.v));
    g->inputs.v[g->inputs.n++] = p->input;
    return MW_OK;
}

static mw_status check_freeze(mw_ctx *ctx, const mwi_step_graph *g)
{
    const mwi_graph *const graph = g->original->graphs[0];
    const char *some = "";

    for (size_t i = 0; i < g->options->n_freeze; i++) {
        bool found = false;
        for (size_t k = 0; k < graph->n_tensors && !found; k++) {
            const mwi_keras_trainee *const t = mwi_keras_trainee_of(g->original, graph->tensors[k]);
            if (t == NULL) continue;
            some = t->layer;
            found = mwi_glob_match(g->options->freeze[i], t->layer);
        }
        if (!found)
            return mwi_fail(ctx, MW_EINVAL,
                            "%s: '%s' matches no layer with weights; they are named '%s' and so on",
                            g->original->name, g->options->freeze[i], some);
    }
    return MW_OK;
}

/* Two constants that share an element of a stored weight would be trained apart. */
static mw_status check_parts(mw_ctx *ctx, const mwi_step_graph *g, const mwi_keras_trainee *k)
{
    const mwi_graph *const graph = g->original->graphs[0];
    size_t total = 0;

    for (size_t i = 0; i < graph->n_tensors; i++) {
        const mwi_keras_trainee *const other = mwi_keras_trainee_of(g->original, graph->tensors[i]);
        size_t n;
        if (other == NULL || other->stored != k->stored) continue;
        if (mwi_dims_count(graph->tensors[i]->rank, graph->tensors[i]->dims, &n)) total += n;
    }
    if (total <= k->n_stored) return MW_OK;
    return mwi_fail(ctx, MW_EUNSUPPORTED,
                    "weight '%s' of layer '%s' is read in two ways, which cannot be trained: "
                    "freeze the layer",
                    k->weight, k->layer);
}

mw_status mwi_step_take_params(mw_ctx *ctx, mwi_step_graph *g)
{
    const mwi_graph *const graph = g->original->graphs[0];
    mwi_param *p;

    MWI_TRY(check_freeze(ctx, g));
    for (size_t i = 0; i < graph->n_tensors; i++) {
        const mwi_tensor *const t = graph->tensors[i];
        const mwi_keras_trainee *const k = mwi_keras_trainee_of(g->original, t);
        if (k == NULL || t->data == NULL || k->statistic || !mwi_step_is_trained(g, t)) continue;
        if (k->refusal != NULL)
            return mwi_fail(ctx, MW_EUNSUPPORTED, "layer '%s': %s of %s: freeze the layer",
                            k->layer, k->refusal, k->weight);
        MWI_TRY(check_parts(ctx, g, k));
        MWI_TRY(mwi_step_param_of(ctx, g, (int32_t)i, &p));
        MWI_TRY(make_input(ctx, g, p));
    }
    if (g->n_params > 0) return MW_OK;
    return mwi_fail(ctx, MW_EINVAL, "%s: nothing to train: it has no weights, or all are frozen",
                    g->original->name);
}
