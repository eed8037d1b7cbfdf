/* devices/cpu/x86/s8_arith_avx512.c - rows of ADD, SUB and MUL of 8-bit values, 16 at once, in
 * ops/add.c's, sub.c's and mul.c's arithmetic.
 * Depends: s8_arith.  Used by: the kernels of this folder.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/s8_arith.h"

#include <immintrin.h>
#include <math.h>

#define MWI_INLINE static inline __attribute__((always_inline))

enum { LANES = 16 };
typedef enum action { ADD, SUB, MUL } action;

/* A multiplier that does not shift to the left. */
typedef struct factor {
    __m512i multiplier, half; /* half: 2^(shift-1), 0 for 0 */
    __m128i shift;
    __mmask16 shifts; /* none or all */
} factor;

/* What all values of a row share. */
typedef struct constants {
    factor a, b, out;
    __m512i zero_a, zero_b, zero_out, low, high;
    __m128i left;              /* shift of differences from zero points; ADD and SUB */
    bool a_is_half, b_is_half; /* the multiplier is 1/2: a shift less */
    bool is_fine;              /* the same in floats errs by less than the margin */
    __m512 float_a, float_b, float_c, half_less_margin; /* a x + b y + c of values as they lie */
} constants;

static factor factor_of(mwi_multiplier m)
{
    const int32_t shift = -m.shift;

    return (factor){.multiplier = _mm512_set1_epi32(m.multiplier),
                    .half = _mm512_set1_epi32(shift > 0 ? 1 << (shift - 1) : 0),
                    .shift = _mm_cvtsi32_si128(shift),
                    .shifts = shift > 0 ? 0xffff : 0};
}

/* ops/fixed.h's mwi_scale: the high half of the doubled product, rounded; then the shift, halves
 * away from zero. */
MWI_INLINE __m512i scale(__m512i v, const factor *f)
{
    const __m512i nudge = _mm512_set1_epi64(1 << 30);
    const __m512i even = _mm512_add_epi64(_mm512_mul_epi32(v, f->multiplier), nudge);
    const __m512i odd =
        _mm512_add_epi64(_mm512_mul_epi32(_mm512_srli_epi64(v, 32), f->multiplier), nudge);
    const __m512i high =
        _mm512_mask_blend_epi32(0xaaaa, _mm512_srli_epi64(even, 31), _mm512_slli_epi64(odd, 1));
    const __m512i sign = _mm512_maskz_srai_epi32(f->shifts, high, 31);

    return _mm512_sra_epi32(_mm512_add_epi32(_mm512_add_epi32(high, sign), f->half), f->shift);
}

static bool is_half(mwi_multiplier m) { return m.multiplier == 1 << 30 && m.shift == 0; }

static double real(mwi_multiplier m) { return ldexp((double)m.multiplier, m.shift - 31); }

/* By how much sums in floats are off: the roundings of both inputs and twice that of the output,
 * in its unit, and seven roundings of floats that are no larger than `most`. */
static void set_floats(constants *k, const mwi_arith *s, action what)
{
    const double unit = ldexp(real(s->out), s->left_shift);
    const double a = real(s->a) * unit, b = real(s->b) * unit * (what == ADD ? 1 : -1);
    const double c = s->zero_out - a * s->zero_a - b * s->zero_b;
    const double most = 256 * (fabs(a) + fabs(b)) + fabs(c);
    const double margin = 2 * real(s->out) + ldexp(1, s->out.shift) + 8 * ldexp(most, -24);

    k->is_fine = what != MUL && margin < 0x1p-6 && most < 16384;
    k->float_a = _mm512_set1_ps((float)a);
    k->float_b = _mm512_set1_ps((float)b);
    k->float_c = _mm512_set1_ps((float)c);
    k->half_less_margin = _mm512_set1_ps((float)(0.5 - margin));
}

static constants constants_of(const mwi_arith *s, action what)
{
    constants k = {.a = factor_of(s->a),
                   .b = factor_of(s->b),
                   .out = factor_of(s->out),
                   .zero_a = _mm512_set1_epi32(s->zero_a),
                   .zero_b = _mm512_set1_epi32(s->zero_b),
                   .zero_out = _mm512_set1_epi32(s->zero_out),
                   .low = _mm512_set1_epi32(s->low),
                   .high = _mm512_set1_epi32(s->high),
                   .left = _mm_cvtsi32_si128(s->left_shift),
                   .a_is_half = is_half(s->a),
                   .b_is_half = is_half(s->b)};

    set_floats(&k, s, what);
    return k;
}

MWI_INLINE __m512i load(const uint8_t *p, size_t step, size_t i, __mmask16 some, bool is_signed)
{
    const __m128i v = step == 0 ? _mm_set1_epi8((char)*p) : _mm_maskz_loadu_epi8(some, p + i);
    return is_signed ? _mm512_cvtepi8_epi32(v) : _mm512_cvtepu8_epi32(v);
}

/* mwi_scale of a difference shifted to the left. */
MWI_INLINE __m512i scaled(__m512i v, __m128i left, const factor *f, bool half)
{
    const __m512i shifted = _mm512_sll_epi32(v, left);
    return half ? _mm512_srai_epi32(shifted, 1) : scale(shifted, f);
}

MWI_INLINE __m512i exact(const constants *k, __m512i x, __m512i y, const action what)
{
    const __m512i a = _mm512_sub_epi32(x, k->zero_a), b = _mm512_sub_epi32(y, k->zero_b);
    __m512i v;

    if (what == MUL) {
        v = _mm512_mullo_epi32(a, b);
    } else {
        const __m512i as = scaled(a, k->left, &k->a, k->a_is_half);
        const __m512i bs = scaled(b, k->left, &k->b, k->b_is_half);
        v = what == ADD ? _mm512_add_epi32(as, bs) : _mm512_sub_epi32(as, bs);
    }
    return _mm512_add_epi32(scale(v, &k->out), k->zero_out);
}

/* In floats, where no lane lies so near to a half that their errors could matter. */
MWI_INLINE __m512i fine(const constants *k, __m512i x, __m512i y, const action what)
{
    const __m512 v =
        _mm512_fmadd_ps(_mm512_cvtepi32_ps(x), k->float_a,
                        _mm512_fmadd_ps(_mm512_cvtepi32_ps(y), k->float_b, k->float_c));
    const __m512 r = _mm512_roundscale_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    const __mmask16 near_half =
        _mm512_cmp_ps_mask(_mm512_abs_ps(_mm512_sub_ps(v, r)), k->half_less_margin, _CMP_GT_OQ);

    return __builtin_expect(near_half == 0, 1) ? _mm512_cvtps_epi32(r) : exact(k, x, y, what);
}

/* 64 values, whose results fit 16 bits. */
MWI_INLINE void fine64(const constants *k, const uint8_t *a, const uint8_t *b, uint8_t *out,
                       const action what, const bool is_signed)
{
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const __m512i low = _mm512_broadcastb_epi8(_mm512_castsi512_si128(k->low)),
                  high = _mm512_broadcastb_epi8(_mm512_castsi512_si128(k->high));
    __m512i v[4];

#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++)
        v[i] = fine(k, load(a, 1, i * LANES, 0xffff, is_signed),
                    load(b, 1, i * LANES, 0xffff, is_signed), what);
    const __m512i left = _mm512_packs_epi32(v[0], v[1]), right = _mm512_packs_epi32(v[2], v[3]);
    const __m512i bytes =
        is_signed ? _mm512_packs_epi16(left, right) : _mm512_packus_epi16(left, right);
    const __m512i all = _mm512_permutexvar_epi32(order, bytes);
    const __m512i held = is_signed ? _mm512_min_epi8(_mm512_max_epi8(all, low), high)
                                   : _mm512_min_epu8(_mm512_max_epu8(all, low), high);

    _mm512_storeu_si512(out, held);
}

MWI_INLINE void run_row(const mwi_arith *s, const uint8_t *a, size_t step_a, const uint8_t *b,
                        size_t step_b, uint8_t *out, size_t n, const action what,
                        const bool is_signed)
{
    const constants k = constants_of(s, what);
    size_t i = 0;

    if (k.is_fine && step_a == 1 && step_b == 1)
        for (; i + 64 <= n; i += 64) fine64(&k, a + i, b + i, out + i, what, is_signed);
    for (; i < n; i += LANES) {
        const __mmask16 some = (__mmask16)(n - i >= LANES ? 0xffff : (1u << (n - i)) - 1);
        const __m512i x = load(a, step_a, i, some, is_signed);
        const __m512i y = load(b, step_b, i, some, is_signed);
        __m512i v = k.is_fine ? fine(&k, x, y, what) : exact(&k, x, y, what);
        v = _mm512_min_epi32(_mm512_max_epi32(v, k.low), k.high);
        _mm_mask_storeu_epi8(out + i, some, _mm512_cvtepi32_epi8(v));
    }
}

#define ROW(name, what, is_signed)                                                                 \
    void name(const void *s, const void *a, size_t step_a, const void *b, size_t step_b,           \
              void *out, size_t n)                                                                 \
    {                                                                                              \
        run_row(s, a, step_a, b, step_b, out, n, what, is_signed);                                 \
    }
ROW(mwi_s8_add_row, ADD, true)
ROW(mwi_u8_add_row, ADD, false)
ROW(mwi_s8_sub_row, SUB, true)
ROW(mwi_u8_sub_row, SUB, false)
ROW(mwi_s8_mul_row, MUL, true)
ROW(mwi_u8_mul_row, MUL, false)
