/* ops/multinomial.c - MULTINOMIAL: samples (as many as input 1 says) of the categories whose
 * logits are the rows of input 0.
 * Depends: ops/random, ops/philox, ops/strided.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/philox.h"
#include "ops/random.h"
#include "ops/strided.h"

#include <float.h>

/* Blocks that TensorFlow gives up for each sample, so that runs never share numbers. */
enum { BLOCKS_A_SAMPLE = 2 * 256 };

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_view *const logits = &call->in[0];
    int64_t n;
    size_t count;

    MWI_TRY(mwi_need_input(ctx, call, 0, 2, 2));
    MWI_TRY(mwi_need_input(ctx, call, 1, 0, 0));
    if (logits->dims[1] == 0) return mwi_fail(ctx, MW_EFORMAT, "there are no categories");
    MWI_TRY(mwi_param_ints(ctx, call, 1, 1, &n, &count));
    if (call->unknown) return MW_OK;
    if (n < 0 || n > INT32_MAX) return mwi_fail(ctx, MW_EFORMAT, "%lld samples", (long long)n);
    mwi_view_set_dims(&call->out[0], 2, (const int32_t[2]){logits->dims[0], (int32_t)n});
    return MW_OK;
}

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    call->scratch_bytes = (size_t)call->in[0].dims[1] * sizeof(double);
    return mwi_random_prepare(ctx, call);
}

/* Sums of the categories' weights so far. */
static void accumulate(const float *logits, size_t n, double *sums)
{
    float max = -FLT_MAX;
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        if (isfinite(logits[i])) max = fmaxf(max, logits[i]);
    for (size_t i = 0; i < n; i++) {
        if (isfinite(logits[i])) sum += exp((double)logits[i] - (double)max);
        sums[i] = sum;
    }
}

/* The first category whose sum is above; n when none is (no category has a weight). */
static size_t find(const double *sums, size_t n, double wanted)
{
    size_t low = 0, high = n;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (sums[middle] > wanted)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    mwi_random *const r = mwi_random_of(call);
    const size_t rows = (size_t)call->out[0].dims[0], samples = (size_t)call->out[0].dims[1];
    const size_t n = (size_t)call->in[0].dims[1];
    const bool wide = call->out[0].dtype == MW_INT64;
    double *const sums = call->scratch;
    uint64_t block = r->block;
    uint32_t bits[4];
    size_t used = 4;

    (void)ctx;
    r->block += rows * ((samples + 3) / 4 * 4) * BLOCKS_A_SAMPLE;
    for (size_t i = 0; i < rows * samples; i++) {
        if (i % samples == 0)
            accumulate((const float *)call->in[0].data + i / samples * n, n, sums);
        if (used == 4) {
            mwi_philox_block(r->seeds, block++, bits);
            used = 0;
        }
        const double u = mwi_philox_double(bits[used], bits[used + 1]) * sums[n - 1];
        const size_t chosen = find(sums, n, u);
        used += 2;
        if (wide)
            ((int64_t *)call->out[0].data)[i] = (int64_t)chosen;
        else
            ((int32_t *)call->out[0].data)[i] = (int32_t)chosen;
    }
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_multinomial__ref", .types = "f32,i32>i64|i32", .prepare = prepare, .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_multinomial = {
    .name = "MULTINOMIAL",
    .tflite_code = 149,
    .options_type = 114,
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_STATEFUL,
    .attr_size = sizeof(mwi_random_attr),
    .fields = mwi_random_fields,
    .kernels = kernels,
    .infer = infer,
};
