/* ops/philox.h - Philox 4x32 with 10 rounds, the counter-based generator of TensorFlow's random
 * operators (Salmon et al., SC 2011), and what they make of its bits.
 * Depends: nothing.  Used by: RANDOM_UNIFORM and its kind.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_OPS_PHILOX_H
#define MWI_OPS_PHILOX_H

#include <math.h>
#include <stdint.h>
#include <string.h>

static inline void mwi_philox(const uint32_t key[2], const uint32_t counter[4], uint32_t out[4])
{
    uint32_t k0 = key[0], k1 = key[1];

    memcpy(out, counter, 4 * sizeof *out);
    for (int round = 0; round < 10; round++) {
        const uint64_t a = (uint64_t)0xd2511f53u * out[0], b = (uint64_t)0xcd9e8d57u * out[2];
        const uint32_t x0 = (uint32_t)(b >> 32) ^ out[1] ^ k0,
                       x2 = (uint32_t)(a >> 32) ^ out[3] ^ k1;
        out[0] = x0;
        out[1] = (uint32_t)b;
        out[2] = x2;
        out[3] = (uint32_t)a;
        k0 += 0x9e3779b9u;
        k1 += 0xbb67ae85u;
    }
}

/* Block number `block` of the stream of two seeds. */
static inline void mwi_philox_block(const int64_t seeds[2], uint64_t block, uint32_t out[4])
{
    const uint32_t key[2] = {(uint32_t)seeds[0], (uint32_t)((uint64_t)seeds[0] >> 32)};
    const uint32_t counter[4] = {(uint32_t)block, (uint32_t)(block >> 32), (uint32_t)seeds[1],
                                 (uint32_t)((uint64_t)seeds[1] >> 32)};
    mwi_philox(key, counter, out);
}

/* In [0, 1), 23 bits. */
static inline float mwi_philox_float(uint32_t x)
{
    const uint32_t bits = (127u << 23) | (x & 0x7fffffu);
    float f;

    memcpy(&f, &bits, sizeof f);
    return f - 1.0f;
}

/* In [0, 1), 52 bits. */
static inline double mwi_philox_double(uint32_t high, uint32_t low)
{
    const uint64_t bits = (uint64_t)1023 << 52 | (uint64_t)(high & 0xfffffu) << 32 | low;
    double d;

    memcpy(&d, &bits, sizeof d);
    return d - 1.0;
}

/* Two numbers of the standard normal distribution, by Box and Muller. */
static inline void mwi_philox_normal(uint32_t x, uint32_t y, float out[2])
{
    const float u = fmaxf(mwi_philox_float(x), 1.0e-7f);
    const float angle = (float)(2.0 * M_PI * (double)mwi_philox_float(y));
    const float radius = sqrtf(-2.0f * logf(u));

    out[0] = sinf(angle) * radius;
    out[1] = cosf(angle) * radius;
}

#endif
