/* devices/cpu/x86/f32_chunks.c - see f32_chunks.h.
 * Depends: f32_outer, base/checked.  Used by: the kernels of this folder.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/f32_chunks.h"

#include "base/checked.h"

enum {
    MOST_CHUNKS = 8,
    SUMS_FLOATS = 4 << 20, /* of all chunks together, where one alone is smaller */
    ADD_FLOATS = 4096,     /* of a piece */
};

mw_status mwi_f32_chunks_plan(mw_ctx *ctx, mwi_prepare_call *call, const mwi_f32_outer_isa *isa,
                              size_t n_items, mwi_f32_chunks *out)
{
    size_t n = MOST_CHUNKS, bytes;

    out->isa = isa;
    out->n_items = n_items;
    out->padded_c = (out->out_c + isa->lanes - 1) / isa->lanes * isa->lanes;
    out->block = isa->lanes * isa->max_vectors;
    out->n_blocks = (out->out_c + out->block - 1) / out->block;
    if (!mwi_mul(out->n_places, out->padded_c, &out->plane) ||
        !mwi_mul(out->plane, out->n_planes, &out->chunk))
        return mwi_fail(ctx, MW_ELIMIT, "the filter is too large");
    if (out->chunk * n > SUMS_FLOATS) n = SUMS_FLOATS / out->chunk;
    if (n < 1) n = 1;
    out->items_a_chunk = (n_items + n - 1) / n;
    if (out->items_a_chunk < 1) out->items_a_chunk = 1;
    out->n_chunks = (n_items + out->items_a_chunk - 1) / out->items_a_chunk;
    if (out->n_chunks < 1) out->n_chunks = 1;
    if (!mwi_mul(out->chunk, out->n_chunks * sizeof(float), &bytes) ||
        !mwi_align_up(call->scratch_bytes, 64, &out->sums_at) ||
        !mwi_add(out->sums_at, bytes, &call->scratch_bytes))
        return mwi_fail(ctx, MW_ELIMIT, "the filter is too large");
    return MW_OK;
}

float *mwi_f32_chunks_sums(const mwi_f32_chunks *chunks, void *scratch, size_t chunk, size_t block)
{
    return (float *)(void *)((char *)scratch + chunks->sums_at) + chunk * chunks->chunk +
           block * chunks->block * chunks->n_places;
}

typedef struct job {
    const mwi_f32_chunks *c;
    float *sums;
} job;

static void add(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const job *const j = arg;

    (void)thread;
    for (size_t k = 1; k < j->c->n_chunks; k++) {
        const float *const more = j->sums + k * j->c->chunk;
        for (size_t i = begin; i < end; i++) j->sums[i] += more[i];
    }
}

void mwi_f32_chunks_add(const mwi_f32_chunks *chunks, void *scratch, mwi_pool *pool)
{
    job j = {chunks, mwi_f32_chunks_sums(chunks, scratch, 0, 0)};
    if (chunks->n_chunks > 1) mwi_par_for(pool, chunks->chunk, ADD_FLOATS, add, &j);
}
