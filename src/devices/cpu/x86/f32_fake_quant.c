/* devices/cpu/x86/f32_fake_quant.c - FAKE_QUANT_TRAIN and its gradient.
 * Depends: f32_fake_quant.h.  Used by: the list of kernels only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/f32_fake_quant.h"
#include "devices/device.h"

#define RUN(id, isa)                                                                               \
    static mw_status run_##id##_##isa(mw_ctx *ctx, const mwi_run_call *call)                       \
    {                                                                                              \
        (void)ctx;                                                                                 \
        return mwi_fq_##id##_run(call, &mwi_f32_fake_quant_##isa);                                 \
    }
RUN(train, avx512)
RUN(train, avx2)
RUN(grad, avx512)
RUN(grad, avx2)

#define KERNEL(id, isa, features, list)                                                            \
    {                                                                                              \
        &mwi_op_fake_quant_##id,                                                                   \
        {                                                                                          \
            .name = "f32_fake_quant_" #id "__" #isa, .types = list, .cpu_features = features,      \
            .prepare = mwi_fq_##id##_prepare, .run = run_##id##_##isa                              \
        }                                                                                          \
    }

const mwi_device_kernel mwi_cpu_f32_fake_quant[] = {
    KERNEL(train, avx512, MWI_CPU_AVX512, "f32,f32?,f32?,f32?>f32,f32,f32"),
    KERNEL(grad, avx512, MWI_CPU_AVX512, "f32,f32?,f32,f32?,f32>f32,f32?,f32?"),
    KERNEL(train, avx2, MWI_CPU_AVX2, "f32,f32?,f32?,f32?>f32,f32,f32"),
    KERNEL(grad, avx2, MWI_CPU_AVX2, "f32,f32?,f32,f32?,f32>f32,f32?,f32?"),
    {.op = NULL},
};
