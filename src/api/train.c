/* api/train.c - mw_train: options that are parts of a run become parts.
 * Depends: train/, compress/.  Used by: programs.   SPDX-License-Identifier: Apache-2.0 */
#include "train/trainer.h"

mw_status mw_train(mw_ctx *ctx, const mw_model *model, mw_dataset *train, mw_dataset *validation,
                   const mw_train_options *options, mw_model **out_model,
                   mw_train_report *out_report)
{
    mwi_enter(ctx);
    return mwi_train(ctx, model, train, validation, options, NULL, 0, out_model, out_report);
}
