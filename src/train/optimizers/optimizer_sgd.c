/* train/optimizers/optimizer_sgd.c - gradient descent with momentum, as it is or Nesterov's.
 * Depends: train/optimizer.  Used by: the list of optimizers only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "train/optimizer.h"

static int n_slots(const mw_train_options *options) { return options->momentum != 0; }

static void update(const mwi_update *u, size_t begin, size_t end)
{
    const float rate = u->learning_rate, momentum = (float)u->options->momentum;
    float *const w = u->value, *const m = u->slots[0];
    const float *const g = u->gradient;

    if (u->options->momentum == 0) {
        for (size_t i = begin; i < end; i++) w[i] -= rate * g[i];
        return;
    }
    for (size_t i = begin; i < end; i++) {
        m[i] = momentum * m[i] - g[i] * rate;
        w[i] += u->options->nesterov ? momentum * m[i] - g[i] * rate : m[i];
    }
}

const mwi_optimizer_desc mwi_optimizer_sgd = {
    .name = "sgd",
    .summary = "gradient descent (--momentum, --nesterov)",
    .optimizer = MW_OPTIMIZER_SGD,
    .learning_rate = 0.01,
    .n_slots = n_slots,
    .update = update,
};
