/* runtime/plan_check.c - a plan's memory, proven in debug builds by walking its steps: a value
 * that is read was not overwritten since it was written. Independent of how plan_lifetimes.c found
 * the places.
 * Depends: runtime/plan_maker.  Used by: runtime/plan.   SPDX-License-Identifier: Apache-2.0 */
#include "runtime/plan_maker.h"

#if defined(MWI_DEBUG)

enum { MAX_TENSORS = 2048 }; /* the walk looks at all tensors for each step */

static bool overlap(size_t a, size_t a_bytes, size_t b, size_t b_bytes)
{
    return a_bytes > 0 && b_bytes > 0 && a < b + b_bytes && b < a + a_bytes;
}

/* Values in [place, place + bytes) are gone. */
static void overwrite(const mwi_plan *p, bool *good, size_t place, size_t bytes)
{
    for (size_t i = 0; i < p->graph->n_tensors; i++)
        if (good[i] && p->places[i] != MWI_NO_PLACE &&
            overlap(p->places[i], p->views[i].bytes, place, bytes))
            good[i] = false;
}

static void check_step(const mwi_plan *p, const mwi_step *s, bool *good)
{
    const mwi_op *const op = s->op;

    for (size_t k = 0; k < op->n_in; k++)
        MWI_ASSERT(op->in[k] < 0 || p->places[op->in[k]] == MWI_NO_PLACE || good[op->in[k]]);
    if (s->run != NULL && s->scratch_place != MWI_NO_PLACE) {
        overwrite(p, good, s->scratch_place, s->scratch_bytes);
        for (size_t k = 0; k < op->n_in; k++)
            MWI_ASSERT(op->in[k] < 0 || p->places[op->in[k]] == MWI_NO_PLACE || good[op->in[k]]);
    }
    for (size_t k = 0; k < op->n_out; k++) {
        const size_t place = p->places[op->out[k]], bytes = p->views[op->out[k]].bytes;
        if (place == MWI_NO_PLACE) continue;
        MWI_ASSERT(place % 64 == 0 && bytes <= p->arena_bytes && place <= p->arena_bytes - bytes);
        if (s->run != NULL) {
            if (s->scratch_place != MWI_NO_PLACE)
                MWI_ASSERT(!overlap(place, bytes, s->scratch_place, s->scratch_bytes));
            for (size_t j = 0; j < op->n_in; j++) {
                if (op->in[j] < 0 || p->places[op->in[j]] == MWI_NO_PLACE) continue;
                const bool allowed = j == 0 && (op->desc->traits & MWI_OP_INPLACE) != 0 &&
                                     op->n_out == 1 && p->places[op->in[0]] == place &&
                                     p->views[op->in[0]].bytes == bytes;
                MWI_ASSERT(allowed ||
                           !overlap(p->places[op->in[j]], p->views[op->in[j]].bytes, place, bytes));
            }
            overwrite(p, good, place, bytes);
        }
        good[op->out[k]] = true;
    }
}

mw_status mwi_maker_check(mw_ctx *ctx, mwi_maker *m)
{
    const mwi_plan *const p = m->plan;
    void *memory;

    if (p->graph->n_tensors > MAX_TENSORS) return MW_OK;
    MWI_TRY(mwi_arena_array(ctx, &m->scratch, p->graph->n_tensors, sizeof(bool), &memory));
    bool *const good = memory;
    for (size_t i = 0; i < m->o->n_inputs && m->o->before == NULL; i++)
        good[m->o->inputs[i]] = true;
    for (size_t i = 0; i < p->n_steps; i++) check_step(p, &p->steps[i], good);
    for (size_t i = 0; i < m->o->n_outputs; i++)
        MWI_ASSERT(p->places[m->o->outputs[i]] == MWI_NO_PLACE || good[m->o->outputs[i]]);
    for (size_t i = p->next_op; i < p->graph->n_ops; i++)
        for (size_t k = 0; k < p->graph->ops[i]->n_in; k++) {
            const int32_t t = p->graph->ops[i]->in[k];
            MWI_ASSERT(t < 0 || p->places[t] == MWI_NO_PLACE || good[t]);
        }
    return MW_OK;
}

#else
typedef int mwi_plan_check_is_for_debug_builds;
#endif
