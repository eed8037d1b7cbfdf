/* devices/cpu/x86/s8_channels.h - what the 8-bit kernels need of each output channel: its weights
 * as int8, a bias that takes up the zero points, its multiplier; and the proof that 32 bits hold
 * all sums.
 * Depends: ops/fixed.  Used by: s8_layer, s8_depthwise_conv_2d.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_DEVICES_CPU_X86_S8_CHANNELS_H
#define MWI_DEVICES_CPU_X86_S8_CHANNELS_H

#include "ops/fixed.h"

/* Weight of tap t of channel c at c * channel_step + t * tap_step. */
typedef struct mwi_s8_weights {
    mw_dtype dtype; /* MW_INT8, MW_UINT8 */
    const void *data;
    size_t out_c, taps, channel_step, tap_step;
    int32_t zero;
} mwi_s8_weights;

typedef struct mwi_s8_channel {
    int32_t bias, multiplier, shift; /* shift: to the right */
} mwi_s8_channel;

/* The constant weights of input 1; `out_c` channels. */
mwi_s8_weights mwi_s8_weights_of(const mwi_view *view, size_t out_c, size_t taps,
                                 size_t channel_step, size_t tap_step);
/* Whether weights and bias are constant and quantized along `axis` or as one, and 32 bits hold
 * every sum and every step of requantization. */
bool mwi_s8_fits(const mwi_prepare_call *call, const mwi_s8_weights *weights, int32_t axis);
/* What is taken from unsigned weights to fit int8: their zero point where all fit, else 128; 0 for
 * int8. Differs from the zero point: the sum of a window's values times (move - zero) is missing
 * in the product. */
int32_t mwi_s8_move(const mwi_s8_weights *weights);
static inline int32_t mwi_s8_weight(const mwi_s8_weights *w, size_t channel, size_t tap)
{
    const size_t i = channel * w->channel_step + tap * w->tap_step;
    return w->dtype == MW_UINT8 ? ((const uint8_t *)w->data)[i] : ((const int8_t *)w->data)[i];
}
/* The bias of the product; value_zero: of values as the product sees them, unsigned. */
int32_t mwi_s8_bias(const mwi_s8_weights *weights, size_t channel, int32_t bias,
                    int32_t value_zero);
/* All of a channel's constants. */
mwi_s8_channel mwi_s8_channel_of(const mwi_s8_weights *weights, size_t channel, int32_t bias,
                                 int32_t value_zero, mwi_multiplier multiplier);

#endif
