/* devices/devices.c - the list of devices.
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
