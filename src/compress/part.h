/* compress/part.h - what mw_train's options add to a run, a row each (parts.def).
 * Depends: train/trainer.  Used by: compress/, api/train.c.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_COMPRESS_PART_H
#define MWI_COMPRESS_PART_H

#include "train/trainer.h"

typedef struct mwi_part_call {
    const mw_model *model;
    mw_dataset *train;
    const mw_train_options *options;
} mwi_part_call;

typedef struct mwi_part_desc {
    const char *name; /* in checkpoints and messages */
    bool (*wanted)(const mw_train_options *options);
    /* Fills functions and `self`, which is owned: close takes it, also after a failure if it is not
     * NULL. Fails as mw_train does. */
    mw_status (*open)(mw_ctx *ctx, const mwi_part_call *call, mwi_train_part *out);
    void (*close)(mw_ctx *ctx, void *self);
} mwi_part_desc;

extern const mwi_part_desc *const mwi_parts[]; /* parts.def, in the order in which they act */

/* mw_train: the parts that are wanted, and the run. */
MW_MUST_USE mw_status mwi_train_with_parts(mw_ctx *ctx, const mwi_part_call *call,
                                           mw_dataset *validation, mw_model **out_model,
                                           mw_train_report *out_report);

#endif
