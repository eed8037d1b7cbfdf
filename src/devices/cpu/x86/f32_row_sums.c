/* devices/cpu/x86/f32_row_sums.c - see f32_row_sums.h.
 * Depends: ops/shapes, base/checked.  Used by: the kernels of this folder.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/f32_row_sums.h"

#include "base/checked.h"
#include "ops/shapes.h"

enum {
    MOST_CHUNKS = 64,
    LEAST_ROWS = 64,        /* of a chunk */
    VALUES_A_PIECE = 16384, /* of a thread */
};

mw_status mwi_f32_row_sums_plan(mw_ctx *ctx, const mwi_view *v, mwi_f32_row_sums *out,
                                size_t *bytes)
{
    out->channels = (size_t)v->dims[v->rank - 1];
    out->n_rows = mwi_view_count(v) / out->channels;
    out->rows_a_chunk = (out->n_rows + MOST_CHUNKS - 1) / MOST_CHUNKS;
    if (out->rows_a_chunk < LEAST_ROWS) out->rows_a_chunk = LEAST_ROWS;
    out->n_chunks = (out->n_rows + out->rows_a_chunk - 1) / out->rows_a_chunk;
    if (!mwi_mul(out->n_chunks * sizeof(float), out->channels, bytes))
        return mwi_fail(ctx, MW_ELIMIT, "%zu channels are too many", out->channels);
    return MW_OK;
}

typedef struct job {
    const mwi_f32_row_sums *s;
    const mwi_f32_row_operands *in;
    mwi_f32_row_sum_fn sum;
    mwi_f32_row_map_fn map;
    float *out; /* sums of each chunk, or values */
} job;

/* Chunk i of operand p. */
static const float *chunk_of(const mwi_f32_row_sums *s, const float *p, size_t i)
{
    return p == NULL ? NULL : p + i * s->rows_a_chunk * s->channels;
}

static void chunks(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const job *const j = arg;
    const mwi_f32_row_sums *const s = j->s;

    (void)thread;
    for (size_t i = begin; i < end; i++) {
        const size_t left = s->n_rows - i * s->rows_a_chunk;
        const size_t n = left < s->rows_a_chunk ? left : s->rows_a_chunk;
        const float *const x = chunk_of(s, j->in->x, i), *const y = chunk_of(s, j->in->y, i);
        if (j->sum != NULL)
            j->sum(x, y, j->in->mean, n, s->channels, j->out + i * s->channels);
        else
            j->map(x, y, j->in->mean, j->in->factors, n, s->channels,
                   j->out + i * s->rows_a_chunk * s->channels);
    }
}

static void run_chunks(job *j, mwi_pool *pool)
{
    mwi_par_for(pool, j->s->n_chunks, 1 + VALUES_A_PIECE / (j->s->rows_a_chunk * j->s->channels),
                chunks, j);
}

void mwi_f32_row_sums_run(const mwi_f32_row_sums *sums, const mwi_f32_rows_isa *isa,
                          mwi_f32_row_sum_fn fn, const mwi_f32_row_operands *in, mwi_pool *pool,
                          float *scratch, float *out)
{
    job j = {.s = sums, .in = in, .sum = fn, .out = scratch};

    run_chunks(&j, pool);
    isa->sum(scratch, NULL, NULL, sums->n_chunks, sums->channels, out);
}

void mwi_f32_row_map_run(const mwi_f32_row_sums *sums, mwi_f32_row_map_fn fn,
                         const mwi_f32_row_operands *in, mwi_pool *pool, float *out)
{
    job j = {.s = sums, .in = in, .map = fn, .out = out};
    run_chunks(&j, pool);
}
