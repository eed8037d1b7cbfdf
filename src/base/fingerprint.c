/* base/fingerprint.c - see fingerprint.h. Written from the description of FarmHash (Pike, 2014),
 * the 64-bit function without special instructions. Lengths up to 16, 32, 64 and above have ways of
 * their own; all end in one mixing step of two words.
 * Depends: base/reader.  Used by: operators that hash.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/fingerprint.h"

#include "base/reader.h"

/* Primes between 2^63 and 2^64, by the description. */
static const uint64_t K0 = 0xc3a5c85c97cb3127u, K1 = 0xb492b66fbe98f273u, K2 = 0x9ae16a3b2f90404fu;

static uint64_t turn(uint64_t v, unsigned right) { return v >> right | v << (64 - right); }
static uint64_t fold(uint64_t v) { return v ^ v >> 47; }

static uint64_t mix(uint64_t u, uint64_t v, uint64_t by)
{
    const uint64_t a = fold((u ^ v) * by);
    return fold((v ^ a) * by) * by;
}

static uint64_t up_to_16(const uint8_t *s, size_t n)
{
    const uint64_t by = K2 + 2 * (uint64_t)n;

    if (n >= 8) {
        const uint64_t a = mwi_le64(s) + K2, b = mwi_le64(s + n - 8);
        return mix(turn(b, 37) * by + a, (turn(a, 25) + b) * by, by);
    }
    if (n >= 4) return mix(n + ((uint64_t)mwi_le32(s) << 3), mwi_le32(s + n - 4), by);
    if (n == 0) return K2;
    const uint32_t y = s[0] + ((uint32_t)s[n / 2] << 8),
                   z = (uint32_t)n + ((uint32_t)s[n - 1] << 2);
    return fold(y * K2 ^ z * K0) * K2;
}

/* Two words of four, of which the description multiplies some before. */
typedef struct pair {
    uint64_t first, second;
} pair;

static pair halve(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t add)
{
    return (pair){turn(a + b, 43) + turn(c, 30) + d, a + turn(b + add, 18) + c};
}

static uint64_t up_to_32(const uint8_t *s, size_t n)
{
    const uint64_t by = K2 + 2 * (uint64_t)n;
    const pair p = halve(mwi_le64(s) * K1, mwi_le64(s + 8), mwi_le64(s + n - 8) * by,
                         mwi_le64(s + n - 16) * K2, K2);
    return mix(p.first, p.second, by);
}

static uint64_t up_to_64(const uint8_t *s, size_t n)
{
    const uint64_t by = K2 + 2 * (uint64_t)n, a = mwi_le64(s) * K2;
    const pair p =
        halve(a, mwi_le64(s + 8), mwi_le64(s + n - 8) * by, mwi_le64(s + n - 16) * K2, K2);
    const uint64_t z = mix(p.first, p.second, by);
    const pair q = halve(mwi_le64(s + 16) * by, mwi_le64(s + 24),
                         (p.first + mwi_le64(s + n - 32)) * by, (z + mwi_le64(s + n - 24)) * by, a);
    return mix(q.first, q.second, by);
}

/* 32 bytes into two words. */
static pair absorb(const uint8_t *s, uint64_t a, uint64_t b)
{
    const uint64_t last = mwi_le64(s + 24);

    a += mwi_le64(s);
    b = turn(b + a + last, 21);
    const uint64_t first = a;
    a += mwi_le64(s + 8) + mwi_le64(s + 16);
    return (pair){a + last, b + turn(a, 44) + first};
}

typedef struct state {
    uint64_t x, y, z;
    pair v, w;
} state;

/* 64 bytes; `by` is K1 but for the last block, `weight` 1 but for that. */
static void step(state *t, const uint8_t *s, uint64_t by, uint64_t weight)
{
    uint64_t x = turn(t->x + t->y + t->v.first + mwi_le64(s + 8), 37) * by;
    uint64_t y = turn(t->y + t->v.second + mwi_le64(s + 48), 42) * by;

    x ^= t->w.second * weight;
    y += t->v.first * weight + mwi_le64(s + 40);
    const uint64_t z = turn(t->z + t->w.first, 33) * by;
    t->v = absorb(s, t->v.second * by, x + t->w.first);
    t->w = absorb(s + 32, z + t->w.second, y + mwi_le64(s + 16));
    t->x = z; /* x and z change places */
    t->y = y;
    t->z = x;
}

static uint64_t above_64(const uint8_t *s, size_t n)
{
    enum { SEED = 81, ADD = 113 };
    const size_t rest = (n - 1) % 64, blocks = (n - 1) / 64;
    state t = {.x = SEED * K2 + mwi_le64(s), .y = SEED * K1 + ADD};

    t.z = fold(t.y * K2 + ADD) * K2;
    for (size_t i = 0; i < blocks; i++) step(&t, s + 64 * i, K1, 1);
    const uint64_t by = K1 + ((t.z & 0xff) << 1);
    t.w.first += rest;
    t.v.first += t.w.first;
    t.w.first += t.v.first;
    step(&t, s + n - 64, by, 9);
    return mix(mix(t.v.first, t.w.first, by) + fold(t.y) * K0 + t.z,
               mix(t.v.second, t.w.second, by) + t.x, by);
}

uint64_t mwi_fingerprint64(const void *bytes, size_t n)
{
    return n <= 16   ? up_to_16(bytes, n)
           : n <= 32 ? up_to_32(bytes, n)
           : n <= 64 ? up_to_64(bytes, n)
                     : above_64(bytes, n);
}
