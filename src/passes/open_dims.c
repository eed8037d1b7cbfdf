/* passes/open_dims.c - which dimensions change with the inputs' open ones: found by inferring all
 * shapes twice, with the declared inputs and with larger ones.
 * Depends: passes/pass.  Used by: passes.c.   SPDX-License-Identifier: Apache-2.0 */
#include "passes/pass.h"

#include <string.h>

enum { LARGER = 2 }; /* how much larger the open dimensions are the second time */

/* Forgets the shapes of all that operators make. */
static void forget(mwi_graph *g)
{
    for (size_t i = 0; i < g->n_ops; i++) {
        for (size_t k = 0; k < g->ops[i]->n_out; k++) {
            mwi_tensor *const t = g->tensors[g->ops[i]->out[k]];
            if (t->is_variable) continue;
            t->has_rank = false;
            t->rank = 0;
            memset(t->signature, 0, sizeof t->signature);
        }
    }
}

static void enlarge(mwi_graph *g)
{
    for (size_t i = 0; i < g->n_inputs; i++) {
        mwi_tensor *const t = g->tensors[g->inputs[i]];
        for (int32_t k = 0; k < t->rank; k++)
            if (t->signature[k] < 0) t->dims[k] += LARGER;
    }
}

static void mark(mwi_tensor *t, const mwi_tensor *one, const mwi_tensor *two)
{
    for (int32_t k = 0; k < t->rank; k++) {
        const bool known =
            one->has_rank && two->has_rank && one->rank == t->rank && two->rank == t->rank;
        if (!known || one->dims[k] != two->dims[k]) t->signature[k] = -1;
    }
}

/* `one` and `two` are copies of the graph, to be inferred. */
static mw_status mark_graph(mw_ctx *ctx, mw_model *model, size_t at, mw_model *one, mw_model *two)
{
    mwi_graph *const g = model->graphs[at], *const a = one->graphs[at], *const b = two->graphs[at];
    mwi_error error;
    void *memory;

    forget(a);
    forget(b);
    enlarge(b);
    mwi_error_save(ctx, &error);
    const bool inferred =
        mwi_graph_infer(ctx, one, a) == MW_OK && mwi_graph_infer(ctx, two, b) == MW_OK;
    mwi_error_restore(ctx, &error);
    /* Where something in the graph fixes the shape, nothing is open but what the file says. */
    if (!inferred) return MW_OK;
    MWI_TRY(mwi_arena_array(ctx, &one->arena, g->n_tensors, sizeof(bool), &memory));
    bool *const output = memory; /* outputs keep what the file says */
    for (size_t i = 0; i < g->n_outputs; i++) output[g->outputs[i]] = true;
    for (size_t i = 0; i < g->n_ops; i++) {
        for (size_t k = 0; k < g->ops[i]->n_out; k++) {
            const int32_t t = g->ops[i]->out[k];
            if (!g->tensors[t]->is_variable && !output[t])
                mark(g->tensors[t], a->tensors[t], b->tensors[t]);
        }
    }
    return MW_OK;
}

mw_status mwi_mark_open_dims(mw_ctx *ctx, mw_model *model)
{
    mw_model *one = NULL, *two = NULL;
    mw_status st;

    MWI_GOTO(mwi_model_clone(ctx, model, &one));
    MWI_GOTO(mwi_model_clone(ctx, model, &two));
    for (size_t i = 0; i < model->n_graphs; i++) MWI_GOTO(mark_graph(ctx, model, i, one, two));
out:
    mw_model_destroy(one);
    mw_model_destroy(two);
    return st;
}
