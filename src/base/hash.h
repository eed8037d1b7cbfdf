/* base/hash.h - a checksum that is the same on every machine: FNV-1a, 64 bits (Fowler, Noll, Vo).
 * Against accidents, not against enemies.
 * Depends: nothing.  Used by: train.     SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_BASE_HASH_H
#define MWI_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define MWI_HASH_START UINT64_C(0xcbf29ce484222325)

static inline uint64_t mwi_hash(uint64_t hash, const void *bytes, size_t n)
{
    const uint8_t *const p = bytes;

    for (size_t i = 0; i < n; i++) hash = (hash ^ p[i]) * UINT64_C(0x100000001b3);
    return hash;
}

#endif
