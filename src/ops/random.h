/* ops/random.h - what RANDOM_UNIFORM, RANDOM_STANDARD_NORMAL and MULTINOMIAL share: seeds, the
 * place in the stream, which lives with the session and goes back to its start at a reset.
 * Depends: ops/shapes, ops/philox.  Used by: these operators.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_OPS_RANDOM_H
#define MWI_OPS_RANDOM_H

#include "ops/shapes.h"

typedef struct mwi_random_attr {
    int64_t seed, seed2; /* both 0: other numbers in each session */
} mwi_random_attr;
extern const mwi_field mwi_random_fields[];

/* Zero: at its start. */
typedef struct mwi_random {
    int64_t seeds[2];
    uint64_t block; /* the next */
    bool seeded;
} mwi_random;

/* call->state becomes a mwi_random *. */
mw_status mwi_random_prepare(mw_ctx *ctx, mwi_prepare_call *call);
/* The stream of a run, with its seeds. */
mwi_random *mwi_random_of(const mwi_run_call *call);
/* The output has the shape in input 0. */
mw_status mwi_random_infer(mw_ctx *ctx, mwi_shape_call *call);

#endif
