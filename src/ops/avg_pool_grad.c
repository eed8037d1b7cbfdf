/* ops/avg_pool_grad.c - AVG_POOL_GRAD(dy, x): each dy in equal parts to the elements of its
 * window that lie inside x, of which only the shape is read. Attributes are AVERAGE_POOL_2D's.
 * Depends: ops/pool.  Used by: gradients.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/pool.h"

#include <string.h>

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    return mwi_pool_infer_grad(ctx, call, 1, 0);
}

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    return mwi_pool_prepare_grad(ctx, call, 1);
}

static void pixel(const mwi_pool_pixel *p)
{
    const size_t channels = (size_t)p->s->w.in_c, row = (size_t)p->s->w.in_w * channels;
    const float *const dy = (const float *)p->call->in[0].data + p->out;
    float *const dx = (float *)p->call->out[0].data + p->item;
    const float part = 1.0f / (float)((p->y1 - p->y0) * (p->x1 - p->x0)); /* unused when none */

    for (int32_t i = p->y0; i < p->y1; i++)
        for (int32_t k = p->x0; k < p->x1; k++)
            for (size_t c = 0; c < channels; c++)
                dx[(size_t)i * row + (size_t)k * channels + c] += dy[c] * part;
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    (void)ctx;
    memset(call->out[0].data, 0, call->out[0].bytes);
    mwi_pool_run_items(call, pixel);
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_avg_pool_grad__ref", .types = "f32,f32>f32", .prepare = prepare, .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_avg_pool_grad = {
    .name = "AVG_POOL_GRAD",
    .tflite_code = -1,
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_TRAINING_ONLY,
    .attr_size = sizeof(mwi_pool_attr),
    .fields = mwi_pool_fields,
    .kernels = kernels,
    .windows = &mwi_pool_windows,
    .infer = infer,
};
