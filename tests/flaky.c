/* tests/flaky.c - see flaky.h.   SPDX-License-Identifier: Apache-2.0 */
#include "flaky.h"

#include <stdatomic.h>
#include <stdlib.h>

static void *flaky_alloc(void *self, size_t bytes, size_t align)
{
    flaky *const f = self;
    void *ptr = NULL;

    if (atomic_load(&f->left) == 0) return NULL;
    atomic_fetch_sub(&f->left, 1);
    if (posix_memalign(&ptr, align < sizeof ptr ? sizeof ptr : align, bytes) != 0) return NULL;
    atomic_fetch_add(&f->live, 1);
    return ptr;
}

static void flaky_free(void *self, void *ptr, size_t bytes)
{
    (void)bytes;
    atomic_fetch_sub(&((flaky *)self)->live, 1);
    free(ptr);
}

mw_allocator flaky_allocator(flaky *f)
{
    return (mw_allocator){.alloc = flaky_alloc, .free = flaky_free, .self = f};
}
