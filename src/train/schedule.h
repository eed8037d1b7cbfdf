/* train/schedule.h - the learning rate over a run: a row each (schedules.def).
 * Depends: base/.  Used by: train/, api.     SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_TRAIN_SCHEDULE_H
#define MWI_TRAIN_SCHEDULE_H

#include <milliwatt/train.h>

#include "base/ctx.h"

typedef struct mwi_schedule_desc {
    const char *name; /* as typed */
    const char *summary;
    mw_schedule schedule;
    double at, factor; /* in place of the options' zeros */
    /* Of the base rate, at `progress` from 0 to 1 of the run's samples. */
    double (*factor_at)(double progress, double at, double factor);
} mwi_schedule_desc;

extern const mwi_schedule_desc *const mwi_schedules[];      /* schedules.def, ends with NULL */
const mwi_schedule_desc *mwi_schedule_find(int32_t number); /* NULL: none */

/* The factor at a step with the warm-up: of its n steps step k has (k + 1) / n. */
double mwi_schedule_factor(const mw_train_options *options, double progress, uint64_t step);

#endif
