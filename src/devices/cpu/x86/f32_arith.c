/* devices/cpu/x86/f32_arith.c - ADD, SUB and MUL of floats; the same values as the reference rows.
 * Depends: f32_arith.h, ops/binary.  Used by: the list of kernels only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/f32_arith.h"
#include "devices/device.h"

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    return mwi_arith_prepare_plain(ctx, call,
                                   mwi_op_get_i32(call->op, "fused_activation_function", 0));
}

MWI_BINARY_RUN(run_add_avx512, mwi_f32_arith_avx512.add)
MWI_BINARY_RUN(run_sub_avx512, mwi_f32_arith_avx512.sub)
MWI_BINARY_RUN(run_mul_avx512, mwi_f32_arith_avx512.mul)
MWI_BINARY_RUN(run_add_avx2, mwi_f32_arith_avx2.add)
MWI_BINARY_RUN(run_sub_avx2, mwi_f32_arith_avx2.sub)
MWI_BINARY_RUN(run_mul_avx2, mwi_f32_arith_avx2.mul)

#define KERNEL(op_id, isa, features)                                                               \
    {                                                                                              \
        &mwi_op_##op_id,                                                                           \
        {                                                                                          \
            .name = "f32_" #op_id "__" #isa, .types = "f32,f32>f32", .cpu_features = features,     \
            .prepare = prepare, .run = run_##op_id##_##isa                                         \
        }                                                                                          \
    }

const mwi_device_kernel mwi_cpu_f32_arith[] = {
    KERNEL(add, avx512, MWI_CPU_AVX512),
    KERNEL(sub, avx512, MWI_CPU_AVX512),
    KERNEL(mul, avx512, MWI_CPU_AVX512),
    KERNEL(add, avx2, MWI_CPU_AVX2),
    KERNEL(sub, avx2, MWI_CPU_AVX2),
    KERNEL(mul, avx2, MWI_CPU_AVX2),
    {.op = NULL},
};
