/* ops/reverse_sequence.c - REVERSE_SEQUENCE: the first lengths[b] elements along seq_dim
 * backwards, for each b of batch_dim.
 * Depends: ops/strided, ops/indices, ops/rules.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/indices.h"
#include "ops/rules.h"
#include "ops/strided.h"

#include <string.h>

typedef struct attr {
    int32_t seq_dim, batch_dim;
} attr;

static const mwi_field fields[] = {
    {"seq_dim", offsetof(attr, seq_dim), MWI_FIELD_I32, 0, 0, 0, MW_MAX_RANK, NULL},
    {"batch_dim", offsetof(attr, batch_dim), MWI_FIELD_I32, 1, 0, 0, MW_MAX_RANK, NULL},
    MWI_FIELDS_END,
};

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const attr *const a = call->attr;
    const mwi_view *const x = &call->in[0];

    MWI_TRY(mwi_need_input(ctx, call, 0, 2, MW_MAX_RANK));
    MWI_TRY(mwi_need_input(ctx, call, 1, 1, 1));
    if (a->seq_dim < 0 || a->seq_dim >= x->rank || a->batch_dim < 0 || a->batch_dim >= x->rank ||
        a->seq_dim == a->batch_dim)
        return mwi_fail(ctx, MW_EFORMAT, "seq_dim %d and batch_dim %d for an input of rank %d",
                        a->seq_dim, a->batch_dim, x->rank);
    if (call->in[1].dims[0] != x->dims[a->batch_dim])
        return mwi_fail(ctx, MW_EFORMAT, "%d lengths for %d batches", call->in[1].dims[0],
                        x->dims[a->batch_dim]);
    return mwi_infer_same(ctx, call);
}

static size_t product(const mwi_view *v, int32_t from, int32_t to)
{
    size_t n = 1;
    for (int32_t i = from; i < to; i++) n *= (size_t)v->dims[i];
    return n;
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const attr *const a = call->attr;
    const mwi_view *const x = &call->in[0];
    const int32_t last = a->seq_dim > a->batch_dim ? a->seq_dim : a->batch_dim;
    const size_t row = product(x, last + 1, x->rank) * mwi_element_bytes(x),
                 n = product(x, 0, last + 1);
    const size_t seq_step = product(x, a->seq_dim + 1, last + 1),
                 batch_step = product(x, a->batch_dim + 1, last + 1);
    const int64_t seq = x->dims[a->seq_dim], batch = x->dims[a->batch_dim];

    if (x->bytes == 0) return MW_OK;
    for (int64_t i = 0; i < batch; i++) {
        const int64_t length = mwi_index_at(&call->in[1], (size_t)i);
        if (length < 0 || length > seq) return mwi_index_fail(ctx, length, seq + 1);
    }
    for (size_t i = 0; i < n; i++) {
        const int64_t at = (int64_t)(i / seq_step) % seq, b = (int64_t)(i / batch_step) % batch;
        const int64_t length = mwi_index_at(&call->in[1], (size_t)b);
        const int64_t from = at < length ? length - 1 - at : at;
        memcpy((char *)call->out[0].data + i * row,
               (const char *)x->data + (size_t)((int64_t)i + (from - at) * (int64_t)seq_step) * row,
               row);
    }
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "any_reverse_sequence__ref", .types = MWI_MOVED ",i32|i64>=", .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_reverse_sequence = {
    .name = "REVERSE_SEQUENCE",
    .tflite_code = 112,
    .options_type = 87,
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .infer = infer,
    .gradient = mwi_gradient_itself,
};
