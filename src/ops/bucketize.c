/* ops/bucketize.c - BUCKETIZE: how many of the boundaries, which ascend, are not above x.
 * Depends: ops/unary.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/unary.h"

typedef struct attr {
    mwi_f32s boundaries;
} attr;

static const mwi_field fields[] = {
    {"boundaries", offsetof(attr, boundaries), MWI_FIELD_F32S, 0, 0, 1, 0, NULL},
    MWI_FIELDS_END,
};

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_f32s *const b = &((const attr *)call->attr)->boundaries;

    for (size_t i = 1; i < b->n; i++)
        if (!(b->v[i - 1] <= b->v[i]))
            return mwi_fail(ctx, MW_EFORMAT, "boundary %zu is below the one before", i);
    if (b->n > INT32_MAX) return mwi_fail(ctx, MW_ELIMIT, "%zu boundaries", b->n);
    return mwi_infer_same(ctx, call);
}

static size_t bucket(const mwi_f32s *b, double x)
{
    size_t low = 0, high = b->n;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (x < (double)b->v[middle])
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* Integers are compared as floats. */
MWI_UNARY_RUN(run_f32, float, int32_t, attr, void, bucket(&a->boundaries, (double)x))
MWI_UNARY_RUN(run_f64, double, int32_t, attr, void, bucket(&a->boundaries, x))
MWI_UNARY_RUN(run_i32, int32_t, int32_t, attr, void, bucket(&a->boundaries, (double)(float)x))
MWI_UNARY_RUN(run_i64, int64_t, int32_t, attr, void, bucket(&a->boundaries, (double)(float)x))

static const mwi_kernel kernels[] = {
    {.name = "f32_bucketize__ref", .types = "f32>i32", .run = run_f32},
    {.name = "f64_bucketize__ref", .types = "f64>i32", .run = run_f64},
    {.name = "s32_bucketize__ref", .types = "i32>i32", .run = run_i32},
    {.name = "s64_bucketize__ref", .types = "i64>i32", .run = run_i64},
    {.name = NULL},
};

const mwi_op_desc mwi_op_bucketize = {
    .name = "BUCKETIZE",
    .tflite_code = 147,
    .options_type = 115,
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_POINTWISE,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .infer = infer,
};
