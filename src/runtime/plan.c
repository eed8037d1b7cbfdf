/* runtime/plan.c - making, binding and dropping a plan. The work is in plan_steps.c (shapes, constants,
 * kernels), plan_lifetimes.c (who shares memory) and memory.c (where).
 * Depends: runtime/plan_maker.  Used by: runtime/session*.   SPDX-License-Identifier: Apache-2.0 */
#include "runtime/plan_maker.h"

#include <string.h>

void mwi_take_error(mw_ctx *ctx, char *text, size_t text_bytes)
{
    const char *const error = mw_ctx_error(ctx);
    const size_t n = strnlen(error, text_bytes - 1);

    memcpy(text, error, n);
    text[n] = '\0';
    mw_ctx_clear(ctx);
}

/* ---- constants ---- */

mw_status mwi_constants_init(mw_ctx *ctx, const mwi_graph *graph, const int32_t *inputs, size_t n_inputs,
                             mwi_constants *out)
{
    void *memory;

    mwi_arena_init(ctx, &out->arena);
    MWI_TRY(mwi_arena_array(ctx, &out->arena, graph->n_tensors, sizeof(mwi_view), &memory));
    out->views = memory;
    out->n = graph->n_tensors;
    for (size_t i = 0; i < out->n; i++)
        MWI_TRY(mwi_view_dense(ctx, graph->tensors[i], &out->arena, &out->views[i]));
    for (size_t i = 0; i < n_inputs; i++) out->views[inputs[i]].data = NULL;
    return MW_OK;
}

void mwi_constants_deinit(mwi_constants *constants)
{
    if (constants->arena.heap != NULL) mwi_arena_deinit(&constants->arena);
}

/* ---- making ---- */

static mw_status list_work(mw_ctx *ctx, mwi_plan *p)
{
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, &p->arena, p->n_steps, sizeof(mwi_step *), &memory));
    p->work = memory;
    for (size_t i = 0; i < p->n_steps; i++)
        if (p->steps[i].run != NULL) p->work[p->n_work++] = &p->steps[i];
    return MW_OK;
}

static mw_status make(mw_ctx *ctx, mwi_maker *m)
{
    const size_t n = m->o->graph->n_tensors;
    mwi_plan *const p = m->plan;
    void *memory;

    MWI_TRY(mwi_arena_copy(ctx, &p->arena, m->o->constants->views, n * sizeof(mwi_view), &memory));
    p->views = memory;
    MWI_TRY(mwi_arena_array(ctx, &p->arena, n, sizeof(size_t), &memory));
    p->places = memory;
    MWI_TRY(mwi_arena_array(ctx, &p->arena, m->o->graph->n_inputs, sizeof(mwi_view), &memory));
    p->input_views = memory;
    MWI_TRY(mwi_maker_steps(ctx, m));
    MWI_TRY(mwi_maker_places(ctx, m));
#if defined(MWI_DEBUG)
    MWI_TRY(mwi_maker_check(ctx, m));
#endif
    return list_work(ctx, p);
}

mw_status mwi_plan_create(mw_ctx *ctx, const mwi_plan_options *options, mwi_plan **out)
{
    mwi_maker m = {.o = options};
    void *memory;

    *out = NULL;
    MWI_TRY(mwi_alloc(ctx, sizeof(mwi_plan), &memory));
    memset(memory, 0, sizeof(mwi_plan));
    m.plan = memory;
    m.plan->graph = options->graph;
    m.plan->states = options->states;
    mwi_arena_init(ctx, &m.plan->arena);
    mwi_arena_init(ctx, &m.scratch);
    mwi_text_init(ctx, &m.missing, 1 << 16);
    const mw_status st = make(ctx, &m);
    mwi_text_deinit(&m.missing);
    mwi_arena_deinit(&m.scratch);
    if (st == MW_OK) *out = m.plan;
    else mwi_plan_destroy(m.plan);
    return st;
}

void mwi_plan_destroy(mwi_plan *plan)
{
    if (plan == NULL) return;
    mwi_arena arena = plan->arena;
    mwi_heap *const heap = arena.heap;
    /* The arena holds one reference; the plan's own memory goes back before it. */
    mwi_heap_free(heap, plan, sizeof *plan);
    mwi_arena_deinit(&arena);
}

/* ---- binding ---- */

/* The views were made by this plan; kernels get them as const. */
static void bind_all(const mwi_plan *p, const int32_t *tensors, size_t n, const mwi_view *views)
{
    mwi_view *const v = (mwi_view *)(uintptr_t)views;

    for (size_t i = 0; i < n; i++)
        if (tensors[i] >= 0) v[i].data = p->views[tensors[i]].data;
}

void mwi_plan_bind(mwi_plan *plan, uint8_t *base)
{
    plan->base = base;
    for (size_t i = 0; i < plan->states->n; i++)
        plan->views[plan->states->v[i].tensor].data = plan->states->v[i].data;
    for (size_t i = 0; i < plan->graph->n_tensors; i++)
        if (plan->places[i] != MWI_NO_PLACE) plan->views[i].data = base + plan->places[i];
    for (size_t i = 0; i < plan->graph->n_inputs; i++)
        plan->input_views[i] = plan->views[plan->graph->inputs[i]];
    for (size_t i = 0; i < plan->n_steps; i++) {
        mwi_step *const s = &plan->steps[i];
        bind_all(plan, s->op->in, s->op->n_in, s->call.in);
        bind_all(plan, s->op->out, s->op->n_out, s->call.out);
        /* Never NULL, so that a kernel may clear nothing of it. */
        s->call.scratch = base + (s->scratch_place != MWI_NO_PLACE ? s->scratch_place : 0);
    }
}
