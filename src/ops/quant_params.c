/* ops/quant_params.c - see quant_params.h.     SPDX-License-Identifier: Apache-2.0 */
#include "ops/quant_params.h"

#include <math.h>

void mwi_quant_range(mw_dtype dtype, int32_t *low, int32_t *high)
{
    const unsigned bits = mw_dtype_bits(dtype);
    const bool is_unsigned = dtype == MW_UINT8 || dtype == MW_UINT16;

    *low = is_unsigned ? 0 : -(1 << (bits - 1));
    *high = is_unsigned ? (1 << bits) - 1 : (1 << (bits - 1)) - 1;
}

mwi_params mwi_params_from_range(mw_dtype dtype, bool symmetric, double min, double max)
{
    const double low = fmin(min, 0), high = fmax(max, 0);
    int32_t qmin, qmax;

    mwi_quant_range(dtype, &qmin, &qmax);
    if (symmetric || dtype == MW_INT16) {
        const double scale = fmax(-low, high) / qmax;
        return (mwi_params){(float)scale < 1e-30f ? 1.0f : (float)scale, 0};
    }
    const float scale = (float)((high - low) / (qmax - qmin));
    /* A tensor that was constant zero: any scale holds it. A smaller one would overflow
     * multipliers. */
    if (scale < 1e-30f) return (mwi_params){1.0f, qmin};
    const double zero = qmin - low / (double)scale;
    return (mwi_params){scale, zero < qmin ? qmin : zero > qmax ? qmax : (int32_t)round(zero)};
}

int32_t mwi_quantize_one(float x, mwi_params p, int32_t low, int32_t high)
{
    const float q = roundf(x / p.scale) + (float)p.zero_point;
    return q <= (float)low ? low : q >= (float)high ? high : (int32_t)q;
}
