/* runtime/session_run.c - running the present plan; hooks, observers, the profile, figures.
 * Depends: runtime/session_state.  Used by: everything above through milliwatt/session.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "runtime/session_state.h"

#include "base/clock.h"

#include <string.h>

static mw_status name_step(mw_ctx *ctx, const mw_session *s, const mwi_step *step, mw_status st)
{
    return mwi_prefix(ctx, st, "%s: %s '%s'", s->model->name, mwi_op_name(step->op),
                      step->op->n_out > 0 ? step->call.out[0].tensor->name : "");
}

static mw_status run_plain(mw_ctx *ctx, const mw_session *s)
{
    mwi_step *const *const work = s->present->work;
    const size_t n = s->present->n_work;

    for (size_t i = 0; i < n; i++) {
        const mw_status st = work[i]->run(ctx, &work[i]->call);
        if (st != MW_OK) return name_step(ctx, s, work[i], st);
    }
    return MW_OK;
}

/* ---- with a profile or an observer ---- */

static mw_status run_step(mw_ctx *ctx, const mw_session *s, mwi_step *step)
{
    const uint64_t begin = mwi_now_ns();

    if (step->run != NULL) MWI_TRY(name_step(ctx, s, step, step->run(ctx, &step->call)));
    if (s->profile) {
        step->total_ns += step->run == NULL ? 0 : mwi_now_ns() - begin;
        step->n_runs++;
    }
    if (s->observe == NULL) return MW_OK;
    return s->observe(s->observe_self, ctx, s->graph, step->op, step->call.in, step->call.n_in, step->call.out,
                      step->call.n_out);
}

static mw_status run_watched(mw_ctx *ctx, const mw_session *s)
{
    if (s->observe != NULL)
        MWI_TRY(s->observe(s->observe_self, ctx, s->graph, NULL, NULL, 0, s->present->input_views,
                           s->graph->n_inputs));
    for (size_t i = 0; i < s->present->n_steps; i++) MWI_TRY(run_step(ctx, s, &s->present->steps[i]));
    return MW_OK;
}

mw_status mw_session_run(mw_ctx *ctx, mw_session *session)
{
    if (session->hooks.before_run != NULL) session->hooks.before_run(session->hooks.self, session);
    const bool timed = session->hooks.after_run != NULL;
    const uint64_t begin = timed ? mwi_now_ns() : 0;
    const mw_status st = session->observe != NULL || session->profile ? run_watched(ctx, session)
                                                                      : run_plain(ctx, session);
    if (timed) session->hooks.after_run(session->hooks.self, session, mwi_now_ns() - begin);
    return st;
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

void mw_session_memory_use(const mw_session *session, mw_session_memory *out_memory)
{
    memset(out_memory, 0, sizeof *out_memory);
    out_memory->arena_bytes = session->memory_bytes;
    out_memory->packed_bytes = session->constants.arena.bytes;
    for (size_t i = 0; i < session->n_kept; i++) {
        const mwi_plan *const p = session->kept[i].plan;
        out_memory->packed_bytes += p->arena.bytes;
        if (p->weight_bytes > out_memory->weight_bytes) out_memory->weight_bytes = p->weight_bytes;
    }
    for (size_t i = 0; i < session->states.n; i++) out_memory->state_bytes += session->states.v[i].bytes;
}

size_t mw_session_n_steps(const mw_session *session) { return session->present->n_steps; }

mw_status mw_session_step(mw_ctx *ctx, const mw_session *session, size_t index, mw_step_info *out_info)
{
    if (index >= session->present->n_steps)
        return mwi_fail(ctx, MW_EINVAL, "%s: step %zu of %zu", session->model->name, index,
                        session->present->n_steps);
    const mwi_step *const s = &session->present->steps[index];
    *out_info = (mw_step_info){
        .op = mwi_op_name(s->op), .name = s->op->n_out > 0 ? s->call.out[0].tensor->name : "",
        .kernel = s->run == NULL ? "view" : s->kernel->name, .device = session->device->name,
        .macs = s->macs, .bytes = s->run == NULL ? 0 : s->bytes, .n_runs = s->n_runs, .total_ns = s->total_ns};
    return MW_OK;
}
