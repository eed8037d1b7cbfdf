/* base/rng.h - seeded random numbers, the same on every machine.
 * SplitMix64 (Steele, Lea, Flood 2014).  Depends: nothing.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_BASE_RNG_H
#define MWI_BASE_RNG_H

#include <stdint.h>

typedef struct mwi_rng {
    uint64_t state;
} mwi_rng;

static inline uint64_t mwi_rng_next(mwi_rng *rng)
{
    uint64_t z = (rng->state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* In [0, 1), 53 bits. */
static inline double mwi_rng_uniform(mwi_rng *rng)
{
    return (double)(mwi_rng_next(rng) >> 11) * 0x1p-53;
}

/* In [0, n); n > 0. Bias below 2^-32 for n below 2^32. The high half of the 128-bit product, from
 * halves of 32 bits. */
static inline uint64_t mwi_rng_below(mwi_rng *rng, uint64_t n)
{
    const uint64_t x = mwi_rng_next(rng), low32 = 0xffffffffu;
    const uint64_t x0 = x & low32, x1 = x >> 32, n0 = n & low32, n1 = n >> 32;
    const uint64_t a = x1 * n0 + (x0 * n0 >> 32), b = x0 * n1 + (a & low32);
    return x1 * n1 + (a >> 32) + (b >> 32);
}

#endif
