/* devices/cpu/x86/s8_channels.c - see s8_channels.h.
 * Depends: ops/fixed.  Used by: s8_layer, s8_depthwise_conv_2d.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/s8_channels.h"
#include "devices/cpu/x86/requant.h"
#include "devices/cpu/x86/s8_pack.h"

#include <math.h>

mwi_s8_weights mwi_s8_weights_of(const mwi_view *view, size_t out_c, size_t taps,
                                 size_t channel_step, size_t tap_step)
{
    return (mwi_s8_weights){.dtype = view->dtype,
                            .data = view->data,
                            .out_c = out_c,
                            .taps = taps,
                            .channel_step = channel_step,
                            .tap_step = tap_step,
                            .zero = mwi_is_quantized(view) ? (int32_t)view->quant->q.zero_points[0]
                                                           : 0};
}

/* Of a channel: the sum of weights less their zero point, and of what they are without sign. */
static void sums_of(const mwi_s8_weights *w, size_t channel, int64_t *sum, int64_t *size)
{
    const uint8_t flip = w->dtype == MW_INT8 ? 0x80 : 0;
    const uint8_t zero = (uint8_t)((uint8_t)w->zero ^ flip);
    uint64_t all, far;

    *sum = *size = 0;
    if (w->tap_step == 1) {
        mwi_s8_sums((const uint8_t *)w->data + channel * w->channel_step, w->taps, flip, zero, &all,
                    &far);
        *sum = (int64_t)all - (int64_t)zero * (int64_t)w->taps;
        *size = (int64_t)far;
        return;
    }
    for (size_t t = 0; t < w->taps; t++) {
        const int32_t v = mwi_s8_weight(w, channel, t) - w->zero;
        *sum += v;
        *size += v < 0 ? -v : v;
    }
}

/* No sum of the channel is as large as this; values have 8 bits. 0: all weights are zero. */
static int64_t bound_of(const mwi_s8_weights *w, size_t channel, int64_t bias)
{
    int64_t sum, size;

    sums_of(w, channel, &sum, &size);
    return size == 0 ? 0 : 255 * size + (bias < 0 ? -bias : bias);
}

bool mwi_s8_fits(const mwi_prepare_call *call, const mwi_s8_weights *w, int32_t axis)
{
    const mwi_view *const f = &call->in[1];
    const mwi_view *const bias = call->n_in > 2 && call->in[2].tensor != NULL ? &call->in[2] : NULL;

    if (f->data == NULL || (bias != NULL && bias->data == NULL)) return false;
    if (!mwi_is_quantized(f) || !mwi_is_quantized(&call->in[0]) || !mwi_is_quantized(&call->out[0]))
        return false;
    const mw_quantization *const q = &f->quant->q;
    if (q->n_scales != 1 && (q->n_scales != w->out_c || q->axis != axis || w->dtype == MW_UINT8))
        return false;
    const double ratio =
        (double)call->in[0].quant->q.scales[0] / (double)call->out[0].quant->q.scales[0];
    for (size_t c = 0; c < w->out_c; c++) {
        const size_t k = q->n_scales > 1 ? c : 0;
        const double scale = (double)q->scales[k] * ratio;
        const int64_t bound = bound_of(w, c, bias == NULL ? 0 : ((const int32_t *)bias->data)[c]);
        int shift;
        if (!(scale < 0.999)) return false; /* else it shifts to the left */
        if (w->dtype == MW_INT8 && q->zero_points[k] != 0) return false;
        if (scale <= 0 || bound == 0) continue;
        (void)frexp(scale, &shift);
        /* Scaling makes a sum no larger; half of the shift's unit is added to it. */
        if (bound + ((int64_t)1 << (shift < -31 ? 31 : -shift)) / 2 >= INT32_MAX) return false;
    }
    return true;
}

int32_t mwi_s8_move(const mwi_s8_weights *w)
{
    uint8_t least, largest;

    if (w->dtype == MW_INT8) return 0;
    mwi_s8_range(w->data, w->out_c * w->taps, &least, &largest);
    return least - w->zero < -128 || largest - w->zero > 127 ? 128 : w->zero;
}

int32_t mwi_s8_bias(const mwi_s8_weights *w, size_t channel, int32_t bias, int32_t value_zero)
{
    int64_t sum, size;

    sums_of(w, channel, &sum, &size);
    return (int32_t)((uint32_t)bias - (uint32_t)value_zero * (uint32_t)sum);
}

/* sum (x - zx)(w - zw) = sum x(w - move) + (move - zw) sum x - zx sum (w - zw) */
mwi_s8_channel mwi_s8_channel_of(const mwi_s8_weights *w, size_t channel, int32_t bias,
                                 int32_t value_zero, mwi_multiplier multiplier)
{
    int64_t sum, size;

    sums_of(w, channel, &sum, &size);
    if (size != 0)
        return (mwi_s8_channel){(int32_t)((uint32_t)bias - (uint32_t)value_zero * (uint32_t)sum),
                                multiplier.multiplier, -multiplier.shift};
    /* Converters give dead channels huge biases and tiny scales: the same result, smaller. With
     * moved weights the sum of values and their zero point still cancel. */
    return (mwi_s8_channel){2 * mwi_scale(bias, multiplier), 1 << 30, 0};
}

void mwi_requant_block_set(mwi_requant_block *b, int i, int32_t bias, int32_t multiplier,
                           int32_t shift)
{
    const int at = i / 2 + (i % 2) * 8;

    b->bias[i] = bias;
    b->multiplier[i] = multiplier;
    b->shift[i] = shift;
    b->half[i] = (int32_t)((1u << shift) >> 1);
    b->add[at] = ((int64_t)1 << 30) + ((int64_t)b->half[i] << 31);
    b->shift64[at] = 31 + shift;
}
