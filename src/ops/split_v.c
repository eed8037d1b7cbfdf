/* ops/split_v.c - SPLIT_V: parts of sizes (input 1) along axis (input 2); one size may be -1.
 * Depends: ops/strided, ops/rules.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/rules.h"
#include "ops/split.h"

#include <inttypes.h>

enum { MAX_PARTS = 1024 };

static mw_status sizes_of(mw_ctx *ctx, mwi_shape_call *call, int64_t dim, int64_t *sizes)
{
    int64_t sum = 0;
    size_t n, rest = MAX_PARTS;

    MWI_TRY(mwi_param_ints(ctx, call, 1, MAX_PARTS, sizes, &n));
    if (call->unknown) return MW_OK;
    if (n != call->n_out || n != (size_t)((const mwi_split_attr *)call->attr)->num_splits)
        return mwi_fail(ctx, MW_EFORMAT, "%zu sizes for %zu outputs", n, call->n_out);
    for (size_t i = 0; i < n; i++) {
        if (sizes[i] == -1 && rest == MAX_PARTS) {
            rest = i;
            continue;
        }
        if (sizes[i] < 0 || sizes[i] > dim - sum)
            return mwi_fail(ctx, MW_EFORMAT, "size %zu is %" PRId64 " of the %" PRId64 " left", i,
                            sizes[i], dim - sum);
        sum += sizes[i];
    }
    if (rest != MAX_PARTS)
        sizes[rest] = dim - sum;
    else if (sum != dim)
        return mwi_fail(ctx, MW_EFORMAT, "the sizes add to %" PRId64 ", not %" PRId64, sum, dim);
    return MW_OK;
}

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_view *const x = &call->in[0];
    int64_t axis, sizes[MAX_PARTS];
    int32_t at;
    size_t n;

    MWI_TRY(mwi_need_input(ctx, call, 0, 1, MW_MAX_RANK));
    MWI_TRY(mwi_param_ints(ctx, call, 2, 1, &axis, &n));
    if (call->unknown) return MW_OK;
    if (n != 1) return mwi_fail(ctx, MW_EFORMAT, "the axis has %zu values", n);
    MWI_TRY(mwi_axis(ctx, axis, x->rank, &at));
    MWI_TRY(sizes_of(ctx, call, x->dims[at], sizes));
    if (call->unknown) return MW_OK;
    for (size_t i = 0; i < call->n_out; i++) {
        mwi_view_set_dims(&call->out[i], x->rank, x->dims);
        call->out[i].dims[at] = (int32_t)sizes[i];
    }
    return MW_OK;
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    return mwi_split_run(ctx, call, &call->in[0], &call->in[2]);
}

static const mwi_kernel kernels[] = {
    {.name = "any_split_v__ref", .types = MWI_MOVED ",i32|i64,i32>=+", .run = run},
    {.name = NULL},
};

static mw_status gradient(mw_ctx *ctx, mwi_gradient_call *call)
{
    return mwi_split_gradient(ctx, call, 0, 2);
}

const mwi_op_desc mwi_op_split_v = {
    .name = "SPLIT_V",
    .tflite_code = 102,
    .options_type = 79,
    .min_in = 3,
    .max_in = 3,
    .min_out = 1,
    .max_out = -1,
    .traits = MWI_OP_PER_SAMPLE,
    .attr_size = sizeof(mwi_split_attr),
    .fields = mwi_split_fields,
    .kernels = kernels,
    .quant = &mwi_quant_same,
    .infer = infer,
    .gradient = gradient,
    .version = mwi_version_i8,
};
