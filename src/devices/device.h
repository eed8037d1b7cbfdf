/* devices/device.h - a place where operators run, chosen by name.
 * Depends: ops/.  Used by: runtime. A device is a row: its name and its list of kernels that are
 * faster than the reference ones. The plan takes the first row of an operator that accepts; the
 * operator's own reference rows come last, so a device may lack any kernel. Kernels rearrange
 * constants by mwi_pack; other address spaces come with the devices that need them.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_DEVICES_DEVICE_H
#define MWI_DEVICES_DEVICE_H

#include "ops/kernels.h"

/* Bits of mwi_kernel.cpu_features. */
enum {
    MWI_CPU_AVX2 = 1 << 0,
    MWI_CPU_AVX512 = 1 << 1,
    MWI_CPU_AVX512_VNNI = 1 << 2,
    MWI_CPU_NEON = 1 << 3,
};

extern const mwi_device_desc *const mwi_devices[]; /* devices.def, ends with NULL */

/* NULL: no such device. */
const mwi_device_desc *mwi_device_by_name(const char *name);

#endif
