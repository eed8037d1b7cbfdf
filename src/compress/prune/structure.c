/* compress/prune/structure.c - see structure.h.     SPDX-License-Identifier: Apache-2.0 */
#include "compress/prune/structure.h"

#include <math.h>

const mwi_structure_desc mwi_structures[] = {
#define MWI_STRUCTURE(id, name, block_out, block_in, keep, of, summary)                            \
    {id, name, block_out, block_in, keep, of, summary},
#include "compress/prune/structures.def"
#undef MWI_STRUCTURE
    {.name = NULL},
};

const mwi_structure_desc *mwi_structure_find(int32_t number)
{
    for (const mwi_structure_desc *s = mwi_structures; s->name != NULL; s++)
        if ((int32_t)s->structure == number) return s;
    return NULL;
}

static double constant(const mw_prune_options *o, double share)
{
    (void)share;
    return o->sparsity;
}

static double polynomial(const mw_prune_options *o, double share)
{
    const double left = pow(1 - share, o->power > 0 ? o->power : 3);
    return o->sparsity + (o->initial_sparsity - o->sparsity) * left;
}

const mwi_prune_schedule_desc mwi_prune_schedules[] = {
    {MW_PRUNE_CONSTANT, "constant", "the whole sparsity from the begin step on", constant},
    {MW_PRUNE_POLYNOMIAL, "polynomial", "fast at first, slower towards the end step", polynomial},
    {.name = NULL},
};

const mwi_prune_schedule_desc *mwi_prune_schedule_find(int32_t number)
{
    for (const mwi_prune_schedule_desc *s = mwi_prune_schedules; s->name != NULL; s++)
        if ((int32_t)s->schedule == number) return s;
    return NULL;
}
