/* runtime/plan.c - making, binding and dropping a plan. The work is in plan_steps.c (shapes,
 * constants, kernels), plan_lifetimes.c (who shares memory) and memory.c (where).
 * Depends: runtime/plan_maker.  Used by: runtime/session*.
 * SPDX-License-Identifier: Apache-2.0 */
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

mw_status mwi_constants_init(mw_ctx *ctx, const mwi_graph *graph, const int32_t *inputs,
                             size_t n_inputs, mwi_constants *out)
{
    void *memory;

    mwi_arena_init(ctx, &out->arena);
    MWI_TRY(mwi_arena_array(ctx, &out->arena, graph->n_tensors, sizeof(mwi_view), &memory));
    out->views = memory;
    out->n = graph->n_tensors;
    for (size_t i = 0; i < out->n; i++)
        MWI_TRY(mwi_view_dense(ctx, graph->tensors[i], &out->arena, &out->views[i]));
    for (size_t i = 0; i < n_inputs; i++) {
        out->views[inputs[i]].data = NULL;
        out->views[inputs[i]].fixed = false;
    }
    return MW_OK;
}

void mwi_constants_deinit(mwi_constants *constants)
{
    if (constants->arena.heap != NULL) mwi_arena_deinit(&constants->arena);
}

/* ---- making ---- */

/* A tail sees what the plan before it has, but only constants have data while it is made. */
static mw_status go_on_from(mw_ctx *ctx, mwi_plan *p, const mwi_plan *before, const mwi_view *given)
{
    const size_t n = p->graph->n_tensors;
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, &p->arena, n, sizeof(bool), &memory));
    p->carried = memory;
    for (size_t i = 0; i < n; i++) {
        p->carried[i] =
            before->places[i] != MWI_NO_PLACE || (before->carried != NULL && before->carried[i]);
        if (p->carried[i] || before->views[i].tensor->is_variable) p->views[i].data = NULL;
    }
    MWI_TRY(
        mwi_arena_copy(ctx, &p->arena, given, before->next_call.n_out * sizeof *given, &memory));
    p->given = memory;
    p->before = before;
    return MW_OK;
}

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

    const mwi_view *const known =
        m->o->before != NULL ? m->o->before->views : m->o->constants->views;
    MWI_TRY(mwi_arena_copy(ctx, &p->arena, known, n * sizeof(mwi_view), &memory));
    p->views = memory;
    if (m->o->before != NULL) MWI_TRY(go_on_from(ctx, p, m->o->before, m->o->given));
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
    m.plan->next_op = options->graph->n_ops;
    mwi_arena_init(ctx, &m.plan->arena);
    mwi_arena_init(ctx, &m.scratch);
    mwi_text_init(ctx, &m.missing, 1 << 16);
    const mw_status st = make(ctx, &m);
    mwi_text_deinit(&m.missing);
    mwi_arena_deinit(&m.scratch);
    if (st == MW_OK)
        *out = m.plan;
    else
        mwi_plan_destroy(m.plan);
    return st;
}

void mwi_plan_destroy(mwi_plan *plan)
{
    if (plan == NULL) return;
    for (size_t i = 0; i < plan->n_tails; i++) mwi_plan_destroy(plan->tails[i]);
    mwi_arena arena = plan->arena;
    mwi_heap *const heap = arena.heap;
    /* The arena holds one reference; the plan's own memory goes back before it. */
    mwi_heap_free(heap, plan->memory, plan->memory == NULL ? 0 : plan->arena_bytes);
    mwi_heap_free(heap, plan, sizeof *plan);
    mwi_arena_deinit(&arena);
}

/* ---- tails ---- */

static bool same_shape(const mwi_view *a, const mwi_view *b)
{
    return a->dtype == b->dtype && a->rank == b->rank &&
           memcmp(a->dims, b->dims, (size_t)a->rank * sizeof *a->dims) == 0;
}

static bool made_for(const mwi_plan *tail, const mwi_shape_call *call)
{
    for (size_t i = 0; i < call->n_out; i++)
        if (!same_shape(&tail->given[i], &call->out[i])) return false;
    for (size_t i = 0; i < call->n_in && tail->fixed != NULL; i++) {
        const mwi_view *const f = &tail->fixed[i];
        if (f->data != NULL && f->bytes > 0 && memcmp(f->data, call->in[i].data, f->bytes) != 0)
            return false;
    }
    return true;
}

mwi_plan *mwi_plan_find_tail(const mwi_plan *plan)
{
    for (size_t i = 0; i < plan->n_tails; i++)
        if (made_for(plan->tails[i], &plan->next_call)) return plan->tails[i];
    return NULL;
}

mw_status mwi_plan_add_tail(mw_ctx *ctx, mwi_plan *plan, mwi_plan *tail)
{
    size_t at = plan->n_tails;
    void *memory;

    if (tail->arena_bytes == 0) tail->arena_bytes = 64;
    const mw_status st = mwi_heap_alloc(ctx, tail->arena.heap, tail->arena_bytes, &memory);
    if (st != MW_OK) {
        mwi_plan_destroy(tail);
        return st;
    }
    tail->memory = memory;
    if (at == MWI_MAX_TAILS) {
        at = plan->last_replaced = (plan->last_replaced + 1) % MWI_MAX_TAILS;
        mwi_plan_destroy(plan->tails[at]);
    } else {
        plan->n_tails++;
    }
    plan->tails[at] = tail;
    return MW_OK;
}

/* ---- binding ---- */

void mwi_plan_clear_strings(mwi_plan *plan, const int32_t *tensors, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const mwi_view *const v = &plan->views[tensors[i]];
        if (v->dtype == MW_STRING && plan->places[tensors[i]] != MWI_NO_PLACE && v->bytes > 0)
            memset(v->data, 0, v->bytes);
    }
}

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
    for (size_t i = 0; i < plan->graph->n_tensors && plan->carried != NULL; i++)
        if (plan->carried[i]) plan->views[i].data = plan->before->views[i].data;
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
    if (plan->next_op < plan->graph->n_ops)
        bind_all(plan, plan->graph->ops[plan->next_op]->in, plan->next_call.n_in,
                 plan->next_call.in);
}
