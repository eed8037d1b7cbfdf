/* base/clock.h - monotonic time.  Depends: nothing.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_BASE_CLOCK_H
#define MWI_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t mwi_now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

#endif
