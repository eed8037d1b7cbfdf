/* ops/relu_grad.c - RELU_GRAD(y, dy): dy where low < y < high, else 0: the gradient of RELU, RELU6
 * and other clamps, by their output. Bounds may be infinite.
 * Depends: ops/binary.  Used by: gradients.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/binary.h"

typedef struct attr {
    float low, high;
} attr;

static const mwi_field fields[] = {
    {"low", offsetof(attr, low), MWI_FIELD_F32, -1, 0, 1, 0, NULL},
    {"high", offsetof(attr, high), MWI_FIELD_F32, -1, 0, 1, 0, NULL},
    MWI_FIELDS_END,
};

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    MWI_TRY(mwi_need_same_shapes(ctx, call, 0, 1));
    return mwi_infer_same(ctx, call);
}

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    return mwi_arena_copy(ctx, call->arena, call->attr, sizeof(attr), &call->state);
}

MWI_BINARY_ROW(row, float, float, attr, x > s->low && x < s->high ? y : 0.0f)
MWI_BINARY_RUN(run, row)

static const mwi_kernel kernels[] = {
    {.name = "f32_relu_grad__ref", .types = "f32,f32>f32", .prepare = prepare, .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_relu_grad = {
    .name = "RELU_GRAD",
    .tflite_code = -1,
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_TRAINING_ONLY | MWI_OP_INPLACE,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .infer = infer,
};
