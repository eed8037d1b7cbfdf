/* ops/signal_filter_bank_square_root.c - SignalFilterBankSquareRoot (custom): integer square roots,
 * rounded, then shifted right by the bits in input 1.
 * Depends: ops/signal_bits, ops/signal_shapes.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/signal_bits.h"
#include "ops/signal_shapes.h"

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    MWI_TRY(mwi_need_vector(ctx, call, 0, -1));
    MWI_TRY(mwi_need_input(ctx, call, 1, 0, 0));
    return mwi_infer_same(ctx, call);
}

/* Digit by digit from the highest. The root is rounded up where more than half is left, but never
 * past 16 bits for 32-bit values, 32 bits for others. */
static uint64_t root_of(uint64_t v)
{
    const uint64_t most = v >> 32 == 0 ? UINT16_MAX : UINT32_MAX;
    uint64_t root = 0;

    if (v == 0) return 0;
    for (uint64_t bit = UINT64_C(1) << ((mwi_bits_of(v) - 1) & ~1u); bit != 0; bit >>= 2) {
        if (v >= root + bit) {
            v -= root + bit;
            root = (root >> 1) + bit;
        } else
            root >>= 1;
    }
    return v > root && root != most ? root + 1 : root;
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const uint64_t *const in = call->in[0].data;
    const int32_t shift = *(const int32_t *)call->in[1].data;
    uint32_t *const out = call->out[0].data;
    const size_t n = mwi_view_count(&call->in[0]);

    if (shift < 0 || shift > 31)
        return mwi_fail(ctx, MW_EINVAL, "a shift by %d bits, allowed 0 to 31", shift);
    for (size_t i = 0; i < n; i++) out[i] = (uint32_t)root_of(in[i]) >> shift;
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "u64_signal_filter_bank_square_root__ref", .types = "u64,i32>u32", .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_signal_filter_bank_square_root = {
    .name = "SignalFilterBankSquareRoot",
    .tflite_code = -1,
    .custom = true,
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .kernels = kernels,
    .infer = infer,
};
