/* ops/strided_slice.c - STRIDED_SLICE: x[begin:end:stride, ..., new axis, index] as NumPy writes
 * it.
 * Depends: ops/slice_terms, ops/rules.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/rules.h"
#include "ops/slice_terms.h"

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    mwi_slice_plan p;

    MWI_TRY(mwi_need_input(ctx, call, 0, 0, MW_MAX_RANK));
    MWI_TRY(mwi_slice_infer(ctx, call, &call->in[0], 1, &p));
    if (call->unknown && p.out_rank == 0) return MW_OK;
    mwi_view_set_dims(&call->out[0], p.out_rank, p.dims);
    return MW_OK;
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_view *const x = &call->in[0], *const out = &call->out[0];
    const size_t element = mwi_element_bytes(x), n = mwi_view_count(out);
    mwi_strided s;
    int64_t at;

    MWI_TRY(mwi_slice_walk(ctx, call, x, 1, n, &s, &at));
    if (n == 0) return MW_OK;
    mwi_strided_copy(call->pool, &s, (const char *)x->data + at * (int64_t)element, out->data,
                     element);
    return MW_OK;
}

/* The slice's gradient put back where it came from. */
static mw_status gradient(mw_ctx *ctx, mwi_gradient_call *call)
{
    const int32_t *const in = call->at.op->in;
    return mwi_emit(ctx, &call->at, &mwi_op_strided_slice_grad,
                    MWI_IN(call->d_out[0], in[0], in[1], in[2], in[3]), mwi_same_settings,
                    &call->d_in[0]);
}

static int32_t version(const mwi_shape_call *call)
{
    const mwi_slice_attr *const a = call->attr;
    const mw_dtype t = call->in[0].dtype;

    if (a->offset) return 8;
    if (t == MW_UINT32) return 7;
    if (a->ellipsis_mask != 0 || a->new_axis_mask != 0) return 6;
    if (t == MW_STRING) return 5;
    if (call->in[0].rank > 4) return 4;
    return t == MW_BOOL ? 3 : t == MW_INT8 ? 2 : 1;
}

static const mwi_kernel kernels[] = {
    {.name = "any_strided_slice__ref",
     .types = MWI_MOVED "|str,i32|i64,i32|i64,i32|i64>=",
     .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_strided_slice = {
    .name = "STRIDED_SLICE",
    .tflite_code = 45,
    .options_type = 32,
    .min_in = 4,
    .max_in = 4,
    .min_out = 1,
    .max_out = 1,
    .attr_size = sizeof(mwi_slice_attr),
    .fields = mwi_slice_fields,
    .kernels = kernels,
    .quant = &mwi_quant_same,
    .infer = infer,
    .gradient = gradient,
    .version = version,
};
