/* train/optimizer.c - the list of optimizers.
 * Depends: train/optimizer.  Used by: train/, api.     SPDX-License-Identifier: Apache-2.0 */
#include "train/optimizer.h"

#define MWI_OPTIMIZER(id) extern const mwi_optimizer_desc mwi_optimizer_##id;
#include "train/optimizers.def"
#undef MWI_OPTIMIZER

const mwi_optimizer_desc *const mwi_optimizers[] = {
#define MWI_OPTIMIZER(id) &mwi_optimizer_##id,
#include "train/optimizers.def"
#undef MWI_OPTIMIZER
    NULL,
};

const mwi_optimizer_desc *mwi_optimizer_find(int32_t number)
{
    for (const mwi_optimizer_desc *const *o = mwi_optimizers; *o != NULL; o++)
        if ((int32_t)(*o)->optimizer == number) return *o;
    return NULL;
}
