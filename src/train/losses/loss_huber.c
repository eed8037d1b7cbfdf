/* train/losses/loss_huber.c - Huber: squared error near 0, absolute error beyond 1.
 * Depends: train/loss.  Used by: the list of losses only.     SPDX-License-Identifier: Apache-2.0
 */
#include "train/loss.h"

const mwi_loss_desc mwi_loss_huber = {
    .name = "huber",
    .summary = "squared error near 0, absolute beyond 1",
    .loss = MW_LOSS_HUBER,
    .op = &mwi_op_huber,
};
