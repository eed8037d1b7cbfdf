/* ops/random_uniform.c - RANDOM_UNIFORM: numbers in [0, 1) of the shape in input 0.
 * Depends: ops/random, ops/philox.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/philox.h"
#include "ops/random.h"

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    mwi_random *const r = mwi_random_of(call);
    float *const out = call->out[0].data;
    uint32_t bits[4];

    (void)ctx;
    for (size_t i = 0, n = mwi_view_count(&call->out[0]); i < n; i++) {
        if (i % 4 == 0) mwi_philox_block(r->seeds, r->block++, bits);
        out[i] = mwi_philox_float(bits[i % 4]);
    }
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_random_uniform__ref",
     .types = "i32>f32",
     .prepare = mwi_random_prepare,
     .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_random_uniform = {
    .name = "RANDOM_UNIFORM",
    .tflite_code = 148,
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
