/* compress/cluster/kmeans.h - k-means of numbers on a line.
 * Depends: base/.  Used by: compress/cluster.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_COMPRESS_CLUSTER_KMEANS_H
#define MWI_COMPRESS_CLUSTER_KMEANS_H

#include "base/arena.h"
#include "base/rng.h"

enum { MWI_MIN_CLUSTERS = 2, MWI_MAX_CLUSTERS = 256 };

/* Puts each value's nearest centre in its place: at most k different ones then. Centres begin by
 * k-means++ and move until they rest. keep_zeros: zeros stay, and are one of the k values.
 *   k  at least 1 (2 with keep_zeros) */
MW_MUST_USE mw_status mwi_kmeans(mw_ctx *ctx, float *values, size_t n, uint32_t k, bool keep_zeros,
                                 mwi_rng *rng);
/* Centres of values that are not zero (all of them without keep_zeros), in rising order.
 *   centres  room for k; *out_n: how many there are, fewer than k where there are fewer values */
MW_MUST_USE mw_status mwi_kmeans_centres(mw_ctx *ctx, const float *values, size_t n, uint32_t k,
                                         bool keep_zeros, mwi_rng *rng, float *centres,
                                         uint32_t *out_n);
/* Place of the nearest of n centres in rising order; of two as near the first. */
uint32_t mwi_nearest_centre(const float *centres, uint32_t n, float value);

#endif
