/* train/optimizers/optimizer_adam.c - Adam (Kingma, Ba 2015) as Keras computes it: the corrections
 * of both moments in one factor of the rate.
 * Depends: train/optimizer.  Used by: the list of optimizers, optimizer_adamw.
 * SPDX-License-Identifier: Apache-2.0 */
#include "train/optimizer.h"

#include <math.h>

/* Keras subtracts from 1 in double precision, and rounds then. */
static const float BETA_1 = 0.9f, BETA_2 = 0.999f, EPSILON = 1e-7f;
static const float REST_1 = (float)(1 - 0.9), REST_2 = (float)(1 - 0.999);

int mwi_adam_slots(const mw_train_options *options)
{
    (void)options;
    return 2;
}

void mwi_adam_update(const mwi_update *u, size_t begin, size_t end)
{
    const float power_1 = (float)pow((double)BETA_1, (double)u->step);
    const float power_2 = (float)pow((double)BETA_2, (double)u->step);
    const float rate = u->learning_rate * sqrtf(1 - power_2) / (1 - power_1);
    float *const w = u->value, *const m = u->slots[0], *const v = u->slots[1];
    const float *const g = u->gradient;

    for (size_t i = begin; i < end; i++) {
        m[i] += (g[i] - m[i]) * REST_1;
        v[i] += (g[i] * g[i] - v[i]) * REST_2;
        w[i] -= m[i] * rate / (sqrtf(v[i]) + EPSILON);
    }
}

const mwi_optimizer_desc mwi_optimizer_adam = {
    .name = "adam",
    .summary = "moments of the gradient and of its square",
    .optimizer = MW_OPTIMIZER_ADAM,
    .learning_rate = 0.001,
    .n_slots = mwi_adam_slots,
    .update = mwi_adam_update,
};
