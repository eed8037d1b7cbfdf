/* ops/random_standard_normal.c - RANDOM_STANDARD_NORMAL: numbers of the standard normal
 * distribution, of the shape in input 0.
 * Depends: ops/random, ops/philox.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/philox.h"
#include "ops/random.h"

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    mwi_random *const r = mwi_random_of(call);
    float *const out = call->out[0].data, two[2] = {0, 0};
    uint32_t bits[4];

    (void)ctx;
    for (size_t i = 0, n = mwi_view_count(&call->out[0]); i < n; i++) {
        if (i % 4 == 0) mwi_philox_block(r->seeds, r->block++, bits);
        if (i % 2 == 0) mwi_philox_normal(bits[i % 4], bits[i % 4 + 1], two);
        out[i] = two[i % 2];
    }
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_random_standard_normal__ref",
     .types = "i32>f32",
     .prepare = mwi_random_prepare,
     .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_random_standard_normal = {
    .name = "RANDOM_STANDARD_NORMAL",
    .tflite_code = 146,
    .options_type = 114,
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_STATEFUL,
    .attr_size = sizeof(mwi_random_attr),
    .fields = mwi_random_fields,
    .kernels = kernels,
    .infer = mwi_random_infer,
};
