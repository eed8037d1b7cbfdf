/* devices/device.h - a place where operators run, chosen by name.
 * Depends: ops/.  Used by: runtime. A device is a row: its name and its list of kernels that are
 * faster than the reference ones. The plan takes the first row of an operator that accepts; the
 * operator's own reference rows come last, so a device may lack any kernel. Kernels rearrange
 * constants by mwi_pack; other address spaces come with the devices that need them.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_DEVICES_DEVICE_H
#define MWI_DEVICES_DEVICE_H

#include "ops/registry.h"

/* Bits of mwi_kernel.cpu_features. */
enum {
    MWI_CPU_AVX2 = 1 << 0,
    MWI_CPU_AVX512 = 1 << 1,
    MWI_CPU_AVX512_VNNI = 1 << 2,
    MWI_CPU_NEON = 1 << 3,
};

typedef struct mwi_device_kernel {
    const mwi_op_desc *op;
    mwi_kernel kernel;
} mwi_device_kernel;

typedef struct mwi_device_desc {
    const char *name; /* "/CPU:0" */
    const char *summary;
    /* Lists of rows, best first, each ending with a NULL op; ends with NULL. */
    const mwi_device_kernel *const *kernels;
    uint32_t (*features)(void); /* bits that this machine has */
} mwi_device_desc;

extern const mwi_device_desc *const mwi_devices[]; /* devices.def, ends with NULL */

/* NULL: no such device. */
const mwi_device_desc *mwi_device_by_name(const char *name);
/* The first kernel of the device, then of the reference rows, that takes the call. `suffix`: only
 * kernels whose name ends so, NULL all. NULL when none does. */
const mwi_kernel *mwi_device_choose(const mwi_device_desc *device, const mwi_prepare_call *call,
                                    const char *suffix);

#endif
