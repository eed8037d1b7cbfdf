/* train/run_options.c - options of a run: defaults, and what is refused.
 * Depends: train/run.  Used by: train/trainer.     SPDX-License-Identifier: Apache-2.0 */
#include "train/run.h"
#include "train/schedule.h"

#include <math.h>

/* Numbers that must lie in a range. `open`: high itself is not allowed. */
static mw_status check_numbers(mw_ctx *ctx, const mw_train_options *o)
{
    const struct {
        const char *name;
        double value, low, high;
    } numbers[] = {
        {"the learning rate", o->learning_rate, 0, 1e6},
        {"momentum", o->momentum, 0, 1},
        {"the weight decay", o->weight_decay, 0, 1e6},
        {"L1", o->l1, 0, 1e6},
        {"L2", o->l2, 0, 1e6},
        {"the label smoothing", o->label_smoothing, 0, 1},
        {"the schedule's place", o->schedule_at, 0, 1},
        {"the schedule's factor", o->schedule_factor, 0, 1e6},
        {"the clipping norm", o->clip_norm, 0, 1e30},
        {"the global clipping norm", o->clip_global_norm, 0, 1e30},
        {"the clipping value", o->clip_value, 0, 1e30},
        {"the validation split", o->validation_split, 0, 0.999999},
    };

    for (size_t i = 0; i < MWI_COUNT(numbers); i++)
        if (!(numbers[i].value >= numbers[i].low && numbers[i].value <= numbers[i].high))
            return mwi_fail(ctx, MW_EINVAL, "%s is %g, allowed %g to %g", numbers[i].name,
                            numbers[i].value, numbers[i].low, numbers[i].high);
    return mwi_augment_check(ctx, &o->augment);
}

/* Options that would do nothing, or exclude each other. */
static mw_status check_pairs(mw_ctx *ctx, const mw_train_options *o)
{
    const bool sgd = o->optimizer == MW_OPTIMIZER_SGD;

    if ((o->clip_norm > 0) + (o->clip_global_norm > 0) + (o->clip_value > 0) > 1)
        return mwi_fail(ctx, MW_EINVAL,
                        "gradients are clipped in one way: by value, norm or global norm");
    if ((o->momentum > 0 || o->nesterov) && !sgd)
        return mwi_fail(ctx, MW_EINVAL, "momentum belongs to the optimizer sgd");
    if (o->nesterov && o->momentum == 0)
        return mwi_fail(ctx, MW_EINVAL, "nesterov does nothing without momentum");
    if (o->weight_decay > 0 && o->optimizer != MW_OPTIMIZER_ADAMW)
        return mwi_fail(ctx, MW_EINVAL, "weight decay belongs to the optimizer adamw");
    if (o->resume && o->checkpoint == NULL)
        return mwi_fail(ctx, MW_EINVAL, "resuming takes the name of a checkpoint");
    return MW_OK;
}

mw_status mwi_trainer_set_options(mw_ctx *ctx, mw_trainer *t, const mw_train_options *options)
{
    mw_train_options *const o = &t->options;

    *o = *options;
    if (o->epochs == 0) o->epochs = 1;
    if (o->batch == 0) o->batch = 32;
    if (o->n_threads == 0) o->n_threads = 1;
    t->optimizer = mwi_optimizer_find(o->optimizer);
    if (t->optimizer == NULL)
        return mwi_fail(ctx, MW_EINVAL, "there is no optimizer %d", o->optimizer);
    if (mwi_schedule_find(o->schedule) == NULL)
        return mwi_fail(ctx, MW_EINVAL, "there is no schedule %d", o->schedule);
    if (o->learning_rate == 0) o->learning_rate = t->optimizer->learning_rate;
    MWI_TRY(check_numbers(ctx, o));
    return check_pairs(ctx, o);
}
