/* ops/signal_fft_auto_scale.c - SignalFftAutoScale (custom): samples shifted left until the largest
 * fills 16 bits, and by how many bits.
 * Depends: ops/signal_bits, ops/signal_shapes.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/signal_bits.h"
#include "ops/signal_shapes.h"

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    MWI_TRY(mwi_need_vector(ctx, call, 0, -1));
    mwi_view_set_dims(&call->out[1], 0, NULL);
    return mwi_infer_same(ctx, call);
}

/* In 16 bits, as the reference does: the magnitude of -32768 is -32768, which any later value
 * replaces. */
static int16_t magnitude(const int16_t *v, size_t n)
{
    int16_t most = 0;

    for (size_t i = 0; i < n; i++) {
        if (v[i] > most)
            most = v[i];
        else if (-v[i] > most)
            most = (int16_t)-v[i];
    }
    return most;
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const int16_t *const in = call->in[0].data;
    int16_t *const out = call->out[0].data;
    const size_t n = mwi_view_count(&call->in[0]);
    const int16_t most = magnitude(in, n);
    const int32_t shift = most > 0 ? 15 - (int32_t)mwi_bits_of((uint64_t)most) : 0;

    (void)ctx;
    for (size_t i = 0; i < n; i++) out[i] = (int16_t)(in[i] * (1 << shift));
    *(int32_t *)call->out[1].data = shift;
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "s16_signal_fft_auto_scale__ref", .types = "i16>i16,i32", .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_signal_fft_auto_scale = {
    .name = "SignalFftAutoScale",
    .tflite_code = -1,
    .custom = true,
    .min_in = 1,
    .max_in = 1,
    .min_out = 2,
    .max_out = 2,
    .kernels = kernels,
    .infer = infer,
};
