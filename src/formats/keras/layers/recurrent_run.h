/* formats/keras/layers/recurrent_run.h - the run of a recurrent layer, for its two lowerings: steps
 * written out one after another, and a loop whose body has some of them written out.
 * Depends: layers/recurrent.  Used by: layers/recurrent_run, layers/recurrent_loop.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_FORMATS_KERAS_LAYERS_RECURRENT_RUN_H
#define MWI_FORMATS_KERAS_LAYERS_RECURRENT_RUN_H

#include "formats/keras/layers/recurrent.h"

typedef struct mwi_recurrence {
    mwi_keras_cell cell;
    const mwi_keras_layer *outer;
    int32_t n_steps;   /* of the input */
    int32_t n_in_hand; /* those that are written out */
    int32_t *steps;    /* in hand: inputs, then results */
    int32_t *masks;    /* of each step in hand [batch, 1, ...]; NULL: all count */
    int32_t states[MWI_KERAS_MAX_STATES];    /* -1: all zero */
    int32_t variables[MWI_KERAS_MAX_STATES]; /* of a stateful layer */
    int32_t last, sequence; /* the last step's result (-1: none yet), and all of them */
    bool turned;            /* the steps in hand run from the last to the first */
    bool backwards, sequences, return_state, time_major, zero_masked, stateful;
} mwi_recurrence;

/* Opens the cell, whose constants go into the build's present graph; states are the call's. */
MW_MUST_USE mw_status mwi_recurrence_open(mwi_keras_call *call, mwi_recurrence *run);
/* What all gates get from x, [batch, steps, ...]; the shape of results is known then. */
MW_MUST_USE mw_status mwi_recurrence_project(mwi_keras_call *call, mwi_recurrence *run, int32_t x,
                                             int32_t *out);
/* A stateful layer begins with the states that its last run ended with, unless it is called with
 * others. */
MW_MUST_USE mw_status mwi_recurrence_read_variables(mwi_keras_call *call, mwi_recurrence *run);
/* The steps in hand, of a projected input and a mask [batch, steps] (-1: all count). */
MW_MUST_USE mw_status mwi_recurrence_steps(mwi_keras_call *call, mwi_recurrence *run, int32_t x,
                                           int32_t mask);
/* Their results as [batch, steps, ...]. */
MW_MUST_USE mw_status mwi_recurrence_pack(mwi_keras_call *call, const mwi_recurrence *run,
                                          int32_t *out);
/* The cell that state k belongs to: all of its states have the shape of its results. */
const mwi_keras_cell *mwi_keras_cell_of_state(const mwi_keras_cell *cell, int32_t k);
/* All steps of x as a loop. Sets states, last and sequence. */
MW_MUST_USE mw_status mwi_recurrence_loop(mwi_keras_call *call, mwi_recurrence *run, int32_t x);

#endif
