/* devices/cpu/x86/s8_dense_avx512vnni.c - a fully connected layer's rows on vpdpbusd. Few rows and
 * many weights: each weight is read once for up to four rows, and two sums a channel hide the
 * latency of a single row. Results are scaled in double precision, as the reference's are.
 * Depends: s8_tile_avx512.  Used by: s8_fully_connected.   SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/s8_tile_avx512.h"

/* Half away from zero, as round(). */
MWI_INLINE __m512d round_half_away(__m512d v)
{
    const __m512d cut = _mm512_roundscale_pd(v, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
    const __mmask8 up =
        _mm512_cmp_pd_mask(_mm512_abs_pd(_mm512_sub_pd(v, cut)), _mm512_set1_pd(0.5), _CMP_GE_OQ);
    const __m512d one = _mm512_castsi512_pd(
        _mm512_or_si512(_mm512_and_si512(_mm512_castpd_si512(v), _mm512_set1_epi64(INT64_MIN)),
                        _mm512_castpd_si512(_mm512_set1_pd(1.0))));

    return _mm512_mask_add_pd(cut, up, cut, one);
}

MWI_INLINE __m256i scale8(__m256i sum, const double *scale)
{
    const __m512d most = _mm512_set1_pd(1e9), least = _mm512_set1_pd(-1e9);
    const __m512d v =
        round_half_away(_mm512_mul_pd(_mm512_cvtepi32_pd(sum), _mm512_loadu_pd(scale)));

    return _mm512_cvttpd_epi32(_mm512_min_pd(_mm512_max_pd(v, least), most));
}

MWI_INLINE __m512i scale16(__m512i sum, const double *scale)
{
    const __m256i low = scale8(_mm512_castsi512_si256(sum), scale);
    const __m256i high = scale8(_mm512_extracti64x4_epi64(sum, 1), scale + 8);

    return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}

/* M rows times N vectors of channels; one segment. */
MWI_INLINE void run_tile(const mwi_tile *t, const int M, const int N)
{
    const mwi_s8_layer *const l = t->layer;
    const mwi_requant_block *const k = l->constants + t->channel / MWI_S8_LANES;
    const mwi_tile_bounds b = mwi_tile_bounds_of(l);
    const __m512i sign = _mm512_set1_epi8((char)(l->flip ? 0x80 : 0));
    const size_t quads = l->segment_bytes / 4;
    const int8_t *w = t->weights;
    __m512i acc[4][4], more[4][4];
    size_t q = 0;

#pragma GCC unroll 4
    for (int m = 0; m < M; m++)
#pragma GCC unroll 4
        for (int n = 0; n < N; n++) {
            acc[m][n] =
                _mm512_add_epi32(_mm512_set1_epi32(t->sums[m]), _mm512_loadu_si512(k[n].bias));
            more[m][n] = _mm512_setzero_si512();
        }
    for (; q + 1 < quads; q += 2, w += 2 * N * 64)
#pragma GCC unroll 4
        for (int m = 0; m < M; m++) {
            const __m512i x0 = _mm512_xor_si512(mwi_broadcast4(t->pixels[m] + 4 * q), sign);
            const __m512i x1 = _mm512_xor_si512(mwi_broadcast4(t->pixels[m] + 4 * q + 4), sign);
#pragma GCC unroll 4
            for (int n = 0; n < N; n++) {
                acc[m][n] = _mm512_dpbusd_epi32(acc[m][n], x0, _mm512_load_si512(w + n * 64));
                more[m][n] =
                    _mm512_dpbusd_epi32(more[m][n], x1, _mm512_load_si512(w + (N + n) * 64));
            }
        }
    for (; q < quads; q++, w += N * 64)
#pragma GCC unroll 4
        for (int m = 0; m < M; m++) {
            const __m512i x = _mm512_xor_si512(mwi_broadcast4(t->pixels[m] + 4 * q), sign);
#pragma GCC unroll 4
            for (int n = 0; n < N; n++)
                acc[m][n] = _mm512_dpbusd_epi32(acc[m][n], x, _mm512_load_si512(w + n * 64));
        }
#pragma GCC unroll 4
    for (int m = 0; m < M; m++) {
        __m512i y[4] = {_mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512(),
                        _mm512_setzero_si512()};
#pragma GCC unroll 4
        for (int n = 0; n < N; n++)
            y[n] = scale16(_mm512_add_epi32(acc[m][n], more[m][n]),
                           l->scales + t->channel + (size_t)n * MWI_S8_LANES);
        if (N == 4)
            mwi_tile_store_packed(t, m, N, &b, y);
        else
            mwi_tile_store_single(t, m, N, &b, y);
    }
}

#define ROWS(N)                                                                                    \
    static size_t rows_##N(mwi_tile *t, size_t n)                                                  \
    {                                                                                              \
        if (n >= 4) {                                                                              \
            run_tile(t, 4, N);                                                                     \
            return 4;                                                                              \
        }                                                                                          \
        run_tile(t, 1, N);                                                                         \
        return 1;                                                                                  \
    }
ROWS(1)
ROWS(2)
ROWS(4)

void mwi_s8_dense_run(const mwi_s8_layer *l, const uint8_t *const *rows, const int32_t *sums,
                      size_t n, size_t block, uint8_t *out)
{
    const size_t end =
        (block + 1) * MWI_S8_BLOCK < l->out_c ? (block + 1) * MWI_S8_BLOCK : l->out_c;

    for (size_t c = block * MWI_S8_BLOCK, width; c < end; c += width) {
        width = mwi_s8_block_width(l->out_c, c);
        for (size_t i = 0; i < n;) {
            mwi_tile t = {.layer = l,
                          .pixels = rows + i,
                          .sums = sums + i,
                          .weights = l->weights + c * l->segment_bytes,
                          .channel = c,
                          .out = out + i * l->out_c + c};
            i += width == 64   ? rows_4(&t, n - i)
                 : width == 32 ? rows_2(&t, n - i)
                               : rows_1(&t, n - i);
        }
    }
}
