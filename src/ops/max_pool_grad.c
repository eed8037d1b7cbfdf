/* ops/max_pool_grad.c - MAX_POOL_GRAD(x, y, dy): each dy goes to the first element of its window
 * that is y. Attributes are MAX_POOL_2D's; a clamped y has a dy of 0.
 * Depends: ops/pool.  Used by: gradients.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/pool.h"

#include <string.h>

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    MWI_TRY(mwi_need_same_shapes(ctx, call, 1, 2));
    return mwi_pool_infer_grad(ctx, call, 0, 1);
}

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    return mwi_pool_prepare_grad(ctx, call, 0);
}

static void pixel(const mwi_pool_pixel *p)
{
    const size_t channels = (size_t)p->s->w.in_c, row = (size_t)p->s->w.in_w * channels;
    const float *const x = (const float *)p->call->in[0].data + p->item;
    const float *const y = (const float *)p->call->in[1].data + p->out;
    const float *const dy = (const float *)p->call->in[2].data + p->out;
    float *const dx = (float *)p->call->out[0].data + p->item;

    for (size_t c = 0; c < channels; c++) {
        bool found = false;
        for (int32_t i = p->y0; i < p->y1 && !found; i++)
            for (int32_t k = p->x0; k < p->x1 && !found; k++) {
                const size_t at = (size_t)i * row + (size_t)k * channels + c;
                found = x[at] == y[c];
                if (found) dx[at] += dy[c];
            }
    }
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    (void)ctx;
    memset(call->out[0].data, 0, call->out[0].bytes);
    mwi_pool_run_items(call, pixel);
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_max_pool_grad__ref", .types = "f32,f32,f32>f32", .prepare = prepare, .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_max_pool_grad = {
    .name = "MAX_POOL_GRAD",
    .tflite_code = -1,
    .min_in = 3,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_TRAINING_ONLY,
    .attr_size = sizeof(mwi_pool_attr),
    .fields = mwi_pool_fields,
    .kernels = kernels,
    .windows = &mwi_pool_windows,
    .infer = infer,
};
