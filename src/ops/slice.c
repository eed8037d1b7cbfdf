/* ops/slice.c - SLICE: size elements from begin along each dimension; size -1 is all the rest.
 * Depends: ops/strided, ops/rules.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/rules.h"
#include "ops/strided.h"

#include <inttypes.h>

/* One dimension. begin may not be known before the run: then *out_begin is 0 and the check is the
 * run's. */
static mw_status take(mw_ctx *ctx, int32_t axis, int64_t dim, int64_t begin, int64_t size,
                      int32_t *out_size)
{
    if (begin < 0 || begin > dim)
        return mwi_fail(ctx, MW_EFORMAT, "begin %" PRId64 " of dimension %d, allowed 0 to %" PRId64,
                        begin, axis, dim);
    if (size == -1) size = dim - begin;
    if (size < 0 || size > dim - begin)
        return mwi_fail(ctx, MW_EFORMAT,
                        "size %" PRId64 " from %" PRId64 " of dimension %d, which is %" PRId64,
                        size, begin, axis, dim);
    *out_size = (int32_t)size;
    return MW_OK;
}

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_view *const x = &call->in[0];
    int64_t begin[MW_MAX_RANK] = {0}, size[MW_MAX_RANK];
    int32_t dims[MW_MAX_RANK];
    size_t n_begin, n_size;

    MWI_TRY(mwi_need_input(ctx, call, 0, 0, MW_MAX_RANK));
    MWI_TRY(mwi_param_ints(ctx, call, 1, MW_MAX_RANK, begin, &n_begin));
    const bool late = call->unknown;
    call->unknown = false;
    MWI_TRY(mwi_param_ints(ctx, call, 2, MW_MAX_RANK, size, &n_size));
    if (call->unknown) return MW_OK;
    if (mwi_view_count(&call->in[1]) != (size_t)x->rank || n_size != (size_t)x->rank)
        return mwi_fail(ctx, MW_EFORMAT, "%zu begins and %zu sizes for rank %d",
                        mwi_view_count(&call->in[1]), n_size, x->rank);
    for (int32_t i = 0; i < x->rank; i++) {
        if (late && size[i] == -1) {
            call->unknown = true;
            return MW_OK;
        }
        MWI_TRY(take(ctx, i, x->dims[i], begin[i], size[i], &dims[i]));
    }
    mwi_view_set_dims(&call->out[0], x->rank, dims);
    return MW_OK;
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_view *const x = &call->in[0], *const out = &call->out[0];
    const size_t element = mwi_element_bytes(x);
    int64_t begin[MW_MAX_RANK], at = 0;
    mwi_strided s = {.rank = x->rank};

    (void)mwi_run_ints(&call->in[1], begin, MW_MAX_RANK);
    mwi_dense_strides(x->rank, x->dims, s.in_strides);
    mwi_dense_strides(out->rank, out->dims, s.out_strides);
    for (int32_t i = 0; i < x->rank; i++) {
        int32_t size;
        MWI_TRY(take(ctx, i, x->dims[i], begin[i], out->dims[i], &size));
        s.dims[i] = (size_t)size;
        at += begin[i] * s.in_strides[i];
    }
    mwi_strided_copy(call->pool, &s, (const char *)x->data + at * (int64_t)element, out->data,
                     element);
    return MW_OK;
}

static int32_t version(const mwi_shape_call *call)
{
    const mw_dtype t = call->in[0].dtype;

    if (t == MW_UINT32) return 6;
    if (call->in[0].rank > 4) return 5;
    return t == MW_INT16 ? 4 : t == MW_STRING ? 3 : t == MW_INT8 ? 2 : 1;
}

static const mwi_kernel kernels[] = {
    {.name = "any_slice__ref", .types = MWI_MOVED "|str,i32|i64,i32|i64>=", .run = run},
    {.name = NULL},
};

/* As a STRIDED_SLICE of begin to begin + size; size -1 goes to the end. */
static mw_status gradient(mw_ctx *ctx, mwi_gradient_call *call)
{
    int32_t v[3][MW_MAX_RANK], t[3], to_end = 0;
    size_t n;

    MWI_TRY(mwi_gradient_ints(ctx, call, 1, MW_MAX_RANK, v[0], &n));
    MWI_TRY(mwi_gradient_ints(ctx, call, 2, MW_MAX_RANK, v[1], &n));
    for (size_t i = 0; i < n; i++) {
        if (v[1][i] < 0) to_end |= 1 << i;
        v[1][i] += v[0][i];
        v[2][i] = 1;
    }
    for (size_t k = 0; k < 3; k++) MWI_TRY(mwi_emit_ints(ctx, &call->at, v[k], n, &t[k]));
    return mwi_emit(ctx, &call->at, &mwi_op_strided_slice_grad,
                    MWI_IN(call->d_out[0], call->at.op->in[0], t[0], t[1], t[2]),
                    MWI_SET({"end_mask", to_end, NULL}), &call->d_in[0]);
}

const mwi_op_desc mwi_op_slice = {
    .name = "SLICE",
    .tflite_code = 65,
    .options_type = 48,
    .min_in = 3,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_PER_SAMPLE,
    .kernels = kernels,
    .quant = &mwi_quant_same,
    .infer = infer,
    .gradient = gradient,
    .version = version,
};
