/* ops/dot.h - dot products in forms that compilers turn into vector code.
 * Depends: nothing.  Used by: ops/.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_OPS_DOT_H
#define MWI_OPS_DOT_H

#include <stddef.h>
#include <stdint.h>

/* Sixteen sums side by side, added in a fixed order: the same on every machine. */
static inline float mwi_dot_f32(const float *a, const float *b, size_t n)
{
    float lanes[16] = {0};
    size_t i = 0;

    for (; i + 16 <= n; i += 16)
        for (size_t k = 0; k < 16; k++) lanes[k] += a[i + k] * b[i + k];
    for (size_t k = 0; i + k < n; k++) lanes[k] += a[i + k] * b[i + k];
    for (size_t half = 8; half > 0; half /= 2)
        for (size_t k = 0; k < half; k++) lanes[k] += lanes[k + half];
    return lanes[0];
}

/* Wraps at 32 bits. */
static inline int32_t mwi_dot_s16_s8(const int16_t *a, const int8_t *b, size_t n)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < n; i++) sum += (uint32_t)((int32_t)a[i] * b[i]);
    return (int32_t)sum;
}

static inline int32_t mwi_dot_s8(const int8_t *a, const int8_t *b, size_t n)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < n; i++) sum += (uint32_t)((int32_t)a[i] * b[i]);
    return (int32_t)sum;
}

#endif
