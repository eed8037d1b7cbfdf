/* devices/cpu/cpu.c - "/CPU:0": the processor that the program runs on. Its list of fast kernels
 * is empty: reference kernels run everything. A fast kernel is a file in this folder and a row
 * here.
 * Depends: devices/device.  Used by: the list of devices only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/device.h"

static const mwi_device_kernel kernels[] = {
    {.op = NULL},
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
