/* compress/qat/qat_plan.h - where the quantizer would round: the points of a model that are rounded
 * while it is trained, and the ranges that they share. The decisions are the quantizer's own
 * (compress/quantize), carried back from its optimised model to the one that is trained.
 * Depends: compress/quantize.  Used by: compress/qat.     SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_COMPRESS_QAT_PLAN_H
#define MWI_COMPRESS_QAT_PLAN_H

#include "compress/quantize/job.h"

/* Values that share one scale. */
typedef struct mwi_qat_group {
    const char *name; /* of one of its values */
    bool fixed;       /* the range is the specification's */
    bool symmetric;   /* zero point 0 */
    bool watched;     /* a point's values count for the range */
    mwi_range range;  /* of a fixed one; else min > max: not known yet */
} mwi_qat_group;

/* A tensor that is rounded: for all that read it, or for one operand. */
typedef struct mwi_qat_point {
    int32_t tensor; /* of the model that is trained */
    int32_t op;     /* of the same: the reader; -1: all of them */
    size_t operand; /* of the reader */
    int32_t group;  /* -1: the range is that of the values themselves: weights, constants */
    int32_t bits, axis;
    bool symmetric;
    bool weight;  /* narrow range; may be learned */
    bool watched; /* its values count for the group's range */
} mwi_qat_point;

typedef struct mwi_qat_plan {
    mw_quantize_options options;
    const mwi_graph *given; /* of the model that is trained; borrowed */
    mwi_qjob job;           /* decisions; borrowed tensors and operators are those of job.fg */
    size_t n_groups, n_points, points_capacity;
    mwi_qat_group *groups;
    mwi_qat_point *points; /* values before operands */
    int32_t *group_of;     /* by tensor of job.fg: its group, -1: it is not rounded */
} mwi_qat_plan;

/* What mw_quantize would do with `model` and scheme, keep. `out` is to be closed on failure, too;
 * model and keep are borrowed as long as the plan.
 * Fails: as mw_quantize. */
MW_MUST_USE mw_status mwi_qat_plan_open(mw_ctx *ctx, const mw_model *model, mw_quant_scheme scheme,
                                        const char *const *keep, size_t n_keep, mwi_qat_plan *out);
void mwi_qat_plan_close(mwi_qat_plan *plan); /* accepts a zeroed one */

#endif
