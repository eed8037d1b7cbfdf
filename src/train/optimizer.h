/* train/optimizer.h - how weights follow their gradients: a row each (optimizers.def). Formulas and
 * their order of operations in float32 are Keras's.
 * Depends: base/.  Used by: train/, api.     SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_TRAIN_OPTIMIZER_H
#define MWI_TRAIN_OPTIMIZER_H

#include <milliwatt/train.h>

#include "base/ctx.h"

enum { MWI_OPTIMIZER_SLOTS = 2 };

/* One weight at one step. */
typedef struct mwi_update {
    float *value;
    const float *gradient;
    float *slots[MWI_OPTIMIZER_SLOTS]; /* as many as the row has; zero before step 1 */
    float learning_rate;
    uint64_t step; /* from 1 */
    const mw_train_options *options;
} mwi_update;

typedef struct mwi_optimizer_desc {
    const char *name; /* as typed */
    const char *summary;
    mw_optimizer optimizer;
    double learning_rate; /* Keras's default */
    int (*n_slots)(const mw_train_options *options);
    /* Elements [begin, end): each depends on itself alone. */
    void (*update)(const mwi_update *update, size_t begin, size_t end);
} mwi_optimizer_desc;

extern const mwi_optimizer_desc *const mwi_optimizers[];      /* optimizers.def, ends with NULL */
const mwi_optimizer_desc *mwi_optimizer_find(int32_t number); /* NULL: none */

/* Adam's step, which AdamW has too. */
void mwi_adam_update(const mwi_update *update, size_t begin, size_t end);
int mwi_adam_slots(const mw_train_options *options);

#endif
