/* ops/embedding_lookup_sparse.c - EMBEDDING_LOOKUP_SPARSE: rows of a table (input 4) named by ids
 * (0) and weighted (3), combined where their places (1), without the last index, in a tensor of a
 * given shape (2) are the same. Places are grouped as they follow each other.
 * Depends: ops/strided, ops/indices.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/indices.h"
#include "ops/strided.h"

#include <math.h>
#include <string.h>

enum { SUM = 0, MEAN = 1, SQRTN = 2 };

typedef struct attr {
    int32_t combiner;
} attr;

static const char *const names[] = {"SUM", "MEAN", "SQRTN"};
static const mwi_field fields[] = {
    {"combiner", offsetof(attr, combiner), MWI_FIELD_ENUM, 0, 0, 0, 2, names},
    MWI_FIELDS_END,
};

static mw_status check(mw_ctx *ctx, const mwi_shape_call *call)
{
    static const struct {
        int32_t low, high;
    } ranks[] = {{1, 1}, {2, 2}, {1, 1}, {1, 1}, {2, MW_MAX_RANK}};
    const mwi_view *const in = call->in;

    for (size_t i = 0; i < 5; i++)
        MWI_TRY(mwi_need_input(ctx, call, i, ranks[i].low, ranks[i].high));
    if (in[1].dims[0] != in[0].dims[0] || in[3].dims[0] != in[0].dims[0])
        return mwi_fail(ctx, MW_EFORMAT, "%d ids, %d places, %d weights", in[0].dims[0],
                        in[1].dims[0], in[3].dims[0]);
    if (in[1].dims[1] < 1 || in[2].dims[0] != in[1].dims[1] ||
        in[1].dims[1] + in[4].rank - 2 > MW_MAX_RANK)
        return mwi_fail(ctx, MW_EFORMAT, "places of rank %d in a shape of rank %d", in[1].dims[1],
                        in[2].dims[0]);
    return MW_OK;
}

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    int64_t shape[MW_MAX_RANK + 1];
    int32_t dims[MW_MAX_RANK], rank = 0;
    size_t n;

    MWI_TRY(check(ctx, call));
    MWI_TRY(mwi_param_ints(ctx, call, 2, MWI_COUNT(shape), shape, &n));
    if (call->unknown) return MW_OK;
    for (size_t i = 0; i + 1 < n; i++) {
        if (shape[i] < 0 || shape[i] > INT32_MAX)
            return mwi_fail(ctx, MW_EFORMAT, "dimension %zu is %lld", i, (long long)shape[i]);
        dims[rank++] = (int32_t)shape[i];
    }
    for (int32_t i = 1; i < call->in[4].rank; i++) dims[rank++] = call->in[4].dims[i];
    mwi_view_set_dims(&call->out[0], rank, dims);
    return MW_OK;
}

/* The sums over one place. */
typedef struct group {
    float *out;
    size_t n; /* rows so far */
    float weights, squares;
} group;

static void finish(const group *g, int32_t combiner, size_t width)
{
    const float by = combiner == MEAN ? g->weights : sqrtf(g->squares);

    if (combiner == SUM || g->n == 0) return;
    for (size_t k = 0; k < width; k++) g->out[k] /= by;
}

/* Which place row i goes to. */
static mw_status place_of(mw_ctx *ctx, const mwi_run_call *call, size_t i, size_t *out)
{
    const size_t rank = (size_t)call->in[1].dims[1];

    *out = 0;
    return rank == 1
               ? MW_OK
               : mwi_index_vector(ctx, &call->in[1], i * rank, rank - 1, call->out[0].dims, out);
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const int32_t combiner = ((const attr *)call->attr)->combiner;
    const mwi_view *const table = &call->in[4], *const out = &call->out[0];
    const size_t n = (size_t)call->in[0].dims[0], n_rows = (size_t)table->dims[0];
    const float *const weights = call->in[3].data;
    size_t width = 1;

    for (int32_t i = 1; i < table->rank; i++) width *= (size_t)table->dims[i];
    if (out->bytes > 0) memset(out->data, 0, out->bytes);
    group g = {.out = out->data};
    for (size_t i = 0; i < n; i++) {
        const int64_t id = mwi_index_at(&call->in[0], i);
        size_t place;
        if (id < 0 || (size_t)id >= n_rows) return mwi_index_fail(ctx, id, (int64_t)n_rows);
        MWI_TRY(place_of(ctx, call, i, &place));
        float *const to = (float *)out->data + place * width;
        if (to != g.out) {
            finish(&g, combiner, width);
            g = (group){.out = to};
        }
        const float *const row = (const float *)table->data + (size_t)id * width;
        for (size_t k = 0; k < width; k++) to[k] += row[k] * weights[i];
        g.n++;
        g.weights += weights[i];
        g.squares += weights[i] * weights[i];
    }
    finish(&g, combiner, width);
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_embedding_lookup_sparse__ref", .types = "i32,i32,i32,f32,f32>f32", .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_embedding_lookup_sparse = {
    .name = "EMBEDDING_LOOKUP_SPARSE",
    .tflite_code = 33,
    .options_type = 20,
    .min_in = 5,
    .max_in = 5,
    .min_out = 1,
    .max_out = 1,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .infer = infer,
};
