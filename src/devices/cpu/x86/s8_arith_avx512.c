/* devices/cpu/x86/s8_arith_avx512.c - rows of ADD, SUB and MUL of 8-bit values, 16 at once, in
 * ops/add.c's, sub.c's and mul.c's arithmetic.
 * Depends: s8_arith.  Used by: the kernels of this folder.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/s8_arith.h"

#include <immintrin.h>
#include <math.h>

#define MWI_INLINE static inline __attribute__((always_inline))

enum { LANES = 16 };
#define MARGIN 0x1p-9f
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
    bool is_fine;              /* the same in floats errs by less than MARGIN */
    __m512 float_a, float_b;
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

/* Sums in floats are off by the roundings of both inputs (one part in 2^20 of their scales each),
 * of the output (a part in 2^12 of its unit) and of four float operations below 2^12: together
 * less than MARGIN when the conditions hold. */
static void set_floats(constants *k, const mwi_arith *s, action what)
{
    const double unit = ldexp(real(s->out), s->left_shift);
    const double a = real(s->a) * unit, b = real(s->b) * unit;

    if (what == MUL) return;
    k->is_fine = a <= 8 && b <= 8 && real(s->out) <= 0x1p-12;
    k->float_a = _mm512_set1_ps((float)a);
    k->float_b = _mm512_set1_ps((float)(what == ADD ? b : -b));
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
    if (what == MUL) return scale(_mm512_mullo_epi32(x, y), &k->out);
    const __m512i a = scaled(x, k->left, &k->a, k->a_is_half),
                  b = scaled(y, k->left, &k->b, k->b_is_half);
    return scale(what == ADD ? _mm512_add_epi32(a, b) : _mm512_sub_epi32(a, b), &k->out);
}

/* In floats, where no lane lies so near to a half that their errors could matter. */
MWI_INLINE __m512i result(const constants *k, __m512i x, __m512i y, const action what)
{
    if (what == MUL || !k->is_fine) return exact(k, x, y, what);
    const __m512 v = _mm512_fmadd_ps(_mm512_cvtepi32_ps(x), k->float_a,
                                     _mm512_mul_ps(_mm512_cvtepi32_ps(y), k->float_b));
    const __m512 r = _mm512_roundscale_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    const __mmask16 near_half = _mm512_cmp_ps_mask(_mm512_abs_ps(_mm512_sub_ps(v, r)),
                                                   _mm512_set1_ps(0.5f - MARGIN), _CMP_GT_OQ);

    return __builtin_expect(near_half == 0, 1) ? _mm512_cvtps_epi32(r) : exact(k, x, y, what);
}

MWI_INLINE void run_row(const mwi_arith *s, const uint8_t *a, size_t step_a, const uint8_t *b,
                        size_t step_b, uint8_t *out, size_t n, const action what,
                        const bool is_signed)
{
    const constants k = constants_of(s, what);

    for (size_t i = 0; i < n; i += LANES) {
        const __mmask16 some = (__mmask16)(n - i >= LANES ? 0xffff : (1u << (n - i)) - 1);
        const __m512i x = _mm512_sub_epi32(load(a, step_a, i, some, is_signed), k.zero_a);
        const __m512i y = _mm512_sub_epi32(load(b, step_b, i, some, is_signed), k.zero_b);
        __m512i v = _mm512_add_epi32(result(&k, x, y, what), k.zero_out);
        v = _mm512_min_epi32(_mm512_max_epi32(v, k.low), k.high);
        if (n - i >= LANES)
            _mm_storeu_si128((__m128i *)(void *)(out + i), _mm512_cvtepi32_epi8(v));
        else
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
