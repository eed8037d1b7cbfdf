/* ops/local_response_normalization.c - LOCAL_RESPONSE_NORMALIZATION: x * (bias + alpha *
 * sum)^-beta, the sum being that of the squares of `radius` channels on each side and the channel
 * itself.
 * Depends: ops/shapes.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/shapes.h"

#include <math.h>

typedef struct attr {
    int32_t radius;
    float bias, alpha, beta;
} attr;

static const mwi_field fields[] = {
    {"radius", offsetof(attr, radius), MWI_FIELD_I32, 0, 0, 0, INT32_MAX, NULL},
    {"bias", offsetof(attr, bias), MWI_FIELD_F32, 1, 0, 1, 0, NULL},
    {"alpha", offsetof(attr, alpha), MWI_FIELD_F32, 2, 0, 1, 0, NULL},
    {"beta", offsetof(attr, beta), MWI_FIELD_F32, 3, 0, 1, 0, NULL},
    MWI_FIELDS_END,
};

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    MWI_TRY(mwi_need_input(ctx, call, 0, 4, 4));
    return mwi_infer_same(ctx, call);
}

static float power(float scale, float beta)
{
    if (beta == 1.0f) return 1.0f / scale;
    if (beta == 0.5f) return 1.0f / sqrtf(scale);
    return powf(scale, -beta);
}

/* The window slides: one channel comes in, one goes out. */
static void row_f32(const attr *a, const float *in, float *out, size_t depth)
{
    const size_t radius = (size_t)a->radius;
    float sum = 0;

    for (size_t c = 0; c < radius && c < depth; c++) sum += in[c] * in[c] * a->alpha;
    for (size_t c = 0; c < depth; c++) {
        if (radius < depth - c) sum += in[c + radius] * in[c + radius] * a->alpha;
        out[c] = in[c] * power(a->bias + sum, a->beta);
        if (c >= radius) sum -= in[c - radius] * in[c - radius] * a->alpha;
    }
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_view *const x = &call->in[0];
    const size_t depth = (size_t)x->dims[3], n = x->bytes / sizeof(float);

    (void)ctx;
    for (size_t i = 0; i < n; i += depth)
        row_f32(call->attr, (const float *)x->data + i, (float *)call->out[0].data + i, depth);
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_local_response_normalization__ref", .types = "f32>f32", .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_local_response_normalization = {
    .name = "LOCAL_RESPONSE_NORMALIZATION",
    .tflite_code = 13,
    .options_type = 13,
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .infer = infer,
};
