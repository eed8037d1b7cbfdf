/* ops/kernels.h - where kernels come from: a device's list of faster rows, then the operator's own
 * reference rows; and the one choice among them.
 * Depends: ops/registry.  Used by: devices, runtime, folding, quantize, info.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_OPS_KERNELS_H
#define MWI_OPS_KERNELS_H

#include "ops/registry.h"

typedef struct mwi_device_kernel {
    const mwi_op_desc *op;
    mwi_kernel kernel;
} mwi_device_kernel;

typedef struct mwi_device_desc {
    const char *name; /* "/CPU:0" */
    const char *summary;
    /* Lists of rows, best first, each ending with a NULL op; ends with NULL. */
    const mwi_device_kernel *const *kernels;
    uint32_t (*features)(void); /* bits that this machine has; NULL: none */
} mwi_device_desc;

/* What a kernel's `accepts` and `prepare` get; arena and packs are left to the caller. */
mwi_prepare_call mwi_prepare_call_of(const mwi_shape_call *call);

/* The first row that takes the call: of the device (NULL: none) as far as this machine has the
 * features, then of the operator. With a `pattern` (mwi_glob_match on whole names) rows that it
 * names go before all others. NULL: none takes it. */
const mwi_kernel *mwi_kernel_choose(const mwi_device_desc *device, const mwi_prepare_call *call,
                                    const char *pattern);
/* The same by types alone, for calls whose shapes or data are not known. */
const mwi_kernel *mwi_kernel_by_types(const mwi_device_desc *device, const mwi_shape_call *call);
/* Whether any row of the build is named so. */
bool mwi_kernel_is_named(const mwi_device_desc *device, const char *pattern);

#endif
