/* compress/prune/sparse.h - constants in TFLite's sparse encoding, and back.
 * Depends: ops/.  Used by: compress/prune, compress/cluster.   SPDX-License-Identifier: Apache-2.0
 */
#ifndef MWI_COMPRESS_PRUNE_SPARSE_H
#define MWI_COMPRESS_PRUNE_SPARSE_H

#include "ops/registry.h"

/* Makes all sparse constants dense, in place on a clone; what was a DENSIFY of one goes. */
MW_MUST_USE mw_status mwi_densify(mw_ctx *ctx, mw_model *model);

#endif
