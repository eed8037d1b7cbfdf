/* compress/quantize/readers.c - see readers.h.     SPDX-License-Identifier: Apache-2.0 */
#include "compress/quantize/readers.h"

mw_status mwi_readers_find(mw_ctx *ctx, const mwi_graph *g, mwi_arena *arena, mwi_readers *out)
{
    size_t n = 0;
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, arena, g->n_tensors + 2, sizeof(size_t), &memory));
    size_t *const next = (size_t *)memory + 1; /* becomes `first` of the tensor after */
    for (size_t i = 0; i < g->n_ops; i++)
        for (size_t k = 0; k < g->ops[i]->n_in; k++)
            if (g->ops[i]->in[k] >= 0) next[g->ops[i]->in[k]]++, n++;
    size_t sum = 0;
    for (size_t t = 0; t < g->n_tensors; t++) {
        const size_t uses = next[t];
        next[t] = sum;
        sum += uses;
    }
    out->first = memory;
    MWI_TRY(mwi_arena_array(ctx, arena, n + 1, sizeof(int32_t), &memory));
    out->ops = memory;
    for (size_t i = 0; i < g->n_ops; i++)
        for (size_t k = 0; k < g->ops[i]->n_in; k++)
            if (g->ops[i]->in[k] >= 0) out->ops[next[g->ops[i]->in[k]]++] = (int32_t)i;
    return MW_OK;
}
