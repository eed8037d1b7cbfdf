/* base/decimal.c - decimal text to the nearest double, without the C library's locale.
 * Short numbers are one exact multiplication or division (W. D. Clinger, 1990); others go through
 * an array of digits that is shifted by powers of two, so that nothing is rounded but the result.
 * Depends: base/text.  Used by: data, programs through the API.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum {
    MAX_DIGITS = 800, /* 768 tell any two halfway points apart; what follows is `more` */
    MAX_SHIFT = 56,   /* ten times a remainder below 2^56 fits 64 bits */
    ROOM = 20,        /* digits that one shift to the left can add */
    FAR = 100000,     /* exponents beyond are as good as infinite */
};

/* 0.d[0]d[1]... * 10^point; without zeros at both ends. */
typedef struct decimal {
    uint8_t d[MAX_DIGITS + ROOM];
    int32_t n, point;
    bool more, negative; /* more: non-zero digits follow */
} decimal;

/* ---- reading ---- */

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static void add_digit(decimal *v, char c)
{
    if (v->n < MAX_DIGITS)
        v->d[v->n++] = (uint8_t)(c - '0');
    else
        v->more = v->more || c != '0';
}

static void trim(decimal *v)
{
    while (v->n > 0 && v->d[v->n - 1] == 0) v->n--;
}

/* Digits around a point; false when there is none. */
static bool read_digits(const char **at, const char *end, decimal *v)
{
    const char *p = *at;
    bool any = false, fraction = false;
    int64_t point = 0;

    for (; p < end && (is_digit(*p) || (*p == '.' && !fraction)); p++) {
        if (*p == '.') {
            fraction = true;
            continue;
        }
        any = true;
        if (v->n > 0 || *p != '0') {
            add_digit(v, *p);
            point += fraction ? 0 : 1;
        } else if (fraction) {
            point--; /* a zero between the point and the first digit */
        }
    }
    v->point = (int32_t)(point > FAR ? FAR : point < -FAR ? -FAR : point);
    *at = p;
    return any;
}

static bool read_exponent(const char **at, const char *end, decimal *v)
{
    const char *p = *at + 1;
    int32_t e = 0;

    const bool negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+')) p++;
    if (p == end || !is_digit(*p)) return false;
    for (; p < end && is_digit(*p); p++)
        if (e < FAR) e = e * 10 + (*p - '0');
    v->point += negative ? -e : e;
    *at = p;
    return true;
}

static bool read_decimal(const char *text, size_t n, decimal *v)
{
    const char *at = text, *const end = text + n;

    v->n = v->point = 0;
    v->more = false;
    v->negative = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+')) at++;
    if (!read_digits(&at, end, v)) return false;
    if (at < end && (*at == 'e' || *at == 'E') && !read_exponent(&at, end, v)) return false;
    trim(v);
    return at == end;
}

/* ---- shifting ---- */

/* v / 2^by. */
static void shift_right(decimal *v, unsigned by)
{
    const uint64_t mask = ((uint64_t)1 << by) - 1;
    uint64_t rest = 0;
    int32_t from = 0, n = 0;

    while (rest >> by == 0 && (from < v->n || rest != 0)) {
        rest = rest * 10 + (from < v->n ? v->d[from] : 0u);
        from++;
    }
    v->point -= from - 1;
    while (from <= v->n || rest != 0) {
        const uint8_t digit = (uint8_t)(rest >> by);
        rest &= mask;
        if (n < MAX_DIGITS)
            v->d[n++] = digit; /* n <= from: read already */
        else
            v->more = v->more || digit != 0;
        if (from >= v->n && rest == 0) break;
        rest = rest * 10 + (from < v->n ? v->d[from] : 0u);
        from++;
    }
    v->n = n;
    trim(v);
}

/* v * 2^by. */
static void shift_left(decimal *v, unsigned by)
{
    uint8_t all[MAX_DIGITS + ROOM];
    int32_t at = v->n + ROOM;
    uint64_t carry = 0;

    for (int32_t i = v->n; i-- > 0;) {
        carry += (uint64_t)v->d[i] << by;
        all[--at] = (uint8_t)(carry % 10);
        carry /= 10;
    }
    for (; carry != 0; carry /= 10) all[--at] = (uint8_t)(carry % 10);
    const int32_t n = v->n + ROOM - at;
    v->point += n - v->n;
    for (int32_t i = MAX_DIGITS; i < n; i++) v->more = v->more || all[at + i] != 0;
    v->n = n < MAX_DIGITS ? n : MAX_DIGITS;
    memcpy(v->d, all + at, (size_t)v->n);
    trim(v);
}

/* v * 2^by, any way. */
static void scale(decimal *v, int32_t by)
{
    for (; by > 0; by -= by < MAX_SHIFT ? by : MAX_SHIFT)
        shift_left(v, (unsigned)(by < MAX_SHIFT ? by : MAX_SHIFT));
    for (; by < 0; by += -by < MAX_SHIFT ? -by : MAX_SHIFT)
        shift_right(v, (unsigned)(-by < MAX_SHIFT ? -by : MAX_SHIFT));
}

/* ---- rounding ---- */

/* To the nearest integer, halves to even; v is below 2^54. */
static uint64_t rounded(const decimal *v)
{
    uint64_t out = 0;

    if (v->point < 0) return 0;
    for (int32_t i = 0; i < v->point; i++) out = out * 10 + (i < v->n ? v->d[i] : 0u);
    if (v->point >= v->n) return out;
    const bool exact_half = v->d[v->point] == 5 && v->point + 1 == v->n && !v->more;
    return out + (exact_half ? out & 1 : v->d[v->point] >= 5);
}

static double by_shifts(decimal *v)
{
    int32_t exponent = 0;

    if (v->point > 310) return (double)INFINITY;
    if (v->point < -330) return 0;
    /* Into [1/2, 1), by steps that never pass it by more than one power of ten. */
    while (v->point > 0) {
        const int32_t by = v->point >= 17 ? MAX_SHIFT : 3 * v->point;
        scale(v, -by);
        exponent += by;
    }
    while (v->point < 0 || v->d[0] < 5) {
        const int32_t by = v->point <= -17 ? MAX_SHIFT : v->point < 0 ? -3 * v->point : 1;
        scale(v, by);
        exponent -= by;
    }
    /* value = v * 2^exponent; 53 bits, fewer below the smallest normal number. */
    const int32_t bits =
        exponent >= DBL_MIN_EXP ? DBL_MANT_DIG : DBL_MANT_DIG - (DBL_MIN_EXP - exponent);
    scale(v, bits);
    return ldexp((double)rounded(v), exponent - bits);
}

static bool by_one_operation(const decimal *v, double *out)
{
    static const double tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                  1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                  1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    const int32_t power = v->point - v->n;
    uint64_t whole = 0;

    if (FLT_EVAL_METHOD != 0 || v->n > 15 || power < -22 || power > 22) return false;
    for (int32_t i = 0; i < v->n; i++) whole = whole * 10 + v->d[i];
    *out = power < 0 ? (double)whole / tens[-power] : (double)whole * tens[power];
    return true;
}

bool mwi_text_to_double(const char *text, size_t n, double *out)
{
    decimal v;
    double value = 0;

    if (!read_decimal(text, n, &v)) return false;
    if (v.n > 0 && !by_one_operation(&v, &value)) value = by_shifts(&v);
    if (!isfinite(value)) return false;
    *out = v.negative ? -value : value;
    return true;
}
