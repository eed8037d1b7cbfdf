/* ops/while.c - WHILE: as long as a condition's subgraph says so, the values go through a body's
 * subgraph. Where the body keeps all shapes, the outputs are planned and a run allocates nothing;
 * else the loop runs when the outputs' shapes are asked for at run, and its values are held.
 * Depends: ops/subgraph.  Used by: the list of operators only.
 * Holds:   turns are limited by limits.max_loop_iterations.   SPDX-License-Identifier: Apache-2.0
 */
#include "ops/subgraph.h"
#include "ops/shapes.h"

#include <string.h>

typedef struct attr {
    int32_t cond, body;
} attr;

static const mwi_field fields[] = {
    {"cond_subgraph_index", offsetof(attr, cond), MWI_FIELD_I32, 0, 0, 0, INT32_MAX, NULL},
    {"body_subgraph_index", offsetof(attr, body), MWI_FIELD_I32, 1, 0, 0, INT32_MAX, NULL},
    MWI_FIELDS_END,
};

/* A single value may be a scalar in one place and a vector of one in the other. */
static bool same_shape(const mwi_view *a, const mwi_view *b)
{
    if (a->rank == b->rank) return memcmp(a->dims, b->dims, (size_t)a->rank * sizeof *a->dims) == 0;
    return a->rank <= 1 && b->rank <= 1 && mwi_view_count(a) == 1 && mwi_view_count(b) == 1;
}

static mw_status check_cond(mw_ctx *ctx, const mwi_called *cond)
{
    if (cond->n_out != 1 || cond->out[0].dtype != MW_BOOL ||
        (cond->known && mwi_view_count(&cond->out[0]) != 1))
        return mwi_fail(ctx, MW_EFORMAT, "the condition's subgraph must give one bool");
    return MW_OK;
}

/* *same: the body keeps all shapes. */
static mw_status check_body(mw_ctx *ctx, const mwi_shape_call *call, const mwi_called *body,
                            bool *same)
{
    if (body->n_out != call->n_in)
        return mwi_fail(ctx, MW_EFORMAT, "the body's subgraph has %zu outputs for %zu values",
                        body->n_out, call->n_in);
    *same = body->known;
    for (size_t i = 0; i < body->n_out; i++) {
        if (body->out[i].dtype != call->in[i].dtype)
            return mwi_fail(ctx, MW_EFORMAT, "value %zu is %s, the body's subgraph makes it %s", i,
                            mw_dtype_name(call->in[i].dtype), mw_dtype_name(body->out[i].dtype));
        *same = *same && same_shape(&body->out[i], &call->in[i]);
    }
    return MW_OK;
}

static mw_status is_true(mw_ctx *ctx, const mwi_host *h, const attr *a, const mwi_view *values,
                         size_t n, uint64_t turn, bool *out)
{
    const uint32_t limit = mwi_limits(ctx)->max_loop_iterations;
    mwi_called cond;

    MWI_TRY(h->run(h->self, ctx, a->cond, values, n, &cond));
    MWI_TRY(check_cond(ctx, &cond));
    if (mwi_view_count(&cond.out[0]) != 1)
        return mwi_fail(ctx, MW_EFORMAT, "the condition's subgraph must give one bool");
    *out = *(const uint8_t *)cond.out[0].data != 0;
    if (*out && turn == limit)
        return mwi_fail(ctx, MW_ELIMIT, "over limits.max_loop_iterations, %u turns", limit);
    return *out ? mwi_progress(ctx, "loop", turn, 0) : MW_OK;
}

/* The loop with values of any shape. */
static mw_status loop_held(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_host *const h = call->host;
    const attr *const a = call->attr;
    const mwi_view *values;
    mwi_called body;
    bool again, same;

    MWI_TRY(h->hold(h->self, ctx, a, call->in, call->n_in, &values));
    for (uint64_t turn = 0;; turn++) {
        MWI_TRY(is_true(ctx, h, a, values, call->n_in, turn, &again));
        if (!again) return mwi_copy_shapes(ctx, values, call->out, call->n_out);
        MWI_TRY(h->run(h->self, ctx, a->body, values, call->n_in, &body));
        MWI_TRY(check_body(ctx, call, &body, &same));
        MWI_TRY(h->hold(h->self, ctx, a, body.out, body.n_out, &values));
    }
}

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_host *const h = call->host;
    const attr *const a = call->attr;
    mwi_called cond, body;
    bool same;

    if (call->n_out != call->n_in)
        return mwi_fail(ctx, MW_EFORMAT, "%zu inputs, %zu outputs", call->n_in, call->n_out);
    call->unknown = h == NULL;
    if (h == NULL) return MW_OK;
    MWI_TRY(h->plan(h->self, ctx, a->cond, call->in, call->n_in, &cond));
    MWI_TRY(check_cond(ctx, &cond));
    MWI_TRY(h->plan(h->self, ctx, a->body, call->in, call->n_in, &body));
    MWI_TRY(check_body(ctx, call, &body, &same));
    if (same) return mwi_copy_shapes(ctx, body.out, call->out, call->n_out);
    call->unknown = !call->running;
    return call->unknown ? MW_OK : loop_held(ctx, call);
}

/* Scratch: where each value is now. */
static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    (void)ctx;
    call->scratch_bytes = call->n_in * sizeof(mwi_view);
    return MW_OK;
}

/* Takes the body's outputs over. One that is the body's input of the same place stays where the
 * body has it, so that the input of a recurrent network is not copied at every turn; the others are
 * copied out, since the body's inputs may lie over its outputs. */
static mw_status take_over(mw_ctx *ctx, const mwi_run_call *call, const mwi_graph *body,
                           const mwi_called *made, mwi_view *values)
{
    for (size_t i = 0; i < call->n_out; i++) {
        values[i].data = call->out[i].data;
        if (body->outputs[i] == body->inputs[i])
            values[i].data = made->out[i].data;
        else
            MWI_TRY(mwi_copy_values(ctx, &made->out[i], &call->out[i], 1));
    }
    return MW_OK;
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_host *const h = call->host;
    const attr *const a = call->attr;
    const mwi_view *const held = h->take_held(h->self, a);
    mwi_view *const values = call->scratch;
    mwi_called body;
    bool again;

    if (held != NULL) return mwi_copy_values(ctx, held, call->out, call->n_out);
    memcpy(values, call->in, call->n_in * sizeof *values);
    for (uint64_t turn = 0;; turn++) {
        MWI_TRY(is_true(ctx, h, a, values, call->n_out, turn, &again));
        if (!again) break;
        MWI_TRY(h->run(h->self, ctx, a->body, values, call->n_out, &body));
        MWI_TRY(take_over(ctx, call, h->graph(h->self, a->body), &body, values));
    }
    for (size_t i = 0; i < call->n_out; i++)
        if (values[i].data != call->out[i].data && values[i].bytes > 0)
            memcpy(call->out[i].data, values[i].data, values[i].bytes);
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "any_while__ref", .types = "*|str+>*|str+", .prepare = prepare, .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_while = {
    .name = "WHILE",
    .tflite_code = 119,
    .options_type = 93,
    .min_in = 1,
    .max_in = -1,
    .min_out = 1,
    .max_out = -1,
    .traits = MWI_OP_STATEFUL,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .infer = infer,
};
