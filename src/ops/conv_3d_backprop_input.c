/* ops/conv_3d_backprop_input.c - CONV_3D_BACKPROP_INPUT(dy, w, x): the gradient of CONV_3D's x,
 * of which only the shape is read.
 * Depends: ops/conv_3d_backprop.  Used by: gradients.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/conv_3d_backprop.h"

#include <string.h>

static const mwi_conv_3d_operands operands = {.dy = 0, .w = 1, .x = 2};

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
    const float *f; /* of the tap: [in, out] */
    size_t in_c, out_c;
} job;

static void add(void *arg, size_t x, size_t dy)
{
    const job *const j = arg;
    const float *const g = (const float *)j->call->in[0].data + dy, *f = j->f;
    float *const dx = (float *)j->call->out[0].data + x;

    for (size_t i = 0; i < j->in_c; i++, f += j->out_c) {
        float sum = 0;
        for (size_t c = 0; c < j->out_c; c++) sum += g[c] * f[c];
        dx[i] += sum;
    }
}

static void items(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const mwi_run_call *const call = arg;
    const int32_t *const f = call->in[1].dims;
    job j = {.call = call, .in_c = (size_t)f[3], .out_c = (size_t)f[4]};
    mwi_conv_3d_walk walk = {.w = call->state, .in_c = j.in_c, .out_c = j.out_c};

    (void)thread;
    for (walk.item = begin; walk.item < end; walk.item++) {
        j.f = call->in[1].data;
        for (walk.at[0] = 0; walk.at[0] < f[0]; walk.at[0]++)
            for (walk.at[1] = 0; walk.at[1] < f[1]; walk.at[1]++)
                for (walk.at[2] = 0; walk.at[2] < f[2]; walk.at[2]++) {
                    mwi_conv_3d_each(&walk, add, &j);
                    j.f += j.in_c * j.out_c;
                }
    }
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    (void)ctx;
    memset(call->out[0].data, 0, call->out[0].bytes);
    mwi_par_for(call->pool, (size_t)call->in[2].dims[0], 1, items, (void *)(uintptr_t)call);
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_conv_3d_backprop_input__ref",
     .types = "f32,f32,f32>f32",
     .prepare = prepare,
     .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_conv_3d_backprop_input = {
    .name = "CONV_3D_BACKPROP_INPUT",
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
