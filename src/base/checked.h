/* base/checked.h - arithmetic on sizes that come from outside: false on overflow, *out untouched.
 * Depends: nothing.  Used by: everything that touches a file.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_BASE_CHECKED_H
#define MWI_BASE_CHECKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool mwi_add(size_t a, size_t b, size_t *out)
{
    size_t r;
    if (__builtin_add_overflow(a, b, &r)) return false;
    *out = r;
    return true;
}

static inline bool mwi_mul(size_t a, size_t b, size_t *out)
{
    size_t r;
    if (__builtin_mul_overflow(a, b, &r)) return false;
    *out = r;
    return true;
}

/* Rounds up to a power of two; false on overflow. */
static inline bool mwi_align_up(size_t a, size_t align, size_t *out)
{
    size_t r;
    if (!mwi_add(a, align - 1, &r)) return false;
    *out = r & ~(align - 1);
    return true;
}

#endif
