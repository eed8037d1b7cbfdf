/* compress/qat/insert.h - puts the fake quantizers of a plan into a graph that holds the planned
 * model's tensors under their indices.
 * Depends: compress/qat/qat_plan, ops/.  Used by: compress/qat.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_COMPRESS_QAT_INSERT_H
#define MWI_COMPRESS_QAT_INSERT_H

#include "compress/qat/qat_plan.h"

/* Tensors of the graph that hold a range: float32, one value a channel. max alone, -1 for min:
 * [-max, max]; both -1: the range of the values themselves. */
typedef struct mwi_qat_bounds {
    int32_t min, max;
} mwi_qat_bounds;

/* What was made of a point: FAKE_QUANT_TRAIN's outputs. Points that read the same tensor by the
 * same range share one. y -1: the graph does not compute it. */
typedef struct mwi_qat_fake {
    int32_t y, seen_min, seen_max;
} mwi_qat_fake;

typedef struct mwi_qat_inputs {
    const mwi_qat_bounds *groups;  /* by group */
    const mwi_qat_bounds *weights; /* by point, for points without a group; NULL: own ranges */
    int32_t on;                    /* tensor, above 0: round; -1: always */
} mwi_qat_inputs;

/*   fakes  set by point; n_points
 * Fails: MW_ENOMEM, MW_ELIMIT. */
MW_MUST_USE mw_status mwi_qat_insert(mw_ctx *ctx, const mwi_qat_plan *plan, mw_model *model,
                                     mwi_graph *graph, const mwi_qat_inputs *inputs,
                                     mwi_qat_fake *fakes);

#endif
