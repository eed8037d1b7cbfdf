/* devices/cpu/x86/bytes_copy.h - rows of 8-bit values on their way into a padded area.
 * Depends: nothing.  Used by: 8-bit convolutions.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_DEVICES_CPU_X86_BYTES_COPY_H
#define MWI_DEVICES_CPU_X86_BYTES_COPY_H

#include <stddef.h>
#include <stdint.h>

/* Copies n bytes, each xor-ed with `flip`. */
void mwi_bytes_copy(const uint8_t *in, size_t n, uint8_t flip, uint8_t *out);
/* n pieces of `bytes` bytes, `step` apart at in, beside each other at out. */
void mwi_bytes_gather(const uint8_t *in, size_t n, size_t step, size_t bytes, uint8_t flip,
                      uint8_t *out);

#endif
