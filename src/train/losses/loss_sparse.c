/* train/losses/loss_sparse.c - cross-entropy of a softmax with class numbers.
 * Depends: train/loss.  Used by: the list of losses only.     SPDX-License-Identifier: Apache-2.0
 */
#include "train/loss.h"

static uint64_t n_right(const float *scores, const void *labels, size_t n, size_t width)
{
    const int32_t *const classes = labels;
    uint64_t right = 0;

    for (size_t i = 0; i < n; i++)
        right += mwi_first_largest(scores + i * width, width) == (size_t)classes[i];
    return right;
}

const mwi_loss_desc mwi_loss_sparse = {
    .name = "sparse",
    .summary = "cross-entropy of a softmax, labels are class numbers",
    .loss = MW_LOSS_SPARSE_CATEGORICAL_CROSSENTROPY,
    .class_numbers = true,
    .of_classes = true,
    .before = true,
    .n_right = n_right,
    .op = &mwi_op_softmax_cross_entropy,
};
