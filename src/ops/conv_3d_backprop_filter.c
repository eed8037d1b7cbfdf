/* ops/conv_3d_backprop_filter.c - CONV_3D_BACKPROP_FILTER(x, dy, w): the gradient of CONV_3D's w,
 * of which only the shape is read.
 * Depends: ops/conv_3d_backprop.  Used by: gradients.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/conv_3d_backprop.h"

#include <string.h>

static const mwi_conv_3d_operands operands = {.x = 0, .dy = 1, .w = 2};

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    return mwi_conv_3d_backprop_infer(ctx, call, &operands);
}

static uint64_t macs(const mwi_shape_call *call)
{
    return mwi_conv_3d_backprop_macs(call, &operands);
}

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    return mwi_conv_3d_backprop_prepare(ctx, call, &operands);
}

typedef struct job {
    const mwi_run_call *call;
    float *df; /* of the tap: [in, out] */
    size_t in_c, out_c;
} job;

static void add(void *arg, size_t x, size_t dy)
{
    const job *const j = arg;
    const float *const v = (const float *)j->call->in[0].data + x;
    const float *const g = (const float *)j->call->in[1].data + dy;

    for (size_t i = 0; i < j->in_c; i++)
        for (size_t c = 0; c < j->out_c; c++) j->df[i * j->out_c + c] += v[i] * g[c];
}

static void taps(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const mwi_run_call *const call = arg;
    const int32_t *const f = call->in[2].dims;
    const size_t batch = (size_t)call->in[0].dims[0], height = (size_t)f[1], width = (size_t)f[2];
    job j = {.call = call, .in_c = (size_t)f[3], .out_c = (size_t)f[4]};
    mwi_conv_3d_walk walk = {.w = call->state, .in_c = j.in_c, .out_c = j.out_c};

    (void)thread;
    for (size_t i = begin; i < end; i++) {
        walk.at[0] = (int32_t)(i / width / height);
        walk.at[1] = (int32_t)(i / width % height);
        walk.at[2] = (int32_t)(i % width);
        j.df = (float *)call->out[0].data + i * j.in_c * j.out_c;
        memset(j.df, 0, j.in_c * j.out_c * sizeof *j.df);
        for (walk.item = 0; walk.item < batch; walk.item++) mwi_conv_3d_each(&walk, add, &j);
    }
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const int32_t *const f = call->in[2].dims;

    (void)ctx;
    mwi_par_for(call->pool, (size_t)f[0] * (size_t)f[1] * (size_t)f[2], 1, taps,
                (void *)(uintptr_t)call);
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_conv_3d_backprop_filter__ref",
     .types = "f32,f32,f32>f32",
     .prepare = prepare,
     .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_conv_3d_backprop_filter = {
    .name = "CONV_3D_BACKPROP_FILTER",
    .tflite_code = -1,
    .min_in = 3,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_TRAINING_ONLY,
    .attr_size = sizeof(mwi_conv_3d_attr),
    .fields = mwi_conv_3d_fields,
    .kernels = kernels,
    .infer = infer,
    .macs = macs,
};
