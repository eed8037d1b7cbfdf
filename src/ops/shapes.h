/* ops/shapes.h - shape rules that several operators share.
 * Depends: ops/registry.  Used by: ops/ only.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_OPS_SHAPES_H
#define MWI_OPS_SHAPES_H

#include "ops/registry.h"

/* out[0] has the shape of in[0]. */
MW_MUST_USE mw_status mwi_infer_same(mw_ctx *ctx, mwi_shape_call *call);
/* out[0] has the shape to which in[0] and in[1] broadcast (NumPy's rule). Fails: MW_EFORMAT. */
MW_MUST_USE mw_status mwi_infer_broadcast(mw_ctx *ctx, mwi_shape_call *call);
void mwi_view_set_dims(mwi_view *view, int32_t rank, const int32_t *dims);
/* Fails with MW_EFORMAT "input N is missing" or "input N has rank R, allowed LOW to HIGH". */
MW_MUST_USE mw_status mwi_need_input(mw_ctx *ctx, const mwi_shape_call *call, size_t i, int32_t low,
                                     int32_t high);
/* Fails with MW_EFORMAT "inputs A and B have different shapes" or when one is missing. */
MW_MUST_USE mw_status mwi_need_same_shapes(mw_ctx *ctx, const mwi_shape_call *call, size_t a,
                                           size_t b);
/* Whether two views have the same rank and dims. */
bool mwi_view_same_dims(const mwi_view *a, const mwi_view *b);
/* Calls fn(call, begin, end, ..) over the rows (all dimensions but the last) of `view`, in parallel
 * pieces that depend on its shape alone. */
void mwi_run_rows(const mwi_run_call *call, const mwi_view *view, mwi_range_fn fn);
/* Elements of a view whose dims infer has proven. */
size_t mwi_view_count(const mwi_view *view);

#endif
