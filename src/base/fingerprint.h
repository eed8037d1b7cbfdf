/* base/fingerprint.h - FarmHash's Fingerprint64: a hash of bytes that is the same on all machines
 * and never changes. Not for tables that outsiders fill: its collisions are easy to make.
 * Depends: nothing.  Used by: operators that hash.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_BASE_FINGERPRINT_H
#define MWI_BASE_FINGERPRINT_H

#include <stddef.h>
#include <stdint.h>

uint64_t mwi_fingerprint64(const void *bytes, size_t n);

#endif
