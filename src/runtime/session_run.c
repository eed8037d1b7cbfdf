/* runtime/session_run.c - running the present plan; hooks, observers, the profile, figures.
 * Depends: runtime/session_state.  Used by: everything above through milliwatt/session.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "runtime/session_state.h"

#include "base/clock.h"

#include <string.h>

static mw_status name_step(mw_ctx *ctx, const mwi_step *step, mw_status st)
{
    return mwi_prefix(ctx, st, "%s '%s'", mwi_op_name(step->op),
                      step->op->n_out > 0 ? step->call.out[0].tensor->name : "");
}

static mw_status run_plain(mw_ctx *ctx, const mwi_plan *p)
{
    mwi_step *const *const work = p->work;
    const size_t n = p->n_work;

    for (size_t i = 0; i < n; i++) {
        MWI_TRY(mwi_progress(ctx, "run", 0, 0));
        const mw_status st = work[i]->run(ctx, &work[i]->call);
        if (st != MW_OK) return name_step(ctx, work[i], st);
    }
    return MW_OK;
}

/* ---- with a profile or an observer ---- */

static mw_status run_step(mw_ctx *ctx, const mw_session *s, mwi_step *step)
{
    MWI_TRY(mwi_progress(ctx, "run", 0, 0));
    const uint64_t begin = mwi_now_ns();

    if (step->run != NULL) MWI_TRY(name_step(ctx, step, step->run(ctx, &step->call)));
    if (s->profile) {
        step->total_ns += step->run == NULL ? 0 : mwi_now_ns() - begin;
        step->n_runs++;
    }
    const mw_session *const root = s->root; /* subgraphs are seen by its observer */
    if (root->observe == NULL) return MW_OK;
    return root->observe(root->observe_self, ctx, s->graph, step->op, step->call.in,
                         step->call.n_in, step->call.out, step->call.n_out);
}

static mw_status run_watched(mw_ctx *ctx, const mw_session *s, const mwi_plan *p)
{
    const mw_session *const root = s->root;

    if (root->observe != NULL && p == s->present)
        MWI_TRY(root->observe(root->observe_self, ctx, s->graph, NULL, NULL, 0, p->input_views,
                              s->graph->n_inputs));
    for (size_t i = 0; i < p->n_steps; i++) MWI_TRY(run_step(ctx, s, &p->steps[i]));
    return MW_OK;
}

/* ---- all of it ---- */

mw_status mwi_session_run_plans(mw_ctx *ctx, mw_session *s)
{
    const bool watched = s->root->observe != NULL || s->profile;
    mwi_plan *p = s->present;

    p->tail = NULL;
    for (;;) {
        MWI_TRY(watched ? run_watched(ctx, s, p) : run_plain(ctx, p));
        if (p->next_op == s->graph->n_ops) return MW_OK;
        MWI_TRY(mwi_session_go_on(ctx, s, p));
        p = p->tail;
    }
}

/* What a run has written of string outputs is good when the run is. */
static void clear_outputs(mw_session *s)
{
    for (mwi_plan *p = s->present; p != NULL; p = p->tail)
        mwi_plan_clear_strings(p, s->outputs, s->n_outputs);
}

void mwi_session_drop_strings(mw_ctx *ctx, mw_session *s)
{
    clear_outputs(s);
    mwi_arena_reset(ctx, &s->strings);
}

mw_status mwi_session_run_once(mw_ctx *ctx, mw_session *session)
{
    if (session->hooks.before_run != NULL) session->hooks.before_run(session->hooks.self, session);
    const bool timed = session->hooks.after_run != NULL;
    const uint64_t begin = timed ? mwi_now_ns() : 0;
    mwi_host_begin_run(session);
    const mw_status st =
        mwi_prefix(ctx, mwi_session_run_plans(ctx, session), "%s", session->model->name);
    if (st != MW_OK) clear_outputs(session);
    if (timed)
        session->hooks.after_run(session->hooks.self, session,
                                 (double)(mwi_now_ns() - begin) / 1e3);
    return st;
}

mw_status mw_session_run(mw_ctx *ctx, mw_session *session)
{
    mwi_enter(ctx);
    mwi_session_drop_strings(ctx, session);
    return mwi_session_run_once(ctx, session);
}

void mw_session_set_hooks(mw_session *session, const mw_session_hooks *hooks)
{
    static const mw_session_hooks none;
    session->hooks = hooks == NULL ? none : *hooks;
}

void mwi_session_observe(mw_session *session, mwi_observe_fn fn, void *self)
{
    session->observe = fn;
    session->observe_self = self;
}

/* ---- figures ---- */

static void add_plan(const mwi_plan *p, mw_session_memory *out)
{
    out->prepared_bytes += p->arena.bytes;
    if (p->weight_bytes > out->weight_bytes) out->weight_bytes = p->weight_bytes;
    if (p->memory != NULL) out->arena_bytes += p->arena_bytes;
    for (size_t i = 0; i < p->n_tails; i++) add_plan(p->tails[i], out);
}

void mw_session_memory_use(const mw_session *session, mw_session_memory *out_memory)
{
    memset(out_memory, 0, sizeof *out_memory);
    out_memory->arena_bytes = session->memory_bytes;
    out_memory->packed_bytes = mwi_packs_bytes(session->model->packs);
    out_memory->prepared_bytes = session->constants.arena.bytes;
    for (size_t i = 0; i < session->n_kept; i++) add_plan(session->kept[i].plan, out_memory);
    for (size_t i = 0; i < session->states.n; i++)
        out_memory->state_bytes += session->states.v[i].bytes;
    if (session->root == session) mwi_host_memory_use(session, out_memory);
}

size_t mw_session_n_steps(const mw_session *session)
{
    size_t n = 0;
    for (const mwi_plan *p = session->present; p != NULL; p = p->tail) n += p->n_steps;
    return n;
}

mw_status mw_session_step(mw_ctx *ctx, const mw_session *session, size_t index,
                          mw_step_info *out_info)
{
    const mwi_plan *p = session->present;
    size_t i = index;

    mwi_enter(ctx);
    for (; p != NULL && i >= p->n_steps; p = p->tail) i -= p->n_steps;
    if (p == NULL)
        return mwi_fail(ctx, MW_EINVAL, "%s: step %zu of %zu", session->model->name, index,
                        mw_session_n_steps(session));
    const mwi_step *const s = &p->steps[i];
    *out_info = (mw_step_info){.op = mwi_op_name(s->op),
                               .name = s->op->n_out > 0 ? s->call.out[0].tensor->name : "",
                               .kernel = s->run == NULL ? "view" : s->kernel->name,
                               .device = session->device->name,
                               .macs = s->macs,
                               .bytes = s->run == NULL ? 0 : s->bytes,
                               .n_runs = s->n_runs,
                               .total_us = (double)s->total_ns / 1e3};
    return MW_OK;
}
