/* compress/cluster/cluster.h - what clustering once and while training share.
 * Depends: nothing.  Used by: compress/cluster.     SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_COMPRESS_CLUSTER_H
#define MWI_COMPRESS_CLUSTER_H

#include <milliwatt/prune.h>

/* Fails: MW_EINVAL (a number of clusters out of range). */
MW_MUST_USE mw_status mwi_cluster_check(mw_ctx *ctx, const mw_model *model,
                                        const mw_cluster_options *options);

#endif
