/* train/schedule.c - the list of schedules, and the warm-up that all of them can have.
 * Depends: train/schedule.  Used by: train/, api.     SPDX-License-Identifier: Apache-2.0 */
#include "train/schedule.h"

#define MWI_SCHEDULE(id) extern const mwi_schedule_desc mwi_schedule_##id;
#include "train/schedules.def"
#undef MWI_SCHEDULE

const mwi_schedule_desc *const mwi_schedules[] = {
#define MWI_SCHEDULE(id) &mwi_schedule_##id,
#include "train/schedules.def"
#undef MWI_SCHEDULE
    NULL,
};

const mwi_schedule_desc *mwi_schedule_find(int32_t number)
{
    for (const mwi_schedule_desc *const *s = mwi_schedules; *s != NULL; s++)
        if ((int32_t)(*s)->schedule == number) return *s;
    return NULL;
}

double mwi_schedule_factor(const mw_train_options *o, double progress, uint64_t step)
{
    const mwi_schedule_desc *const s = mwi_schedule_find(o->schedule);
    const double at = o->schedule_at == 0 ? s->at : o->schedule_at;
    const double factor = o->schedule_factor == 0 ? s->factor : o->schedule_factor;
    const double rise = step < o->warmup_steps ? (double)(step + 1) / (double)o->warmup_steps : 1.0;

    return rise * s->factor_at(progress, at, factor);
}
