/* ops/local_response_normalization.c - LOCAL_RESPONSE_NORMALIZATION: x / (bias + alpha * the squares of 2 * radius + 1 channels)^beta.
 * Depends: ops/shapes.  Used by: the list of operators only.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/shapes.h"

#include <math.h>

typedef struct attr {
    int32_t radius;
    float bias, alpha, beta;
} attr;

static const mwi_field fields[] = {
    {"radius", offsetof(attr, radius), MWI_FIELD_I32, 0, 0, 0, 1e9, NULL},
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

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const attr *const a = call->attr;
    const int64_t n = call->in[0].dims[3];
    const float *in = call->in[0].data;
    float *out = call->out[0].data;

    (void)ctx;
    for (size_t at = 0, count = mwi_view_count(&call->in[0]); at < count; at += (size_t)n, in += n, out += n)
        for (int64_t c = 0; c < n; c++) {
            const int64_t low = c < a->radius ? 0 : c - a->radius, high = c + a->radius >= n ? n - 1 : c + a->radius;
            float sum = 0;
            for (int64_t i = low; i <= high; i++) sum += in[i] * in[i];
            out[c] = in[c] * powf(a->bias + a->alpha * sum, -a->beta);
        }
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
    .min_in = 1, .max_in = 1, .min_out = 1, .max_out = 1,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .infer = infer,
};
