/* ops/window_index.h - StableHLO's way to name windows of a tensor by vectors of indices: GATHER
 * and SCATTER. `place` is the window's own tensor (gather's output, scatter's updates): some of its
 * dimensions run inside a window, the others over the vectors.
 * Depends: ops/indices, ops/shapes.  Used by: STABLEHLO_GATHER, STABLEHLO_SCATTER.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_OPS_WINDOW_INDEX_H
#define MWI_OPS_WINDOW_INDEX_H

#include "ops/indices.h"
#include "ops/shapes.h"

typedef struct mwi_window_index {
    const mwi_i64s *inside;  /* dimensions of `place` inside a window, ascending */
    const mwi_i64s *missing; /* dimensions of the tensor that windows have not, ascending */
    const mwi_i64s *map;     /* which dimension of the tensor each index is for */
    int64_t vector_dim;      /* of the indices; their rank: each index is a vector of one */
} mwi_window_index;

/* Proves that all fit a tensor of `rank` and its indices. *place_rank: of `place`. Fails:
 * MW_EFORMAT. */
MW_MUST_USE mw_status mwi_window_index_check(mw_ctx *ctx, const mwi_window_index *w, int32_t rank,
                                             const mwi_view *indices, int32_t *place_rank);
bool mwi_is_in(const mwi_i64s *list, int64_t v);
/* For element `at` of `place`: the window's start in the tensor and the place inside the window;
 * both of the tensor's rank. */
void mwi_window_index_at(const mwi_window_index *w, int32_t rank, const mwi_view *indices,
                         const int64_t *at, int32_t place_rank, int64_t *start, int64_t *inside);

#endif
