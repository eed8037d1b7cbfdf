/* ops/subgraph.h - asking the session: memory for one call, and subgraphs.
 * Depends: model/op_desc.  Used by: operators that call subgraphs or need memory to know a shape.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_OPS_SUBGRAPH_H
#define MWI_OPS_SUBGRAPH_H

#include "ops/registry.h"

/* Memory for one call: the session's, or, where there is none, *own, which the caller gives back
 * with mwi_free (NULL when it is the session's). */
static inline mw_status mwi_host_scratch(mw_ctx *ctx, const mwi_host *host, size_t bytes,
                                         void **out, void **own)
{
    *own = NULL;
    if (host != NULL) return host->scratch(host->self, ctx, bytes, out);
    MWI_TRY(mwi_alloc(ctx, bytes, own));
    *out = *own;
    return MW_OK;
}

/* Copies values to outputs of the same sizes. Fails: MW_EINVAL (another size). */
MW_MUST_USE mw_status mwi_copy_values(mw_ctx *ctx, const mwi_view *from, const mwi_view *to,
                                      size_t n);
/* Copies shapes; types must agree. Fails: MW_EFORMAT. */
MW_MUST_USE mw_status mwi_copy_shapes(mw_ctx *ctx, const mwi_view *from, mwi_view *to, size_t n);
/* Infer of an operator that calls one subgraph with its inputs from `first` on: the outputs' shapes
 * when they are known, else unknown; at run the subgraph is run and its outputs are held. */
MW_MUST_USE mw_status mwi_infer_call(mw_ctx *ctx, mwi_shape_call *call, int32_t subgraph,
                                     size_t first);
/* Its run. */
MW_MUST_USE mw_status mwi_run_subgraph(mw_ctx *ctx, const mwi_run_call *call, int32_t subgraph,
                                       size_t first);

#endif
