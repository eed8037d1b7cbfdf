/* api/train.c - mw_train.
 * Depends: compress/part.  Used by: programs.   SPDX-License-Identifier: Apache-2.0 */
#include "compress/part.h"

mw_status mw_train(mw_ctx *ctx, const mw_model *model, mw_dataset *train, mw_dataset *validation,
                   const mw_train_options *options, mw_model **out_model,
                   mw_train_report *out_report)
{
    const mwi_part_call call = {.model = model, .train = train, .options = options};

    mwi_enter(ctx);
    return mwi_train_with_parts(ctx, &call, validation, out_model, out_report);
}
