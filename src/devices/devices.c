/* devices/devices.c - the list of devices, and the choice of a kernel.
 * Depends: devices/device.  Used by: runtime.   SPDX-License-Identifier: Apache-2.0 */
#include "devices/device.h"

#include <string.h>

#define MWI_DEVICE(id) extern const mwi_device_desc mwi_device_##id;
#include "devices/devices.def"
#undef MWI_DEVICE

const mwi_device_desc *const mwi_devices[] = {
#define MWI_DEVICE(id) &mwi_device_##id,
#include "devices/devices.def"
#undef MWI_DEVICE
    NULL,
};

const mwi_device_desc *mwi_device_by_name(const char *name)
{
    for (const mwi_device_desc *const *d = mwi_devices; *d != NULL; d++)
        if (strcmp((*d)->name, name) == 0) return *d;
    return NULL;
}

static bool ends_with(const char *name, const char *suffix)
{
    const size_t n = strlen(name), s = strlen(suffix);
    return s <= n && strcmp(name + n - s, suffix) == 0;
}

static bool takes(const mwi_kernel *k, const mwi_prepare_call *call, const char *suffix)
{
    if (suffix != NULL && !ends_with(k->name, suffix)) return false;
    if (!mwi_types_match(k->types, call->in, call->n_in, call->out, call->n_out)) return false;
    return k->accepts == NULL || k->accepts(call);
}

const mwi_kernel *mwi_device_choose(const mwi_device_desc *device, const mwi_prepare_call *call,
                                    const char *suffix)
{
    const uint32_t have = device->features == NULL ? 0 : device->features();
    const mwi_kernel *k = call->op->desc->kernels;

    for (const mwi_device_kernel *const *list = device->kernels; *list != NULL; list++)
        for (const mwi_device_kernel *d = *list; d->op != NULL; d++) {
            if (d->op != call->op->desc || (d->kernel.cpu_features & ~have) != 0) continue;
            if (takes(&d->kernel, call, suffix)) return &d->kernel;
        }
    for (; k != NULL && k->name != NULL; k++)
        if (takes(k, call, suffix)) return k;
    return NULL;
}
