/* tests/flaky.h - an allocator that fails when it was asked often enough, and counts what lives.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MW_TESTS_FLAKY_H
#define MW_TESTS_FLAKY_H

#include <milliwatt/context.h>

/* left: allocations until it fails; SIZE_MAX: never. */
typedef struct flaky {
    _Atomic size_t left, live;
} flaky;

/* `f` is borrowed as long as the allocator is used. */
mw_allocator flaky_allocator(flaky *f);

#endif
