/* train/losses/loss_mse.c - mean squared error.
 * Depends: train/loss.  Used by: the list of losses only.     SPDX-License-Identifier: Apache-2.0
 */
#include "train/loss.h"

const mwi_loss_desc mwi_loss_mse = {
    .name = "mse",
    .summary = "mean squared error",
    .loss = MW_LOSS_MSE,
    .op = &mwi_op_squared_error,
};
