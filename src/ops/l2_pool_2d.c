/* ops/l2_pool_2d.c - L2_POOL_2D: the root of the mean square over the part of the window that lies
 * inside.
 * Depends: ops/pool.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/pool.h"

#include <math.h>

static void pixel_f32(const mwi_pool_pixel *p)
{
    const mwi_window *const w = &p->s->w;
    const float *const in = (const float *)p->call->in[0].data + p->item;
    const float count = (float)(p->y1 - p->y0) * (float)(p->x1 - p->x0);
    float *const out = (float *)p->call->out[0].data + p->out;

    for (size_t c = 0; c < (size_t)w->in_c; c++) out[c] = 0;
    for (int32_t y = p->y0; y < p->y1; y++)
        for (int32_t x = p->x0; x < p->x1; x++) {
            const float *const v = in + ((size_t)y * (size_t)w->in_w + (size_t)x) * (size_t)w->in_c;
            for (size_t c = 0; c < (size_t)w->in_c; c++) out[c] += v[c] * v[c];
        }
    for (size_t c = 0; c < (size_t)w->in_c; c++) {
        const float v = sqrtf(out[c] / count);
        out[c] = v < p->s->low_f ? p->s->low_f : v > p->s->high_f ? p->s->high_f : v;
    }
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    (void)ctx;
    mwi_pool_run(call, pixel_f32);
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_l2_pool_2d__ref",
     .types = "f32>f32",
     .prepare = mwi_pool_prepare_f32,
     .run = run},
    {.name = NULL},
};

/* x * the mean's gradient of dy / y; a window of zeros has none. */
static mw_status gradient(mw_ctx *ctx, mwi_gradient_call *call)
{
    const mwi_op *const op = call->at.op;
    int32_t t, tiny;

    MWI_TRY(mwi_gradient_of_sum(ctx, call, &t));
    MWI_TRY(mwi_emit_float(ctx, &call->at, 1e-30, &tiny));
    MWI_TRY(mwi_emit2(ctx, &call->at, &mwi_op_maximum, op->out[0], tiny, &tiny));
    MWI_TRY(mwi_emit2(ctx, &call->at, &mwi_op_div, t, tiny, &t));
    MWI_TRY(mwi_emit(ctx, &call->at, &mwi_op_avg_pool_grad, MWI_IN(t, op->in[0]), mwi_same_settings,
                     &t));
    return mwi_emit2(ctx, &call->at, &mwi_op_mul, t, op->in[0], &call->d_in[0]);
}

const mwi_op_desc mwi_op_l2_pool_2d = {
    .name = "L2_POOL_2D",
    .tflite_code = 12,
    .options_type = 5,
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_FUSES_ACT | MWI_OP_SCALES_BY_CHANNEL,
    .attr_size = sizeof(mwi_pool_attr),
    .fields = mwi_pool_fields,
    .kernels = kernels,
    .windows = &mwi_pool_windows,
    .infer = mwi_pool_infer,
    .gradient = gradient,
    .macs = mwi_pool_macs,
};
