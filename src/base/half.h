/* base/half.h - IEEE 754 binary16 and bfloat16 by bit operations, exact on every machine.
 * Depends: nothing.  Used by: data, ops, formats.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_BASE_HALF_H
#define MWI_BASE_HALF_H

#include <stdint.h>
#include <string.h>

static inline float mwi_half_to_float(uint16_t h)
{
    const uint32_t sign = (uint32_t)(h & 0x8000u) << 16;
    uint32_t exponent = (h >> 10) & 0x1fu, mantissa = h & 0x3ffu, bits;
    float f;

    if (exponent == 0x1f) {
        bits = sign | 0x7f800000u | mantissa << 13;
    } else if (exponent != 0) {
        bits = sign | (exponent + 112) << 23 | mantissa << 13;
    } else if (mantissa == 0) {
        bits = sign;
    } else { /* subnormal: shift the leading one to its place */
        exponent = 113;
        while ((mantissa & 0x400u) == 0) {
            mantissa <<= 1;
            exponent--;
        }
        bits = sign | exponent << 23 | (mantissa & 0x3ffu) << 13;
    }
    memcpy(&f, &bits, sizeof f);
    return f;
}

/* Rounds to nearest, ties to even; overflow becomes infinity. */
static inline uint16_t mwi_float_to_half(float f)
{
    uint32_t bits;

    memcpy(&bits, &f, sizeof bits);
    const uint16_t sign = (uint16_t)(bits >> 16 & 0x8000u);
    const uint32_t magnitude = bits & 0x7fffffffu;
    if (magnitude > 0x7f800000u) return (uint16_t)(sign | 0x7e00u | (magnitude >> 13 & 0x3ffu));
    if (magnitude >= 0x47800000u) return (uint16_t)(sign | 0x7c00u);
    if (magnitude < 0x33000000u)
        return sign; /* below half of the least subnormal; 2^-25 itself ties to 0 */
    const int32_t exponent = (int32_t)(magnitude >> 23) - 112;
    const uint32_t mantissa = (magnitude & 0x7fffffu) | 0x800000u;
    const uint32_t shift = exponent > 0 ? 13 : (uint32_t)(14 - exponent);
    const uint32_t kept =
        exponent > 0 ? (uint32_t)exponent << 10 | (magnitude >> 13 & 0x3ffu) : mantissa >> shift;
    const uint32_t rest = mantissa & ((1u << shift) - 1), half = 1u << (shift - 1);
    return (uint16_t)(sign | (kept + (rest > half || (rest == half && (kept & 1) != 0))));
}

static inline float mwi_bfloat_to_float(uint16_t b)
{
    const uint32_t bits = (uint32_t)b << 16;
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

#endif
