/* train/schedules/schedule_step.c - one fall to a lower rate.
 * Depends: train/schedule.  Used by: the list of schedules only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "train/schedule.h"

static double factor_at(double progress, double at, double factor)
{
    return progress < at ? 1 : factor;
}

const mwi_schedule_desc mwi_schedule_step = {
    .name = "step",
    .summary = "times a factor (0.1) from a share of the run on (2/3)",
    .schedule = MW_SCHEDULE_STEP,
    .at = 2.0 / 3.0,
    .factor = 0.1,
    .factor_at = factor_at,
};
