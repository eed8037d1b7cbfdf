/* formats/keras/clusters.h - weights of tensorflow-model-optimization's ClusterWeights: the file
 * holds them as they were before clustering, and beside them the centroids.
 * Depends: formats/keras/config.  Used by: formats/keras/find_weights.c.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_FORMATS_KERAS_CLUSTERS_H
#define MWI_FORMATS_KERAS_CLUSTERS_H

#include "formats/keras/config.h"

/* Whether a weight of that name belongs to the clustering, not to the layer. */
bool mwi_keras_is_of_clusters(const char *name);

/* Gives the slots whose group holds centroids for them the values that the layer computes with:
 * of each weight the nearest centroid, as the wrapper does at each call.
 * Fails: MW_EFORMAT (centroids of another shape or type), MW_ELIMIT, MW_ENOMEM. */
MW_MUST_USE mw_status mwi_keras_snap_to_centroids(mw_ctx *ctx, const mwi_keras_archive *archive,
                                                  mwi_arena *arena, const mwi_keras_group *group,
                                                  const mwi_keras_slots *slots);

#endif
