/* devices/cpu/x86/s8_layer.c - what 8-bit layers need before they run: proof that sums fit, packed
 * weights, biases that take up zero points.
 * Depends: ops/fixed.  Used by: the kernels of this folder.   SPDX-License-Identifier: Apache-2.0
 */
#include "devices/cpu/x86/s8_layer.h"

#include "base/checked.h"

#include <math.h>
#include <string.h>

/* A channel's sums lie below this: values are 8 bits wide. */
static int64_t bound_of(const mwi_view *w, size_t channel, size_t taps, int32_t zero, int64_t bias)
{
    int64_t sum = 0;

    for (size_t i = channel * taps; i < (channel + 1) * taps; i++) {
        const int32_t v = w->dtype == MW_UINT8 ? ((const uint8_t *)w->data)[i] - zero
                                               : ((const int8_t *)w->data)[i];
        sum += v < 0 ? -v : v;
    }
    return sum == 0 ? 0 : 255 * sum + (bias < 0 ? -bias : bias);
}

bool mwi_s8_layer_fits(const mwi_prepare_call *call, size_t taps)
{
    const mwi_view *const w = &call->in[1];
    const mwi_view *const bias = call->n_in > 2 && call->in[2].tensor != NULL ? &call->in[2] : NULL;
    const size_t out_c = (size_t)w->dims[0];

    if (w->data == NULL || (bias != NULL && bias->data == NULL)) return false;
    if (!mwi_is_quantized(w) || !mwi_is_quantized(&call->in[0]) || !mwi_is_quantized(&call->out[0]))
        return false;
    const mw_quantization *const q = &w->quant->q;
    if (q->n_scales != 1 && q->n_scales != out_c) return false;
    const double ratio =
        (double)call->in[0].quant->q.scales[0] / (double)call->out[0].quant->q.scales[0];
    for (size_t c = 0; c < out_c; c++) {
        const size_t k = q->n_scales > 1 ? c : 0;
        const double scale = (double)q->scales[k] * ratio;
        const int64_t bound = bound_of(w, c, taps, (int32_t)q->zero_points[0],
                                       bias == NULL ? 0 : ((const int32_t *)bias->data)[c]);
        int shift;
        if (!(scale < 0.999) || (w->dtype == MW_INT8 && q->zero_points[k] != 0)) return false;
        if (scale <= 0 || bound == 0) continue;
        (void)frexp(scale, &shift);
        /* Scaling makes a sum no larger; half of the shift's unit is added to it. */
        if (bound + ((int64_t)1 << (shift < -31 ? 31 : -shift)) / 2 >= INT32_MAX) return false;
    }
    return true;
}

static int32_t weight_at(const mwi_s8_source *s, size_t i)
{
    return s->dtype == MW_UINT8 ? ((const uint8_t *)s->weights)[i]
                                : ((const int8_t *)s->weights)[i];
}

/* By how much unsigned weights are moved to fit int8: their zero point where all fit, else 128. */
static int32_t weight_shift(const mwi_s8_source *s, size_t n)
{
    const int32_t zero = s->rq->weight_zero;

    if (s->dtype == MW_INT8) return 0;
    for (size_t i = 0; i < n; i++) {
        const int32_t w = weight_at(s, i) - zero;
        if (w < -128 || w > 127) return 128;
    }
    return zero;
}

static void pack(const mwi_s8_source *s, int32_t move, int8_t *out)
{
    const size_t taps = s->n_segments * s->segment_bytes, quads = (s->segment_bytes + 3) / 4;
    const size_t padded_c = (s->out_c + MWI_S8_LANES - 1) / MWI_S8_LANES * MWI_S8_LANES;

    for (size_t c0 = 0; c0 < padded_c; c0 += MWI_S8_BLOCK) {
        const size_t width = padded_c - c0 < MWI_S8_BLOCK ? padded_c - c0 : MWI_S8_BLOCK;
        for (size_t seg = 0; seg < s->n_segments; seg++)
            for (size_t q = 0; q < quads; q++)
                for (size_t c = c0; c < c0 + width; c++)
                    for (size_t k = 4 * q; k < 4 * q + 4; k++)
                        *out++ =
                            c < s->out_c && k < s->segment_bytes
                                ? (int8_t)(weight_at(s, c * taps + seg * s->segment_bytes + k) -
                                           move)
                                : 0;
    }
}

static bool is_zero(const mwi_s8_source *s, size_t channel, size_t taps)
{
    for (size_t k = 0; k < taps; k++)
        if (weight_at(s, channel * taps + k) != s->rq->weight_zero) return false;
    return true;
}

mw_status mwi_s8_layer_make(mw_ctx *ctx, mwi_arena *arena, const mwi_s8_source *s,
                            mwi_s8_layer *out)
{
    const size_t taps = s->n_segments * s->segment_bytes, quads = (s->segment_bytes + 3) / 4;
    const size_t padded_c = (s->out_c + MWI_S8_LANES - 1) / MWI_S8_LANES * MWI_S8_LANES;
    const int32_t move = weight_shift(s, taps * s->out_c);
    const int32_t value_zero = s->rq->in_zero + (s->dtype == MW_INT8 ? 128 : 0);
    void *weights, *numbers;

    MWI_TRY(mwi_arena_alloc(ctx, arena, padded_c * s->n_segments * quads * 4, &weights));
    MWI_TRY(mwi_arena_alloc(ctx, arena, padded_c * 3 * sizeof(int32_t), &numbers));
    pack(s, move, weights);
    int32_t *const bias = numbers, *const multiplier = bias + padded_c,
                   *const shift = multiplier + padded_c;
    memset(numbers, 0, padded_c * 3 * sizeof(int32_t));
    /* sum (x - zx)(w - zw) = sum x(w - move) + (move - zw) sum x - zx sum (w - zw) */
    for (size_t c = 0; c < s->out_c; c++) {
        int32_t sum = 0;
        for (size_t k = 0; k < taps; k++) sum += weight_at(s, c * taps + k) - s->rq->weight_zero;
        bias[c] = (s->bias == NULL ? 0 : s->bias[c]) - value_zero * sum;
        multiplier[c] = s->rq->channels[c].multiplier;
        shift[c] = -s->rq->channels[c].shift;
        if (!is_zero(s, c, taps)) continue;
        /* Converters give dead channels huge biases and tiny scales: the same result, smaller. */
        bias[c] = 2 * mwi_scale(bias[c], s->rq->channels[c]);
        multiplier[c] = 1 << 30;
        shift[c] = 0;
    }
    *out = (mwi_s8_layer){.weights = weights,
                          .bias = bias,
                          .multiplier = multiplier,
                          .shift = shift,
                          .n_segments = s->n_segments,
                          .segment_bytes = s->segment_bytes,
                          .out_c = s->out_c,
                          .out_zero = s->rq->out_zero,
                          .low = s->rq->low,
                          .high = s->rq->high,
                          .sum_factor = s->dtype == MW_UINT8 ? move - s->rq->weight_zero : 0,
                          .flip = s->flip};
    return MW_OK;
}
