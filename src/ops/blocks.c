/* ops/blocks.c - see blocks.h.
 * Depends: ops/strided, ops/fixed.  Used by: ops/space_to_batch_nd, ops/batch_to_space_nd.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/blocks.h"

#include "ops/fixed.h"

mw_status mwi_blocks_read(mw_ctx *ctx, mwi_shape_call *call, mwi_blocks *out)
{
    int64_t margins[4];
    size_t n_blocks, n_margins;

    MWI_TRY(mwi_need_input(ctx, call, 0, 3, 4));
    MWI_TRY(mwi_param_ints(ctx, call, 1, 2, out->shape, &n_blocks));
    MWI_TRY(mwi_param_ints(ctx, call, 2, 4, margins, &n_margins));
    if (call->unknown) return MW_OK;
    out->n = call->in[0].rank - 2;
    if (n_blocks != (size_t)out->n || n_margins != 2 * (size_t)out->n)
        return mwi_fail(ctx, MW_EFORMAT, "%zu blocks and %zu margins for an input of rank %d",
                        n_blocks, n_margins, call->in[0].rank);
    for (int32_t i = 0; i < out->n; i++) {
        out->before[i] = margins[2 * i];
        out->after[i] = margins[2 * i + 1];
        if (out->shape[i] < 1 || out->shape[i] > INT32_MAX || out->before[i] < 0 ||
            out->before[i] > INT32_MAX || out->after[i] < 0 || out->after[i] > INT32_MAX)
            return mwi_fail(ctx, MW_EFORMAT, "block %lld with margins %lld and %lld",
                            (long long)out->shape[i], (long long)out->before[i],
                            (long long)out->after[i]);
    }
    return MW_OK;
}

void mwi_blocks_run_read(const mwi_run_call *call, mwi_blocks *out)
{
    int64_t margins[4];

    out->n = call->in[0].rank - 2;
    (void)mwi_run_ints(&call->in[1], out->shape, 2);
    (void)mwi_run_ints(&call->in[2], margins, 4);
    for (int32_t i = 0; i < out->n; i++) {
        out->before[i] = margins[2 * i];
        out->after[i] = margins[2 * i + 1];
    }
}

/* Along one dimension: space = batch * block + phase - before. The first place in `batches` that
 * lies in `space`, and how many do. */
static size_t span(int64_t space, int64_t places, int64_t block, int64_t phase, int64_t before,
                   int64_t *first)
{
    const int64_t low = before - phase,
                  high = space + before - phase; /* low <= place * block < high */

    *first = low <= 0 ? 0 : (low + block - 1) / block;
    int64_t end = high <= 0 ? 0 : (high + block - 1) / block;
    if (end > places) end = places;
    return end > *first ? (size_t)(end - *first) : 0;
}

static void copy_phase(mwi_pool *pool, const mwi_blocks *b, const mwi_view *space,
                       const mwi_view *batches, bool to_space, const int64_t phase[2],
                       int64_t index)
{
    const int64_t element = (int64_t)mwi_element_bytes(space), n_batch = space->dims[0];
    mwi_strided s = {.rank = space->rank};
    int64_t space_strides[MW_MAX_RANK], batch_strides[MW_MAX_RANK], from = 0, to;

    mwi_dense_strides(space->rank, space->dims, space_strides);
    mwi_dense_strides(batches->rank, batches->dims, batch_strides);
    to = index * n_batch * batch_strides[0];
    s.dims[0] = (size_t)n_batch;
    s.dims[s.rank - 1] = (size_t)space->dims[s.rank - 1];
    for (int32_t i = 0; i < b->n; i++) {
        int64_t first;
        s.dims[i + 1] = span(space->dims[i + 1], batches->dims[i + 1], b->shape[i], phase[i],
                             b->before[i], &first);
        if (s.dims[i + 1] == 0) return;
        from += (first * b->shape[i] + phase[i] - b->before[i]) * space_strides[i + 1];
        to += first * batch_strides[i + 1];
    }
    for (int32_t i = 0; i < s.rank; i++) {
        const int64_t step =
            i > 0 && i <= b->n ? space_strides[i] * b->shape[i - 1] : space_strides[i];
        s.in_strides[i] = to_space ? batch_strides[i] : step;
        s.out_strides[i] = to_space ? step : batch_strides[i];
    }
    char *const in_space = (char *)space->data + from * element, *const in_batches =
                                                                     (char *)batches->data +
                                                                     to * element;
    mwi_strided_copy(pool, &s, to_space ? in_batches : in_space, to_space ? in_space : in_batches,
                     (size_t)element);
}

void mwi_blocks_copy(mwi_pool *pool, const mwi_blocks *b, const mwi_view *space,
                     const mwi_view *batches, bool to_space)
{
    const int64_t columns = b->n > 1 ? b->shape[1] : 1;

    if (space->bytes == 0 || batches->bytes == 0) return;
    for (int64_t i = 0; i < b->shape[0]; i++)
        for (int64_t j = 0; j < columns; j++)
            copy_phase(pool, b, space, batches, to_space, (const int64_t[2]){i, j},
                       i * columns + j);
}

mw_status mwi_blocks_prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    return mwi_need_same_quant(ctx, &call->in[0], &call->out[0]);
}
