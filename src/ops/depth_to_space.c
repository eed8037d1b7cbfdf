/* ops/depth_to_space.c - DEPTH_TO_SPACE: blocks of channels become squares of block_size pixels.
 * Depends: ops/strided, ops/rules.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/rules.h"
#include "ops/strided.h"

typedef struct attr {
    int32_t block_size;
} attr;

static const mwi_field fields[] = {
    {"block_size", offsetof(attr, block_size), MWI_FIELD_I32, 0, 0, 1, 65536, NULL},
    MWI_FIELDS_END,
};

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const int64_t block = ((const attr *)call->attr)->block_size;
    const mwi_view *const x = &call->in[0];

    MWI_TRY(mwi_need_input(ctx, call, 0, 4, 4));
    if (block < 1 || x->dims[3] % (block * block) != 0)
        return mwi_fail(ctx, MW_EFORMAT, "block_size %lld for %d channels", (long long)block,
                        x->dims[3]);
    if (x->dims[1] * block > INT32_MAX || x->dims[2] * block > INT32_MAX)
        return mwi_fail(ctx, MW_ELIMIT, "block_size %lld makes the output too large",
                        (long long)block);
    mwi_view_set_dims(&call->out[0], 4, x->dims);
    call->out[0].dims[1] *= (int32_t)block;
    call->out[0].dims[2] *= (int32_t)block;
    call->out[0].dims[3] = (int32_t)(x->dims[3] / (block * block));
    return MW_OK;
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_view *const x = &call->in[0], *const out = &call->out[0];
    const size_t block = (size_t)((const attr *)call->attr)->block_size;
    const size_t height = (size_t)x->dims[1], width = (size_t)x->dims[2],
                 depth = (size_t)x->dims[3];
    const size_t channels = (size_t)out->dims[3];
    /* The output's order: row, row of the block, column, column of the block with its channels. */
    const mwi_strided s = {
        .rank = 4,
        .dims = {(size_t)x->dims[0] * height, block, width, block * channels},
        .in_strides = {(int64_t)(width * depth), (int64_t)(block * channels), (int64_t)depth, 1},
        .out_strides = {(int64_t)(width * depth), (int64_t)(width * block * channels),
                        (int64_t)(block * channels), 1},
    };

    (void)ctx;
    mwi_strided_copy(call->pool, &s, x->data, out->data, mwi_element_bytes(x));
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "any_depth_to_space__ref", .types = "f32|i8|u8|i32|i64>=", .run = run},
    {.name = "s16_depth_to_space__ref",
     .types = "i16>=",
     .flags = MWI_KERNEL_NOT_LITERT,
     .run = run},
    {.name = NULL},
};

static mw_status gradient(mw_ctx *ctx, mwi_gradient_call *call)
{
    return mwi_emit(ctx, &call->at, &mwi_op_space_to_depth, MWI_IN(call->d_out[0]),
                    mwi_same_settings, &call->d_in[0]);
}

const mwi_op_desc mwi_op_depth_to_space = {
    .name = "DEPTH_TO_SPACE",
    .tflite_code = 5,
    .options_type = 94,
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_PER_SAMPLE,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .quant = &mwi_quant_same,
    .infer = infer,
    .gradient = gradient,
    .version = mwi_version_i8,
};
