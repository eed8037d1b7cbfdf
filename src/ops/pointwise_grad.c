/* ops/pointwise_grad.c - POINTWISE_GRAD(dy, x?, y?): dy times the slope of the row that the
 * attribute names, at x and y = row(x). What the slope does not read is left out.
 * Depends: ops/shapes.  Used by: gradients.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/shapes.h"

typedef struct attr {
    const char *op;
    float parameter;
} attr;

static const mwi_field fields[] = {
    {"op", offsetof(attr, op), MWI_FIELD_STRING, -1, 0, 1, 0, NULL},
    {"parameter", offsetof(attr, parameter), MWI_FIELD_F32, -1, 0, 1, 0, NULL},
    MWI_FIELDS_END,
};

static const mwi_slope *slope_of(const attr *a)
{
    const mwi_op_desc *const d = a->op == NULL ? NULL : mwi_op_by_name(a->op);
    return d == NULL ? NULL : d->slope;
}

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_slope *const s = slope_of(call->attr);

    if (s == NULL) return mwi_fail(ctx, MW_EFORMAT, "'op' names no operator with a slope");
    if (s->reads_x) MWI_TRY(mwi_need_same_shapes(ctx, call, 0, 1));
    if (s->reads_y) MWI_TRY(mwi_need_same_shapes(ctx, call, 0, 2));
    return mwi_infer_same(ctx, call);
}

static void piece(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const mwi_run_call *const call = arg;
    const attr *const a = call->attr;
    const mwi_slope *const s = slope_of(a);
    const float *const dy = call->in[0].data, *const x = call->in[1].data,
                       *const y = call->in[2].data;
    float *const dx = call->out[0].data;

    (void)thread;
    for (size_t i = begin; i < end; i++)
        dx[i] = (float)((double)dy[i] * s->at(s->reads_x ? (double)x[i] : 0,
                                              s->reads_y ? (double)y[i] : 0, (double)a->parameter));
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    (void)ctx;
    mwi_par_for(call->pool, mwi_view_count(&call->out[0]), 4096, piece, (void *)(uintptr_t)call);
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_pointwise_grad__ref", .types = "f32,f32?,f32?>f32", .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_pointwise_grad = {
    .name = "POINTWISE_GRAD",
    .tflite_code = -1,
    .min_in = 3,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_TRAINING_ONLY | MWI_OP_INPLACE,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .infer = infer,
};
