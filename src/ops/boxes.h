/* ops/boxes.h - axis-parallel boxes: overlap, and candidates in the order of their scores.
 * Depends: ops/registry.  Used by: NON_MAX_SUPPRESSION_V4 and V5.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_OPS_BOXES_H
#define MWI_OPS_BOXES_H

#include "ops/registry.h"

/* Two opposite corners, in any order. */
typedef struct mwi_box {
    float y1, x1, y2, x2;
} mwi_box;

/* Area of the intersection over that of the union; 0 for boxes without an area. */
float mwi_box_overlap(const mwi_box *a, const mwi_box *b);

/* NON_MAX_SUPPRESSION: boxes [n, 4], scores [n], max_output_size, iou_threshold, score_threshold,
 * sigma?. */
mw_status mwi_suppression_infer(mw_ctx *ctx, mwi_shape_call *call);
mw_status mwi_suppression_prepare(mw_ctx *ctx, mwi_prepare_call *call);
/* scores: those chosen, NULL not wanted. Fails: MW_EINVAL (a negative sigma). */
mw_status mwi_suppression_run(mw_ctx *ctx, const mwi_run_call *call, float sigma, int32_t *indices,
                              float *scores, int32_t *count);

#endif
