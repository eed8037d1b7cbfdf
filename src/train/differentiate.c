/* train/differentiate.c - see differentiate.h.
 * Depends: ops/, model/.  Used by: train/, compress/.   SPDX-License-Identifier: Apache-2.0 */
#include "train/differentiate.h"

#include "base/text.h"
#include "ops/emit_op.h"

enum { MAX_NAMED = 20 };

typedef struct tape {
    mwi_emitter at;
    mwi_arena *scratch;
    size_t n_tensors, n_ops; /* of the graph before anything was added */
    bool *varies;            /* by tensor: depends on one of wrt */
    bool *counts;            /* by tensor: the loss depends on it */
    int32_t *gradient;       /* by tensor: the sum so far, -1 none */
} tape;

static bool is_float(const tape *t, int32_t tensor)
{
    return tensor >= 0 && t->at.graph->tensors[tensor]->dtype == MW_FLOAT32;
}

/* Which tensors vary with wrt, in the order of the graph; which the loss reads, backwards. */
static void mark(tape *t, int32_t loss, const int32_t *wrt, size_t n)
{
    mwi_op **const ops = t->at.graph->ops;

    for (size_t i = 0; i < n; i++) t->varies[wrt[i]] = true;
    for (size_t i = 0; i < t->n_ops; i++) {
        bool varies = false;
        for (size_t k = 0; k < ops[i]->n_in; k++)
            varies = varies || (ops[i]->in[k] >= 0 && t->varies[ops[i]->in[k]]);
        for (size_t k = 0; k < ops[i]->n_out && varies; k++)
            if (is_float(t, ops[i]->out[k])) t->varies[ops[i]->out[k]] = true;
    }
    t->counts[loss] = true;
    for (size_t i = t->n_ops; i-- > 0;) {
        bool counts = false;
        for (size_t k = 0; k < ops[i]->n_out; k++)
            counts = counts || (t->counts[ops[i]->out[k]] && t->varies[ops[i]->out[k]]);
        for (size_t k = 0; k < ops[i]->n_in && counts; k++)
            if (ops[i]->in[k] >= 0) t->counts[ops[i]->in[k]] = true;
    }
}

static bool on_the_way(const tape *t, const mwi_op *op)
{
    bool in = false, out = false;

    for (size_t k = 0; k < op->n_in; k++) in = in || (op->in[k] >= 0 && t->varies[op->in[k]]);
    for (size_t k = 0; k < op->n_out; k++)
        out = out || (t->counts[op->out[k]] && is_float(t, op->out[k]));
    return in && out;
}

/* All at once, so that one message tells what a model lacks. */
static mw_status check_gradients(mw_ctx *ctx, const tape *t)
{
    mwi_text names;
    size_t missing = 0;
    mw_status st = MW_OK;

    mwi_text_init(ctx, &names, MWI_ERROR_BYTES);
    for (size_t i = 0; i < t->n_ops && st == MW_OK; i++) {
        const mwi_op *const op = t->at.graph->ops[i];
        if (op->desc->gradient != NULL || !on_the_way(t, op)) continue;
        if (++missing <= MAX_NAMED)
            st = mwi_text_printf(ctx, &names, "%s%s '%s'", missing > 1 ? ", " : "", mwi_op_name(op),
                                 t->at.graph->tensors[op->out[0]]->name);
    }
    if (st == MW_OK && missing > 0)
        st = mwi_fail(ctx, MW_EUNSUPPORTED, "%zu operators have no gradient: %s%s", missing,
                      mwi_text_chars(&names), missing > MAX_NAMED ? ", ..." : "");
    mwi_text_deinit(&names);
    return st;
}

/* A gradient that meets others of the same tensor is added to their sum. */
static mw_status add(mw_ctx *ctx, tape *t, int32_t tensor, int32_t gradient)
{
    int32_t *const sum = &t->gradient[tensor];
    const int32_t before = *sum;

    if (before < 0) {
        *sum = gradient;
        return MW_OK;
    }
    const mwi_emitter at = {.model = t->at.model, .graph = t->at.graph};
    return mwi_emit(ctx, &at, &mwi_op_add, MWI_IN(before, gradient), NULL, sum);
}

static mw_status back(mw_ctx *ctx, tape *t, const mwi_op *op)
{
    const size_t n = op->n_in + op->n_out;
    bool any = false;
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, t->scratch, n, sizeof(int32_t), &memory));
    int32_t *const d_in = memory, *const d_out = d_in + op->n_in;
    MWI_TRY(mwi_arena_array(ctx, t->scratch, op->n_in, sizeof(bool), &memory));
    bool *const wanted = memory;
    for (size_t k = 0; k < op->n_in; k++) {
        d_in[k] = -1;
        wanted[k] = is_float(t, op->in[k]) && t->varies[op->in[k]];
        any = any || wanted[k];
    }
    for (size_t k = 0; k < op->n_out; k++) d_out[k] = t->gradient[op->out[k]];
    mwi_gradient_call call = {.at = {.model = t->at.model, .graph = t->at.graph, .op = op},
                              .d_out = d_out,
                              .wanted = wanted,
                              .d_in = d_in};
    if (any) MWI_TRY(op->desc->gradient(ctx, &call));
    for (size_t k = 0; k < op->n_in; k++)
        if (wanted[k] && d_in[k] >= 0) MWI_TRY(add(ctx, t, op->in[k], d_in[k]));
    return MW_OK;
}

static mw_status walk(mw_ctx *ctx, tape *t, int32_t loss)
{
    MWI_TRY(mwi_emit_float(ctx, &t->at, 1, &t->gradient[loss]));
    for (size_t i = t->n_ops; i-- > 0;) {
        const mwi_op *const op = t->at.graph->ops[i];
        bool reached = false;
        for (size_t k = 0; k < op->n_out; k++) reached = reached || t->gradient[op->out[k]] >= 0;
        if (reached && on_the_way(t, op))
            MWI_TRY(mwi_prefix(ctx, back(ctx, t, op), "gradient of %s '%s'", mwi_op_name(op),
                               t->at.graph->tensors[op->out[0]]->name));
    }
    return MW_OK;
}

/* Rows may compute more than was wanted of them. */
static mw_status prune(mw_ctx *ctx, tape *t, const int32_t *wrt, size_t n)
{
    mwi_graph *const g = t->at.graph;
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, t->scratch, g->n_tensors, sizeof(bool), &memory));
    bool *const read = memory;
    for (size_t i = 0; i < n; i++)
        if (t->gradient[wrt[i]] >= 0) read[t->gradient[wrt[i]]] = true;
    for (size_t i = g->n_ops; i-- > t->n_ops;) {
        const mwi_op *const op = g->ops[i];
        bool any = false;
        for (size_t k = 0; k < op->n_out; k++) any = any || read[op->out[k]];
        for (size_t k = 0; k < op->n_in && any; k++)
            if (op->in[k] >= 0) read[op->in[k]] = true;
        if (!any) mwi_graph_remove_op(g, i);
    }
    return MW_OK;
}

static mw_status start(mw_ctx *ctx, tape *t)
{
    void *memory;

    t->n_tensors = t->at.graph->n_tensors;
    t->n_ops = t->at.graph->n_ops;
    MWI_TRY(mwi_arena_array(ctx, t->scratch, t->n_tensors, sizeof(bool), &memory));
    t->varies = memory;
    MWI_TRY(mwi_arena_array(ctx, t->scratch, t->n_tensors, sizeof(bool), &memory));
    t->counts = memory;
    MWI_TRY(mwi_arena_array(ctx, t->scratch, t->n_tensors, sizeof(int32_t), &memory));
    t->gradient = memory;
    for (size_t i = 0; i < t->n_tensors; i++) t->gradient[i] = -1;
    return MW_OK;
}

mw_status mwi_differentiate(mw_ctx *ctx, mw_model *model, mwi_graph *graph, int32_t loss,
                            const int32_t *wrt, size_t n, int32_t *out)
{
    const mwi_tensor *const l = graph->tensors[loss];
    mwi_arena scratch;
    mw_status st;

    if (l->dtype != MW_FLOAT32 || l->rank != 0)
        return mwi_fail(ctx, MW_EINVAL, "the loss '%s' is not a float32 scalar", l->name);
    mwi_arena_init(ctx, &scratch);
    tape t = {.at = {.model = model, .graph = graph}, .scratch = &scratch};
    MWI_GOTO(start(ctx, &t));
    mark(&t, loss, wrt, n);
    MWI_GOTO(check_gradients(ctx, &t));
    MWI_GOTO(walk(ctx, &t, loss));
    MWI_GOTO(prune(ctx, &t, wrt, n));
    for (size_t i = 0; i < n; i++) out[i] = t.gradient[wrt[i]];
out:
    mwi_arena_deinit(&scratch);
    return st;
}
