/* train/optimizers/optimizer_adamw.c - Adam with decay of the weights apart from the gradient
 * (Loshchilov, Hutter 2019), of all trained weights as in Keras.
 * Depends: train/optimizer.  Used by: the list of optimizers only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "train/optimizer.h"

static void update(const mwi_update *u, size_t begin, size_t end)
{
    const float decay = (float)(u->options->weight_decay == 0 ? 0.004 : u->options->weight_decay);
    float *const w = u->value;

    for (size_t i = begin; i < end; i++) w[i] -= w[i] * decay * u->learning_rate;
    mwi_adam_update(u, begin, end);
}

const mwi_optimizer_desc mwi_optimizer_adamw = {
    .name = "adamw",
    .summary = "Adam with decay of the weights (--weight-decay, 0.004)",
    .optimizer = MW_OPTIMIZER_ADAMW,
    .learning_rate = 0.001,
    .n_slots = mwi_adam_slots,
    .update = update,
};
