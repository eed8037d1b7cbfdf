/* ops/gather_grad.c - GATHER_GRAD(dy, x, indices): each slice of x gets the sum of the slices of
 * dy for which GATHER took it, in the order of the indices. Attributes are GATHER's.
 * Depends: ops/indices, ops/strided.  Used by: gradients.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/indices.h"
#include "ops/strided.h"

#include <string.h>

typedef struct attr {
    int32_t axis, batch_dims;
} attr;

static const mwi_field fields[] = {
    {"axis", offsetof(attr, axis), MWI_FIELD_I32, -1, 0, -MW_MAX_RANK, MW_MAX_RANK, NULL},
    {"batch_dims", offsetof(attr, batch_dims), MWI_FIELD_I32, -1, 0, -MW_MAX_RANK, MW_MAX_RANK,
     NULL},
    MWI_FIELDS_END,
};

/* x as [batch, outer, dim, inner], dy as [batch, outer, n, inner]. */
typedef struct shape {
    size_t batch, outer, dim, inner, n;
} shape;

static size_t product(const mwi_view *v, int32_t from, int32_t to)
{
    size_t n = 1;
    for (int32_t i = from; i < to; i++) n *= (size_t)v->dims[i];
    return n;
}

static mw_status shape_of(mw_ctx *ctx, const attr *a, const mwi_view *in, shape *s)
{
    const mwi_view *const x = &in[1], *const indices = &in[2];
    int32_t axis;

    MWI_TRY(mwi_axis(ctx, a->axis, x->rank, &axis));
    const int32_t batch = a->batch_dims < 0 ? a->batch_dims + indices->rank : a->batch_dims;
    if (batch < 0 || batch > axis || batch > indices->rank)
        return mwi_fail(ctx, MW_EFORMAT, "batch_dims %d for axis %d and indices of rank %d",
                        a->batch_dims, axis, indices->rank);
    *s = (shape){.batch = product(x, 0, batch),
                 .outer = product(x, batch, axis),
                 .dim = (size_t)x->dims[axis],
                 .inner = product(x, axis + 1, x->rank),
                 .n = product(indices, batch, indices->rank)};
    if (product(indices, 0, batch) != s->batch ||
        mwi_view_count(&in[0]) != s->batch * s->outer * s->n * s->inner)
        return mwi_fail(ctx, MW_EFORMAT, "the gradient's shape does not follow from the others");
    return MW_OK;
}

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    shape s;

    MWI_TRY(mwi_need_input(ctx, call, 1, 1, MW_MAX_RANK));
    MWI_TRY(mwi_need_input(ctx, call, 2, 0, MW_MAX_RANK));
    MWI_TRY(shape_of(ctx, call->attr, call->in, &s));
    mwi_view_set_dims(&call->out[0], call->in[1].rank, call->in[1].dims);
    return MW_OK;
}

typedef struct job {
    const mwi_run_call *call;
    shape s;
} job;

/* Columns of the slices, so that no sum is shared. */
static void columns(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const job *const j = arg;
    const shape *const s = &j->s;
    const float *dy = j->call->in[0].data;
    float *dx = j->call->out[0].data;

    (void)thread;
    for (size_t b = 0; b < s->batch; b++)
        for (size_t o = 0; o < s->outer; o++, dx += s->dim * s->inner) {
            for (size_t i = 0; i < s->dim; i++)
                memset(dx + i * s->inner + begin, 0, (end - begin) * sizeof *dx);
            for (size_t i = 0; i < s->n; i++, dy += s->inner) {
                float *const to =
                    dx + (size_t)mwi_index_at(&j->call->in[2], b * s->n + i) * s->inner;
                for (size_t c = begin; c < end; c++) to[c] += dy[c];
            }
        }
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_view *const indices = &call->in[2];
    job j = {.call = call};

    MWI_TRY(shape_of(ctx, call->attr, call->in, &j.s));
    for (size_t i = 0; i < mwi_view_count(indices); i++) {
        const int64_t at = mwi_index_at(indices, i);
        if (at < 0 || at >= (int64_t)j.s.dim) return mwi_index_fail(ctx, at, (int64_t)j.s.dim);
    }
    mwi_par_for(call->pool, j.s.inner, 16, columns, &j);
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_gather_grad__ref", .types = "f32,f32,i16|i32|i64>f32", .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_gather_grad = {
    .name = "GATHER_GRAD",
    .tflite_code = -1,
    .min_in = 3,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_TRAINING_ONLY,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .infer = infer,
};
