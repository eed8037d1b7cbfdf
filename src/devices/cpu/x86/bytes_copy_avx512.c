/* devices/cpu/x86/bytes_copy_avx512.c - see bytes_copy.h.
 * Depends: nothing.  Used by: 8-bit convolutions.   SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/bytes_copy.h"

#include <immintrin.h>

static inline __mmask64 first(size_t n)
{
    return n >= 64 ? ~(__mmask64)0 : ((__mmask64)1 << n) - 1;
}

void mwi_bytes_copy(const uint8_t *in, size_t n, uint8_t flip, uint8_t *out)
{
    const __m512i f = _mm512_set1_epi8((char)flip);
    size_t i = 0;

    for (; n - i >= 64; i += 64)
        _mm512_storeu_si512(out + i, _mm512_xor_si512(_mm512_loadu_si512(in + i), f));
    const __mmask64 rest = first(n - i);
    _mm512_mask_storeu_epi8(out + i, rest,
                            _mm512_xor_si512(_mm512_maskz_loadu_epi8(rest, in + i), f));
}

void mwi_bytes_gather(const uint8_t *in, size_t n, size_t step, size_t bytes, uint8_t flip,
                      uint8_t *out)
{
    const __m512i f = _mm512_set1_epi8((char)flip);
    const __mmask64 all = first(bytes);

    if (bytes > 64) {
        for (size_t i = 0; i < n; i++) mwi_bytes_copy(in + i * step, bytes, flip, out + i * bytes);
        return;
    }
    for (size_t i = 0; i < n; i++)
        _mm512_mask_storeu_epi8(out + i * bytes, all,
                                _mm512_xor_si512(_mm512_maskz_loadu_epi8(all, in + i * step), f));
}
