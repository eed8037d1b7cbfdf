/* train/schedules/schedule_cosine.c - half a period of a cosine (Loshchilov, Hutter 2017).
 * Depends: train/schedule.  Used by: the list of schedules only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "train/schedule.h"

#include <math.h>

static double factor_at(double progress, double at, double factor)
{
    (void)at;
    return factor + (1 - factor) * 0.5 * (1 + cos(M_PI * progress));
}

const mwi_schedule_desc mwi_schedule_cosine = {
    .name = "cosine",
    .summary = "half a cosine from the rate to it times a factor (0)",
    .schedule = MW_SCHEDULE_COSINE,
    .factor_at = factor_at,
};
