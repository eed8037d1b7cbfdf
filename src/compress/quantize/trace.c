/* compress/quantize/trace.c - which tensors and operators of the model that was given those of the
 * optimised one are: passes keep both while they mean the same (passes/rewriter.h, 4).
 * Depends: compress/quantize/job.  Used by: quantizer.   SPDX-License-Identifier: Apache-2.0 */
#include "compress/quantize/job.h"

#include <stdlib.h>

struct place {
    uintptr_t address;
    int32_t index;
};

static int by_address(const void *a, const void *b)
{
    const struct place *const x = a, *const y = b;
    return (x->address > y->address) - (x->address < y->address);
}

static int32_t find(const struct place *places, size_t n, const void *what)
{
    const struct place key = {(uintptr_t)what, 0};
    const struct place *const p = bsearch(&key, places, n, sizeof *places, by_address);
    return p == NULL ? -1 : p->index;
}

mw_status mwi_qjob_trace_begin(mw_ctx *ctx, mwi_qjob *job, mwi_qtrace *t)
{
    const mwi_graph *const g = job->flt->graphs[0];
    void *memory;

    *t = (mwi_qtrace){.n_tensors = g->n_tensors, .n_ops = g->n_ops};
    MWI_TRY(mwi_arena_array(ctx, &job->arena, g->n_tensors, sizeof(struct place), &memory));
    struct place *const tensors = memory;
    MWI_TRY(mwi_arena_array(ctx, &job->arena, g->n_ops, sizeof(struct place), &memory));
    struct place *const ops = memory;
    for (size_t i = 0; i < g->n_tensors; i++)
        tensors[i] = (struct place){(uintptr_t)g->tensors[i], (int32_t)i};
    for (size_t i = 0; i < g->n_ops; i++) ops[i] = (struct place){(uintptr_t)g->ops[i], (int32_t)i};
    qsort(tensors, g->n_tensors, sizeof *tensors, by_address);
    qsort(ops, g->n_ops, sizeof *ops, by_address);
    t->tensors = tensors;
    t->ops = ops;
    return MW_OK;
}

mw_status mwi_qjob_trace_end(mw_ctx *ctx, mwi_qjob *job, const mwi_qtrace *t)
{
    const mwi_graph *const g = job->fg;
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, &job->arena, g->n_tensors, sizeof(int32_t), &memory));
    int32_t *const tensors = memory;
    MWI_TRY(mwi_arena_array(ctx, &job->arena, g->n_ops, sizeof(int32_t), &memory));
    int32_t *const ops = memory;
    for (size_t i = 0; i < g->n_tensors; i++)
        tensors[i] = find(t->tensors, t->n_tensors, g->tensors[i]);
    for (size_t i = 0; i < g->n_ops; i++) ops[i] = find(t->ops, t->n_ops, g->ops[i]);
    job->given_tensor = tensors;
    job->given_op = ops;
    return MW_OK;
}
