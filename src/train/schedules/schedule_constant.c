/* train/schedules/schedule_constant.c - the rate stays.
 * Depends: train/schedule.  Used by: the list of schedules only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "train/schedule.h"

static double factor_at(double progress, double at, double factor)
{
    (void)progress, (void)at, (void)factor;
    return 1;
}

const mwi_schedule_desc mwi_schedule_constant = {
    .name = "constant",
    .summary = "the rate stays",
    .schedule = MW_SCHEDULE_CONSTANT,
    .factor_at = factor_at,
};
