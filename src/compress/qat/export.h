/* compress/qat/export.h - ranges while a model is trained, and the integer model that comes of it.
 * Depends: compress/qat/qat_plan.  Used by: compress/qat.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_COMPRESS_QAT_EXPORT_H
#define MWI_COMPRESS_QAT_EXPORT_H

#include "compress/qat/qat_plan.h"

/* A bound of a range that follows what is seen of it: the mean of the first steps, then a moving
 * average.
 *   n  steps that were seen before */
float mwi_qat_follow(float bound, double seen, uint64_t n);

/* What a run has found. */
typedef struct mwi_qat_found {
    const mwi_range *groups;     /* by group; fixed ones are not read. min > max: never seen */
    const float *const *weights; /* by point: largest magnitude of each channel that was learned;
                                  * NULL: the weight's own */
} mwi_qat_found;

/* The integer model of `trained`, which is the planned model with other values of its constants.
 *   data  calibrates values that only the optimised model has; NULL: operators at such stay float
 * Fails: as mw_quantize. */
MW_MUST_USE mw_status mwi_qat_export(mw_ctx *ctx, const mwi_qat_plan *plan, const mw_model *trained,
                                     const mwi_qat_found *found, mw_dataset *data,
                                     mw_model **out_model);

#endif
