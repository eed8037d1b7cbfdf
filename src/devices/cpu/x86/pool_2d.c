/* devices/cpu/x86/pool_2d.c - AVERAGE_POOL_2D and MAX_POOL_2D of floats and 8-bit values; the same
 * values as the reference rows.
 * Depends: pool_2d.h, ops/pool.  Used by: the list of kernels only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/pool_2d.h"
#include "devices/device.h"

#define RUN(name, pixel)                                                                           \
    static mw_status run_##name(mw_ctx *ctx, const mwi_run_call *call)                             \
    {                                                                                              \
        (void)ctx;                                                                                 \
        mwi_pool_run(call, pixel);                                                                 \
        return MW_OK;                                                                              \
    }
RUN(f32_average_pixel_avx512, mwi_f32_average_pixel_avx512)
RUN(f32_max_pixel_avx512, mwi_f32_max_pixel_avx512)
RUN(f32_average_pixel_avx2, mwi_f32_average_pixel_avx2)
RUN(f32_max_pixel_avx2, mwi_f32_max_pixel_avx2)
RUN(s8_average_pixel_avx512, mwi_s8_average_pixel_avx512)
RUN(u8_average_pixel_avx512, mwi_u8_average_pixel_avx512)
RUN(s8_max_pixel_avx512, mwi_s8_max_pixel_avx512)
RUN(u8_max_pixel_avx512, mwi_u8_max_pixel_avx512)

static bool accepts_f32(const mwi_prepare_call *call)
{
    (void)call;
    return true;
}

static bool accepts_int(const mwi_prepare_call *call)
{
    const int32_t h = mwi_op_get_i32(call->op, "filter_height", 1);
    const int32_t w = mwi_op_get_i32(call->op, "filter_width", 1);
    return (int64_t)h * w <= MWI_POOL_MOST_TAPS;
}

#define KERNEL(type, what, isa, list, kind, features)                                              \
    {                                                                                              \
        &mwi_op_##what##_pool_2d,                                                                  \
        {                                                                                          \
            .name = #type "_" #what "_pool_2d__" #isa, .types = list, .cpu_features = features,    \
            .accepts = accepts_##kind, .prepare = mwi_pool_prepare_##kind,                         \
            .run = run_##type##_##what##_pixel_##isa                                               \
        }                                                                                          \
    }

const mwi_device_kernel mwi_cpu_pool_2d[] = {
    KERNEL(f32, average, avx512, "f32>f32", f32, MWI_CPU_AVX512),
    KERNEL(f32, max, avx512, "f32>f32", f32, MWI_CPU_AVX512),
    KERNEL(s8, average, avx512, "i8>i8", int, MWI_CPU_AVX512),
    KERNEL(u8, average, avx512, "u8>u8", int, MWI_CPU_AVX512),
    KERNEL(s8, max, avx512, "i8>i8", int, MWI_CPU_AVX512),
    KERNEL(u8, max, avx512, "u8>u8", int, MWI_CPU_AVX512),
    KERNEL(f32, average, avx2, "f32>f32", f32, MWI_CPU_AVX2),
    KERNEL(f32, max, avx2, "f32>f32", f32, MWI_CPU_AVX2),
    {.op = NULL},
};
