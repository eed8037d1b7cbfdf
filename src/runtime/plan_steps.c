/* runtime/plan_steps.c - from operators to steps: shapes, constants, kernels, arguments. What
 * cannot run is collected, so that one message names all of it; what follows from it is not named.
 * Depends: runtime/plan_maker, ops/, devices/.  Used by: runtime/plan.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/shapes.h"
#include "runtime/plan_maker.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_NAMED = 20, REASON_BYTES = 512, MAX_FIXED_BYTES = 512 };

/* ---- what is given ---- */

static mw_status set_input_shape(mw_ctx *ctx, const mwi_maker *m, size_t i, mwi_view *v)
{
    const mwi_tensor *const t = v->tensor;
    const mw_shape *const s = &m->o->shapes[i];
    const bool fixed = t->has_rank && !m->o->any_rank;

    if (s->rank < 0 || s->rank > MW_MAX_RANK || (fixed && s->rank != t->rank))
        return mwi_fail(ctx, MW_EINVAL, "input %zu '%s' has rank %d, given is rank %d", i, t->name,
                        t->rank, s->rank);
    for (int32_t k = 0; k < s->rank; k++)
        if (s->dims[k] < 0)
            return mwi_fail(ctx, MW_EINVAL,
                            "input %zu '%s': dimension %d is %d, allowed 0 and above", i, t->name,
                            k, s->dims[k]);
    v->rank = s->rank;
    memcpy(v->dims, s->dims, sizeof v->dims);
    return MW_OK;
}

static mw_status set_inputs(mw_ctx *ctx, mwi_maker *m)
{
    for (size_t i = 0; i < m->o->n_inputs; i++) {
        const mwi_tensor *const t = m->o->graph->tensors[m->o->inputs[i]];
        mwi_view *const v = &m->plan->views[m->o->inputs[i]];
        if (m->o->shapes != NULL) MWI_TRY(set_input_shape(ctx, m, i, v));
        if (mw_dtype_bits(v->dtype) == 0)
            return mwi_fail(ctx, MW_EUNSUPPORTED, "input %zu '%s' is %s, which is not supported", i,
                            t->name, mw_dtype_name(v->dtype));
        if (!mwi_dims_bytes(v->dtype, v->rank, v->dims, &v->bytes) ||
            v->bytes > mwi_limits(ctx)->max_memory_bytes)
            return mwi_fail(ctx, MW_ELIMIT, "input %zu '%s' is larger than limits.max_memory_bytes",
                            i, t->name);
    }
    return MW_OK;
}

/* A state's memory is made for its declared shape: nothing else may be written there. */
static mw_status check_states(mw_ctx *ctx, const mwi_maker *m)
{
    for (size_t i = 0; i < m->o->states->n; i++) {
        const mwi_state *const s = &m->o->states->v[i];
        const mwi_view *const v = &m->plan->views[s->tensor];
        if (v->bytes != s->bytes)
            return mwi_fail(ctx, MW_EUNSUPPORTED,
                            "state '%s' has %zu bytes and would need %zu: state keeps its "
                            "shape",
                            v->tensor->name, s->bytes, v->bytes);
    }
    return MW_OK;
}

/* ---- what cannot run ---- */

static const char *name_of(const mwi_shape_call *call)
{
    return call->n_out > 0 && call->out[0].tensor != NULL ? call->out[0].tensor->name : "";
}

static mw_status types_text(mw_ctx *ctx, mwi_text *t, const mwi_shape_call *call)
{
    for (size_t i = 0; i < call->n_in; i++)
        MWI_TRY(
            mwi_text_printf(ctx, t, "%s%s", i > 0 ? "," : "",
                            call->in[i].tensor == NULL ? "-" : mwi_dtype_short(call->in[i].dtype)));
    MWI_TRY(mwi_text_printf(ctx, t, ">"));
    for (size_t i = 0; i < call->n_out; i++)
        MWI_TRY(
            mwi_text_printf(ctx, t, "%s%s", i > 0 ? "," : "", mwi_dtype_short(call->out[i].dtype)));
    return MW_OK;
}

static void lose_outputs(mwi_maker *m, const mwi_op *op)
{
    for (size_t i = 0; i < op->n_out; i++) m->lost[op->out[i]] = true;
}

/* `reason` NULL: no kernel takes these operands. */
static mw_status name_missing(mw_ctx *ctx, mwi_maker *m, const mwi_shape_call *call,
                              const char *reason)
{
    const mwi_op *const op = call->op;
    mwi_text *const t = &m->missing;

    lose_outputs(m, op);
    if (++m->n_missing > MAX_NAMED) return MW_OK;
    MWI_TRY(mwi_text_printf(ctx, t, "%s%s '%s' (", m->n_missing > 1 ? "; " : "", mwi_op_name(op),
                            name_of(call)));
    if (reason != NULL) return mwi_text_printf(ctx, t, "%s)", reason);
    if (op->desc == &mwi_op_unknown && op->custom_code != NULL)
        return mwi_text_printf(ctx, t, "unknown custom operator)");
    if (op->desc == &mwi_op_unknown)
        return mwi_text_printf(ctx, t, "unknown operator, code %d)", op->code);
    MWI_TRY(mwi_text_printf(ctx, t, "no kernel for %s ",
                            mwi_kernel_by_types(m->o->device, call) != NULL ? "the shapes of"
                                                                            : "types"));
    MWI_TRY(types_text(ctx, t, call));
    return mwi_text_printf(ctx, t, ")");
}

/* An operator that reads what an operator that cannot run makes: its own types are all that can be
 * judged. */
static mw_status judge_types(mw_ctx *ctx, mwi_maker *m, const mwi_shape_call *call)
{
    lose_outputs(m, call->op);
    return mwi_kernel_by_types(m->o->device, call) != NULL ? MW_OK
                                                           : name_missing(ctx, m, call, NULL);
}

static mw_status fail_missing(mw_ctx *ctx, const mwi_maker *m)
{
    if (m->n_missing == 0) return MW_OK;
    return mwi_fail(ctx, MW_EUNSUPPORTED, "%zu of %zu operators cannot run here: %s%s",
                    m->n_missing, m->o->graph->n_ops, mwi_text_chars(&m->missing),
                    m->n_missing > MAX_NAMED ? "; ..." : "");
}

/* What says that this build cannot do it is collected; every other error ends the planning. */
static mw_status collect(mw_ctx *ctx, mwi_maker *m, const mwi_shape_call *call, mw_status st)
{
    char reason[REASON_BYTES];

    if (st != MW_EUNSUPPORTED) return st;
    mwi_take_error(ctx, reason, sizeof reason);
    return name_missing(ctx, m, call, reason);
}

/* ---- one operator ---- */

static mw_status gather(mw_ctx *ctx, mwi_maker *m, const mwi_op *op, mwi_shape_call *out)
{
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, &m->plan->arena, op->n_in + op->n_out, sizeof(mwi_view), &memory));
    mwi_view *const v = memory;
    for (size_t i = 0; i < op->n_in; i++)
        if (op->in[i] >= 0) v[i] = m->plan->views[op->in[i]];
    for (size_t i = 0; i < op->n_out; i++) v[op->n_in + i] = m->plan->views[op->out[i]];
    *out = (mwi_shape_call){.op = op,
                            .attr = op->attr,
                            .graph = m->o->graph,
                            .n_in = op->n_in,
                            .n_out = op->n_out,
                            .in = v,
                            .out = v + op->n_in,
                            .host = m->o->host};
    return MW_OK;
}

/* Whether the operator's value is known while planning. *shared: whatever the inputs' shapes. */
static bool is_foldable(const mwi_maker *m, const mwi_shape_call *call, bool *shared)
{
    const mwi_op *const op = call->op;
    bool known = op->n_in > 0;

    *shared = op->n_in > 0;
    if ((op->desc->traits & MWI_OP_STATEFUL) != 0 || op->n_out == 0) return false;
    for (size_t i = 0; i < op->n_out; i++)
        if (call->out[i].tensor->is_variable) return false;
    for (size_t i = 0; i < op->n_in; i++) {
        if (op->in[i] < 0) continue;
        known = known && call->in[i].data != NULL;
        *shared = *shared && m->o->constants->views[op->in[i]].data != NULL;
    }
    if (!known && (op->desc->traits & MWI_OP_SHAPE_ONLY) == 0) return false;
    const mwi_prepare_call prep = mwi_prepare_call_of(call);
    return mwi_kernel_choose(NULL, &prep, NULL) != NULL; /* that mwi_op_eval takes */
}

static mw_status fold(mw_ctx *ctx, mwi_maker *m, mwi_shape_call *call, bool shared)
{
    mwi_constants *const c = m->o->constants;

    MWI_TRY(mwi_op_eval(ctx, call, shared ? &c->arena : &m->plan->arena));
    for (size_t i = 0; i < call->n_out && shared; i++) {
        call->out[i].fixed = true;
        c->views[call->op->out[i]] = call->out[i];
    }
    return MW_OK;
}

static mw_status add_step(mw_ctx *ctx, mwi_maker *m, const mwi_shape_call *call)
{
    mwi_plan *const p = m->plan;
    mwi_step *const s = &p->steps[p->n_steps];
    mwi_prepare_call prep = mwi_prepare_call_of(call);
    prep.host = m->o->host;
    prep.arena = &p->arena;
    prep.packs = m->o->packs;
    prep.n_threads = m->o->n_threads;
    const mwi_kernel *const k = mwi_kernel_choose(m->o->device, &prep, m->o->kernels);

    if (k == NULL) return name_missing(ctx, m, call, NULL);
    s->op = call->op;
    s->kernel = k;
    s->run = k->run;
    if (k->prepare != NULL) {
        const mw_status st = k->prepare(ctx, &prep);
        if (st == MW_EUNSUPPORTED) return collect(ctx, m, call, st);
        MWI_TRY(mwi_prefix(ctx, st, "%s '%s'", mwi_op_name(call->op), name_of(call)));
    }
    s->scratch_bytes = prep.scratch_bytes;
    s->call = (mwi_run_call){.attr = call->attr,
                             .n_in = call->n_in,
                             .n_out = call->n_out,
                             .in = call->in,
                             .out = call->out,
                             .host = m->o->host,
                             .state = prep.state,
                             .pool = m->o->pool,
                             .strings = m->o->strings};
    s->macs = call->op->desc->macs == NULL ? 0 : call->op->desc->macs(call);
    for (size_t i = 0; i < call->n_in; i++)
        s->bytes += call->in[i].tensor == NULL ? 0 : call->in[i].bytes;
    for (size_t i = 0; i < call->n_out; i++) s->bytes += call->out[i].bytes;
    p->n_steps++;
    return MW_OK;
}

/* Outputs that an earlier plan of the session has found constant. */
static bool is_folded(const mwi_maker *m, const mwi_op *op)
{
    for (size_t i = 0; i < op->n_out; i++)
        if (m->o->constants->views[op->out[i]].data == NULL) return false;
    return op->n_out > 0;
}

/* What follows needs data: the plan ends here, and the rest is judged by its types alone. */
static void end_before(mwi_maker *m, size_t at, const mwi_shape_call *call)
{
    m->plan->next_op = at;
    m->plan->next_call = *call;
    lose_outputs(m, call->op);
}

/* Small integers that decide a shape (paddings, axes) are constants of a tail whose kernel prepares
 * itself. */
static mw_status fix_inputs(mw_ctx *ctx, mwi_maker *m, const mwi_shape_call *call)
{
    mwi_plan *const p = m->plan;
    mwi_view *const in = (mwi_view *)(uintptr_t)call->in; /* made by gather */
    void *memory;

    for (size_t i = 0; i < call->n_in; i++) {
        mwi_view *const v = &in[i];
        if (v->tensor == NULL || v->data != NULL || (v->dtype != MW_INT32 && v->dtype != MW_INT64))
            continue;
        if (v->bytes > MAX_FIXED_BYTES || v->tensor->is_variable) continue;
        MWI_TRY(mwi_arena_copy(ctx, &p->arena, p->before->views[call->op->in[i]].data, v->bytes,
                               &v->data));
    }
    MWI_TRY(mwi_arena_copy(ctx, &p->arena, in, call->n_in * sizeof *in, &memory));
    p->fixed = memory;
    return MW_OK;
}

/* The first operator of a tail: the shapes of its outputs are given. */
static mw_status plan_given(mw_ctx *ctx, mwi_maker *m, const mwi_op *op)
{
    mwi_plan *const p = m->plan;
    mwi_shape_call call;

    MWI_TRY(mwi_customs_replace(ctx, m->o->customs, &p->arena, &op));
    MWI_TRY(gather(ctx, m, op, &call));
    for (size_t i = 0; i < op->n_out; i++) {
        call.out[i].dtype = p->given[i].dtype;
        call.out[i].bytes = p->given[i].bytes;
        mwi_view_set_dims(&call.out[i], p->given[i].rank, p->given[i].dims);
    }
    MWI_TRY(fix_inputs(ctx, m, &call));
    MWI_TRY(add_step(ctx, m, &call));
    if (p->n_steps > 0 && p->steps[0].kernel->prepare == NULL) p->fixed = NULL;
    for (size_t i = 0; i < op->n_out; i++) p->views[op->out[i]] = call.out[i];
    return MW_OK;
}

static mw_status plan_op(mw_ctx *ctx, mwi_maker *m, size_t at)
{
    const mwi_op *op = m->o->graph->ops[at];
    mwi_shape_call call;
    bool shared, lost = false;

    MWI_TRY(mwi_customs_replace(ctx, m->o->customs, &m->plan->arena, &op));
    if (is_folded(m, op)) return MW_OK;
    MWI_TRY(gather(ctx, m, op, &call));
    if (op->desc->infer == NULL) return name_missing(ctx, m, &call, NULL);
    for (size_t i = 0; i < op->n_in; i++) lost = lost || (op->in[i] >= 0 && m->lost[op->in[i]]);
    if (lost || at > m->plan->next_op) return judge_types(ctx, m, &call);
    const mw_status st = mwi_op_infer(ctx, &call);
    if (st == MW_EUNSUPPORTED) return collect(ctx, m, &call, st);
    MWI_TRY(st);
    if (call.unknown) {
        if (mwi_kernel_by_types(m->o->device, &call) == NULL)
            return name_missing(ctx, m, &call, NULL);
        end_before(m, at, &call);
        return MW_OK;
    }
    if (is_foldable(m, &call, &shared))
        MWI_TRY(collect(ctx, m, &call, fold(ctx, m, &call, shared)));
    else
        MWI_TRY(add_step(ctx, m, &call));
    for (size_t i = 0; i < op->n_out; i++) m->plan->views[op->out[i]] = call.out[i];
    return MW_OK;
}

/* ---- all of them ---- */

static int by_address(const void *a, const void *b)
{
    const mwi_view *const x = *(const mwi_view *const *)a, *const y = *(const mwi_view *const *)b;
    if (x->data == y->data) return 0;
    return (uintptr_t)x->data < (uintptr_t)y->data ? -1 : 1;
}

/* Bytes of the file's constants that steps read in place, each once. */
static mw_status count_weights(mw_ctx *ctx, mwi_maker *m)
{
    mwi_plan *const p = m->plan;
    void *memory;
    size_t n = 0, k = 0;

    for (size_t i = 0; i < p->n_steps; i++) n += p->steps[i].call.n_in;
    MWI_TRY(mwi_arena_array(ctx, &m->scratch, n, sizeof(mwi_view *), &memory));
    const mwi_view **const read = memory;
    for (size_t i = 0; i < p->n_steps; i++) {
        for (size_t j = 0; j < p->steps[i].call.n_in; j++) {
            const mwi_view *const v = &p->steps[i].call.in[j];
            if (v->tensor != NULL && v->data != NULL && v->data == v->tensor->data) read[k++] = v;
        }
    }
    if (k > 1) qsort(read, k, sizeof *read, by_address);
    for (size_t i = 0; i < k; i++)
        if (i == 0 || read[i]->data != read[i - 1]->data) p->weight_bytes += read[i]->bytes;
    return MW_OK;
}

mw_status mwi_maker_steps(mw_ctx *ctx, mwi_maker *m)
{
    const mwi_graph *const g = m->o->graph;
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, &m->plan->arena, g->n_ops, sizeof(mwi_step), &memory));
    m->plan->steps = memory;
    MWI_TRY(mwi_arena_array(ctx, &m->scratch, g->n_tensors, sizeof(bool), &memory));
    m->lost = memory;
    if (m->o->before == NULL) MWI_TRY(set_inputs(ctx, m));
    MWI_TRY(check_states(ctx, m));
    size_t i = 0;
    if (m->o->before != NULL) {
        i = m->o->before->next_op;
        MWI_TRY(plan_given(ctx, m, g->ops[i++]));
    }
    for (; i < g->n_ops; i++) {
        MWI_TRY(mwi_progress(ctx, "plan", i, g->n_ops));
        MWI_TRY(plan_op(ctx, m, i));
    }
    MWI_TRY(fail_missing(ctx, m));
    MWI_TRY(check_states(ctx, m));
    return count_weights(ctx, m);
}
