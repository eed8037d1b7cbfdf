/* train/losses/loss_categorical.c - cross-entropy of a softmax with shares of all classes.
 * Depends: train/loss.  Used by: the list of losses only.     SPDX-License-Identifier: Apache-2.0
 */
#include "train/loss.h"

static uint64_t n_right(const float *scores, const void *labels, size_t n, size_t width)
{
    const float *const shares = labels;
    uint64_t right = 0;

    for (size_t i = 0; i < n; i++)
        right += mwi_first_largest(scores + i * width, width) ==
                 mwi_first_largest(shares + i * width, width);
    return right;
}

const mwi_loss_desc mwi_loss_categorical = {
    .name = "categorical",
    .summary = "cross-entropy of a softmax, labels are one-hot",
    .loss = MW_LOSS_CATEGORICAL_CROSSENTROPY,
    .of_classes = true,
    .before = true,
    .n_right = n_right,
    .op = &mwi_op_softmax_cross_entropy,
};
