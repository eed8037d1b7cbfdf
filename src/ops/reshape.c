/* ops/reshape.c - RESHAPE: the same values in another shape, from input 1 or the attribute.
 * Depends: ops/strided.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/rules.h"
#include "ops/strided.h"
#include "ops/view_op.h"

typedef struct attr {
    mwi_i32s new_shape;
} attr;

static const mwi_field fields[] = {
    {"new_shape", offsetof(attr, new_shape), MWI_FIELD_I32S, 0, 0, 1, 0, NULL},
    MWI_FIELDS_END,
};

static mw_status wanted(mw_ctx *ctx, mwi_shape_call *call, int64_t *dims, size_t *n)
{
    const attr *const a = call->attr;

    if (call->n_in > 1 && call->in[1].tensor != NULL && call->in[1].rank <= 1 &&
        call->in[1].dtype == MW_INT32)
        return mwi_param_ints(ctx, call, 1, MW_MAX_RANK, dims, n);
    if (a->new_shape.n > MW_MAX_RANK)
        return mwi_fail(ctx, MW_ELIMIT, "a shape of rank %zu, limit %d", a->new_shape.n,
                        MW_MAX_RANK);
    *n = a->new_shape.n;
    for (size_t i = 0; i < *n; i++) dims[i] = a->new_shape.v[i];
    /* Old files say scalar with a single 0. */
    if (*n == 1 && dims[0] == 0 && mwi_view_count(&call->in[0]) == 1) *n = 0;
    return MW_OK;
}

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    int64_t dims[MW_MAX_RANK];
    int32_t out[MW_MAX_RANK], open = -1;
    size_t n, count = 0, product = 1;

    MWI_TRY(mwi_need_input(ctx, call, 0, 0, MW_MAX_RANK));
    MWI_TRY(wanted(ctx, call, dims, &n));
    if (call->unknown) return MW_OK;
    (void)mwi_dims_count(call->in[0].rank, call->in[0].dims, &count);
    for (size_t i = 0; i < n; i++) {
        if (dims[i] == -1 && open < 0) {
            open = (int32_t)i;
            out[i] = 0;
            continue;
        }
        if (dims[i] < 0 || dims[i] > INT32_MAX ||
            __builtin_mul_overflow(product, (size_t)dims[i], &product))
            return mwi_fail(ctx, MW_EFORMAT, "dimension %zu of the shape is %lld", i,
                            (long long)dims[i]);
        out[i] = (int32_t)dims[i];
    }
    if (open >= 0 && product > 0 && count % product == 0 && count / product <= INT32_MAX) {
        out[open] = (int32_t)(count / product);
        product = count;
    }
    if (product != count)
        return mwi_fail(ctx, MW_EFORMAT, "%zu values do not fill a shape of %zu", count, product);
    mwi_view_set_dims(&call->out[0], (int32_t)n, out);
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "any_reshape__ref", .types = "*,i32?>*", .run = mwi_view_op_run},
    {.name = "str_reshape__ref", .types = "str,i32?>str", .run = mwi_view_op_run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_reshape = {
    .name = "RESHAPE",
    .tflite_code = 22,
    .options_type = 17,
    .min_in = 1,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_INPLACE | MWI_OP_VIEW,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .quant = &mwi_quant_same,
    .infer = infer,
    .gradient = mwi_gradient_reshape,
};
