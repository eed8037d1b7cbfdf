/* ops/resize_bilinear_grad.c - RESIZE_BILINEAR_GRAD(dy, x): each dy to the four elements of x
 * that it was made of, by their weights. Attributes are RESIZE_BILINEAR's.
 * Depends: ops/resize.  Used by: gradients.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/resize.h"

#include <string.h>

static const mwi_field fields[] = {
    {"align_corners", offsetof(mwi_resize_attr, align_corners), MWI_FIELD_BOOL, -1, 0, 0, 1, NULL},
    {"half_pixel_centers", offsetof(mwi_resize_attr, half_pixel_centers), MWI_FIELD_BOOL, -1, 0, 0,
     1, NULL},
    MWI_FIELDS_END,
};

/* weight * dy to one pixel of x. */
static void give(float *dx, const float *dy, size_t channels, float weight)
{
    for (size_t c = 0; c < channels; c++) dx[c] += dy[c] * weight;
}

/* Items of the batch. */
static void items(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const mwi_run_call *const call = arg;
    const mwi_resize_attr *const a = call->attr;
    const int32_t *const from = call->in[0].dims, *const to = call->in[1].dims;
    const size_t n = (size_t)to[3], row = (size_t)to[2] * n;

    (void)thread;
    for (size_t b = begin; b < end; b++) {
        const float *dy =
            (const float *)call->in[0].data + b * (size_t)from[1] * (size_t)from[2] * n;
        float *const dx = (float *)call->out[0].data + b * (size_t)to[1] * row;
        memset(dx, 0, (size_t)to[1] * row * sizeof *dx);
        for (int32_t i = 0; i < from[1]; i++) {
            const mwi_resize_place y = mwi_resize_between(a, i, to[1], from[1]);
            float *const above = dx + (size_t)y.low * row, *const below = dx + (size_t)y.high * row;
            for (int32_t k = 0; k < from[2]; k++, dy += n) {
                const mwi_resize_place x = mwi_resize_between(a, k, to[2], from[2]);
                const size_t left = (size_t)x.low * n, right = (size_t)x.high * n;
                give(above + left, dy, n, (1 - y.far) * (1 - x.far));
                give(above + right, dy, n, (1 - y.far) * x.far);
                give(below + left, dy, n, y.far * (1 - x.far));
                give(below + right, dy, n, y.far * x.far);
            }
        }
    }
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    (void)ctx;
    mwi_par_for(call->pool, (size_t)call->in[1].dims[0], 1, items, (void *)(uintptr_t)call);
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_resize_bilinear_grad__ref", .types = "f32,f32>f32", .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_resize_bilinear_grad = {
    .name = "RESIZE_BILINEAR_GRAD",
    .tflite_code = -1,
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_TRAINING_ONLY,
    .attr_size = sizeof(mwi_resize_attr),
    .fields = fields,
    .kernels = kernels,
    .infer = mwi_resize_infer_grad,
};
