/* ops/dropout.c - DROPOUT: the identity at inference; a pass removes it before a .tflite is
 * written.
 * Depends: ops/registry, ops/shapes.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/registry.h"
#include "ops/shapes.h"

#include <string.h>

typedef struct attr {
    float rate;
    bool per_channel; /* training: whole channels are dropped */
} attr;

static const mwi_field fields[] = {
    {"rate", offsetof(attr, rate), MWI_FIELD_F32, -1, 0.0, 0.0, 1.0, NULL},
    {"per_channel", offsetof(attr, per_channel), MWI_FIELD_BOOL, -1, 0, 0, 1, NULL},
    MWI_FIELDS_END,
};

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    (void)ctx;
    if (call->out[0].data != call->in[0].data)
        memcpy(call->out[0].data, call->in[0].data, call->out[0].bytes);
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_dropout__ref", .types = "f32>f32", .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_dropout = {
    .name = "DROPOUT",
    .tflite_code = -1,
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_INPLACE | MWI_OP_VIEW | MWI_OP_TRAINING_ONLY | MWI_OP_PER_SAMPLE,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .infer = mwi_infer_same,
    .gradient = mwi_gradient_identity,
};
