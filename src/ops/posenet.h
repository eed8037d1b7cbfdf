/* ops/posenet.h - decoding poses: from maps of keypoints and offsets to skeletons.
 * Depends: base/ctx.  Used by: PosenetDecoderOp.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_OPS_POSENET_H
#define MWI_OPS_POSENET_H

#include "base/ctx.h"

enum { MWI_POSE_POINTS = 17, MWI_POSE_EDGES = 16 };

typedef struct mwi_point {
    float y, x;
} mwi_point;

/* Maps are [height, width, channels]; offsets are in cells, all ys before all xs: of the keypoints
 * (shorts), of the edges forward, then backward (mids). */
typedef struct mwi_poses {
    const float *scores, *shorts, *mids;
    int32_t height, width;
    size_t most;     /* poses */
    float threshold; /* of a pose's score, 0 to 1 */
    float radius;    /* in cells: keypoints of one kind within it are the same */
    float stride;    /* pixels a cell */
    void *scratch;   /* mwi_poses_scratch bytes */
} mwi_poses;

/* Bytes of scratch for so many poses on a grid of so many cells; false on overflow. */
bool mwi_poses_scratch(size_t most, size_t cells, size_t *out);
/* The poses, best first, in pixels.
 *   points, scores, pose_scores  yours; room for `most` poses
 * Fails: MW_ECANCELLED. */
MW_MUST_USE mw_status mwi_poses_decode(mw_ctx *ctx, const mwi_poses *p, float *points,
                                       float *scores, float *pose_scores, size_t *out_n);
/* For each cell of a grid of size by size the pose to which its long offsets lead: 1 in that pose's
 * mask. `masks` is yours and zero. */
void mwi_poses_masks(const float *longs, int32_t size, float stride, const float *points, size_t n,
                     float *masks);

#endif
