/* ops/fixed16.c - see fixed16.h.
 * Depends: ops/fixed (rounding shift).  Used by: ops/lstm_cell.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/fixed16.h"

#include "ops/fixed.h"

enum { ONE = 32767 }; /* 1 in Q0 */

static int16_t high_mul(int16_t a, int16_t b)
{
    if (a == INT16_MIN && b == INT16_MIN) return INT16_MAX;
    const int32_t ab = (int32_t)a * b, nudge = ab >= 0 ? 1 << 14 : 1 - (1 << 14);
    return (int16_t)((ab + nudge) / (1 << 15));
}

/* x * 2^exponent, saturated. */
static int16_t shift_saturated(int16_t x, int exponent)
{
    const int32_t threshold = (1 << (15 - exponent)) - 1;
    if (x > threshold) return INT16_MAX;
    if (x < -threshold) return INT16_MIN;
    return (int16_t)(x * (1 << exponent));
}

/* A constant given in 32 bits, rounded to 16. */
static int16_t constant(int32_t value) { return (int16_t)mwi_round_shift(value, 16); }

/* exp on [-1/4, 0), Q0: Taylor's polynomial around -1/8. */
static int16_t exp_quarter(int16_t a)
{
    const int16_t at_centre = constant(1895147668),
                  third = constant(715827883); /* exp(-1/8), 1/3 */
    const int16_t x = (int16_t)(a + (1 << 12));
    const int16_t x2 = high_mul(x, x), x3 = high_mul(x2, x), x4 = high_mul(x2, x2);
    const int16_t x4_over_4 = (int16_t)mwi_round_shift(x4, 2);
    const int16_t sum = (int16_t)(high_mul((int16_t)(x4_over_4 + x3), third) + x2);
    const int16_t rest = (int16_t)mwi_round_shift(sum, 1);
    return (int16_t)mwi_clamp(at_centre + high_mul(at_centre, (int16_t)(x + rest)), INT16_MIN,
                              INT16_MAX);
}

/* exp(a) for a <= 0 in Q(integer_bits); result Q0. */
static int16_t exp_negative(int16_t a, int integer_bits)
{
    /* exp(-2^exponent) for the powers of two that a is made of. */
    static const int32_t factors[] = {1672461947, 1302514674, 790015084, 290630308,
                                      39332535,   720401,     242};
    const int fraction_bits = 15 - integer_bits;
    const int16_t quarter = (int16_t)(1 << (fraction_bits - 2));
    const int16_t rest = (int16_t)((a & (quarter - 1)) - quarter);
    const int32_t remainder = rest - a;
    int16_t result;

    if (a == 0) return ONE;
    if (integer_bits > 5 && a < -(1 << (fraction_bits + 5))) return 0;
    result = exp_quarter(integer_bits == 0 ? rest : shift_saturated(rest, integer_bits));
    for (int exponent = -2; exponent <= 4 && exponent < integer_bits; exponent++)
        if ((remainder & (1 << (fraction_bits + exponent))) != 0)
            result = high_mul(result, constant(factors[exponent + 2]));
    return result;
}

/* 2 / (1 + a) in Q2 for a in [0, 1] Q0: three steps of Newton-Raphson. */
static int16_t two_over_one_plus(int16_t a)
{
    const int16_t half_denominator = (int16_t)((a + ONE + 1) / 2);
    int16_t x = (int16_t)(constant(1515870810) +
                          high_mul(half_denominator, constant(-1010580540))); /* 48/17, -32/17 */

    for (int i = 0; i < 3; i++) {
        const int16_t error = (int16_t)((1 << 13) - high_mul(half_denominator, x));
        x = (int16_t)(x + shift_saturated(high_mul(x, error), 2));
    }
    return x;
}

int16_t mwi_logistic16(int16_t a, int integer_bits)
{
    if (a == 0) return 1 << 14;
    const int16_t e = exp_negative((int16_t)(a > 0 ? -a : a), integer_bits);
    const int16_t positive = shift_saturated(two_over_one_plus(e), 1);
    return (int16_t)(a > 0 ? positive : ONE - positive);
}

int16_t mwi_tanh16(int16_t a, int integer_bits)
{
    if (a == 0) return 0;
    /* (1 - e) / (1 + e), e = exp(-2|a|): doubling the argument is one integer bit more. */
    const int16_t e = exp_negative((int16_t)(a > 0 ? -a : a), integer_bits + 1);
    const int16_t t = shift_saturated((int16_t)(two_over_one_plus(e) - (1 << 13)), 2);
    return (int16_t)(a > 0 ? t : -t);
}
