/* ops/gather.c - GATHER: the slices of input 0 along an axis that input 1 names, after batch_dims
 * shared dimensions.
 * Depends: ops/strided, ops/indices, ops/rules.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/indices.h"
#include "ops/rules.h"
#include "ops/strided.h"

#include <string.h>

typedef struct attr {
    int32_t axis, batch_dims;
} attr;

static const mwi_field fields[] = {
    {"axis", offsetof(attr, axis), MWI_FIELD_I32, 0, 0, -MW_MAX_RANK, MW_MAX_RANK, NULL},
    {"batch_dims", offsetof(attr, batch_dims), MWI_FIELD_I32, 1, 0, -MW_MAX_RANK, MW_MAX_RANK,
     NULL},
    MWI_FIELDS_END,
};

/* The attributes counted from the front. */
static mw_status resolve(mw_ctx *ctx, const attr *a, const mwi_view *in, int32_t *axis,
                         int32_t *batch)
{
    MWI_TRY(mwi_axis(ctx, a->axis, in[0].rank, axis));
    *batch = a->batch_dims < 0 ? a->batch_dims + in[1].rank : a->batch_dims;
    if (*batch >= 0 && *batch <= *axis && *batch <= in[1].rank) return MW_OK;
    return mwi_fail(ctx, MW_EFORMAT, "batch_dims %d for axis %d and indices of rank %d",
                    a->batch_dims, *axis, in[1].rank);
}

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_view *const x = &call->in[0], *const indices = &call->in[1];
    int32_t axis, batch, rank = 0, dims[2 * MW_MAX_RANK];

    MWI_TRY(mwi_need_input(ctx, call, 0, 1, MW_MAX_RANK));
    MWI_TRY(mwi_need_input(ctx, call, 1, 0, MW_MAX_RANK));
    MWI_TRY(resolve(ctx, call->attr, call->in, &axis, &batch));
    for (int32_t i = 0; i < batch; i++)
        if (x->dims[i] != indices->dims[i])
            return mwi_fail(ctx, MW_EFORMAT, "batch dimension %d is %d and %d", i, x->dims[i],
                            indices->dims[i]);
    for (int32_t i = 0; i < axis; i++) dims[rank++] = x->dims[i];
    for (int32_t i = batch; i < indices->rank; i++) dims[rank++] = indices->dims[i];
    for (int32_t i = axis + 1; i < x->rank; i++) dims[rank++] = x->dims[i];
    if (rank > MW_MAX_RANK)
        return mwi_fail(ctx, MW_ELIMIT, "an output of rank %d, limit %d", rank, MW_MAX_RANK);
    mwi_view_set_dims(&call->out[0], rank, dims);
    return MW_OK;
}

static size_t product(const mwi_view *v, int32_t from, int32_t to)
{
    size_t n = 1;
    for (int32_t i = from; i < to; i++) n *= (size_t)v->dims[i];
    return n;
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_view *const x = &call->in[0], *const indices = &call->in[1];
    int32_t axis, batch;

    if (call->out[0].bytes == 0) return MW_OK;
    MWI_TRY(resolve(ctx, call->attr, call->in, &axis, &batch));
    const size_t n_batch = product(x, 0, batch), outer = product(x, batch, axis),
                 dim = (size_t)x->dims[axis];
    const size_t inner = product(x, axis + 1, x->rank) * mwi_element_bytes(x);
    const size_t n = product(indices, batch, indices->rank);
    const char *from = x->data;
    char *to = call->out[0].data;
    for (size_t b = 0; b < n_batch; b++)
        for (size_t o = 0; o < outer; o++, from += dim * inner)
            for (size_t i = 0; i < n; i++, to += inner) {
                const int64_t at = mwi_index_at(indices, b * n + i);
                if (at < 0 || at >= (int64_t)dim) return mwi_index_fail(ctx, at, (int64_t)dim);
                memcpy(to, from + (size_t)at * inner, inner);
            }
    return MW_OK;
}

static int32_t version(const mwi_shape_call *call)
{
    const mw_dtype t = call->in[0].dtype;

    if (call->in[1].dtype == MW_INT16) return 6;
    if (((const attr *)call->attr)->batch_dims != 0) return 5;
    return t == MW_INT16 ? 4 : t == MW_BOOL ? 3 : t == MW_INT8 ? 2 : 1;
}

static const mwi_kernel kernels[] = {
    {.name = "any_gather__ref", .types = MWI_MOVED "|str,i16|i32|i64>=", .run = run},
    {.name = NULL},
};

static mw_status gradient(mw_ctx *ctx, mwi_gradient_call *call)
{
    const int32_t *const in = call->at.op->in;
    return mwi_emit(ctx, &call->at, &mwi_op_gather_grad, MWI_IN(call->d_out[0], in[0], in[1]),
                    mwi_same_settings, &call->d_in[0]);
}

const mwi_op_desc mwi_op_gather = {
    .name = "GATHER",
    .tflite_code = 36,
    .options_type = 23,
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .quant = &mwi_quant_same,
    .infer = infer,
    .gradient = gradient,
    .version = version,
};
