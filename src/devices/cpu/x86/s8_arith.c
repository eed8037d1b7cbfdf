/* devices/cpu/x86/s8_arith.c - ADD, SUB and MUL of int8 and uint8 values, equal to the bit to the
 * reference rows.
 * Depends: s8_arith.h, ops/binary.  Used by: the list of kernels only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/s8_arith.h"
#include "devices/device.h"

/* Scales so far apart that a multiplier shifts to the left are left to the reference rows. */
static bool has_scales(const mwi_prepare_call *call)
{
    return mwi_is_quantized(&call->in[0]) && mwi_is_quantized(&call->in[1]) &&
           mwi_is_quantized(&call->out[0]);
}

static double scale_of(const mwi_view *v) { return (double)v->quant->q.scales[0]; }

static bool accepts_sum(const mwi_prepare_call *call)
{
    if (!has_scales(call)) return false;
    const double a = scale_of(&call->in[0]), b = scale_of(&call->in[1]);
    return 2 * (a > b ? a : b) < 0.99 * (1 << 20) * scale_of(&call->out[0]);
}

static bool accepts_product(const mwi_prepare_call *call)
{
    return has_scales(call) &&
           scale_of(&call->in[0]) * scale_of(&call->in[1]) < 0.99 * scale_of(&call->out[0]);
}

static mw_status prepare_sum(mw_ctx *ctx, mwi_prepare_call *call)
{
    return mwi_arith_prepare_sum(ctx, call,
                                 mwi_op_get_i32(call->op, "fused_activation_function", 0), false);
}

static mw_status prepare_product(mw_ctx *ctx, mwi_prepare_call *call)
{
    return mwi_arith_prepare_product(ctx, call,
                                     mwi_op_get_i32(call->op, "fused_activation_function", 0));
}

MWI_BINARY_RUN(run_s8_add, mwi_s8_add_row)
MWI_BINARY_RUN(run_u8_add, mwi_u8_add_row)
MWI_BINARY_RUN(run_s8_sub, mwi_s8_sub_row)
MWI_BINARY_RUN(run_u8_sub, mwi_u8_sub_row)
MWI_BINARY_RUN(run_s8_mul, mwi_s8_mul_row)
MWI_BINARY_RUN(run_u8_mul, mwi_u8_mul_row)

#define KERNEL(op_id, type, list, kind)                                                            \
    {                                                                                              \
        &mwi_op_##op_id,                                                                           \
        {                                                                                          \
            .name = #type "_" #op_id "__avx512", .types = list, .cpu_features = MWI_CPU_AVX512,    \
            .accepts = accepts_##kind, .prepare = prepare_##kind, .run = run_##type##_##op_id      \
        }                                                                                          \
    }

const mwi_device_kernel mwi_cpu_s8_arith[] = {
    KERNEL(add, s8, "i8,i8>i8", sum),
    KERNEL(add, u8, "u8,u8>u8", sum),
    KERNEL(sub, s8, "i8,i8>i8", sum),
    KERNEL(sub, u8, "u8,u8>u8", sum),
    KERNEL(mul, s8, "i8,i8>i8", product),
    KERNEL(mul, u8, "u8,u8>u8", product),
    {.op = NULL},
};
