/* train/losses/loss_binary.c - cross-entropy of a sigmoid, each value by itself.
 * Depends: train/loss.  Used by: the list of losses only.     SPDX-License-Identifier: Apache-2.0
 */
#include "train/loss.h"

/* As Keras counts: more than a half is 1, the value before the sigmoid is then more than 0. */
static uint64_t n_right(const float *scores, const void *labels, size_t n, size_t width)
{
    const float *const wanted = labels;
    uint64_t right = 0;

    for (size_t i = 0; i < n * width; i++) right += (scores[i] > 0) == (wanted[i] > 0.5f);
    return right;
}

const mwi_loss_desc mwi_loss_binary = {
    .name = "binary",
    .summary = "cross-entropy of a sigmoid, labels are 0 and 1",
    .loss = MW_LOSS_BINARY_CROSSENTROPY,
    .of_classes = true,
    .before = true,
    .n_right = n_right,
    .each = true,
    .op = &mwi_op_sigmoid_cross_entropy,
};
