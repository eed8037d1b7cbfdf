/* devices/cpu/cpu.c - "/CPU:0": the processor that the program runs on. A fast
 * kernel is a file in a folder of its kind of processor and a line in that folder's kernels.def.
 * Depends: devices/device.  Used by: the list of devices only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/device.h"

#if defined(__x86_64__)
#define MWI_CPU_KERNELS "devices/cpu/x86/kernels.def"
#endif

#ifdef MWI_CPU_KERNELS
#define MWI_CPU_KERNEL(id) extern const mwi_device_kernel mwi_cpu_##id[];
#include MWI_CPU_KERNELS
#undef MWI_CPU_KERNEL
#endif

static const mwi_device_kernel *const kernels[] = {
#ifdef MWI_CPU_KERNELS
#define MWI_CPU_KERNEL(id) mwi_cpu_##id,
#include MWI_CPU_KERNELS
#undef MWI_CPU_KERNEL
#endif
    NULL,
};

static uint32_t features(void)
{
    uint32_t bits = 0;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) bits |= MWI_CPU_AVX2;
    if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
        bits |= MWI_CPU_AVX512;
    if (__builtin_cpu_supports("avx512vnni")) bits |= MWI_CPU_AVX512_VNNI;
#elif defined(__aarch64__)
    bits |= MWI_CPU_NEON;
#endif
    return bits;
}

const mwi_device_desc mwi_device_cpu = {
    .name = "/CPU:0",
    .summary = "this processor",
    .kernels = kernels,
    .features = features,
};
