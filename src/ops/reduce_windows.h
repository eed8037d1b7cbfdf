/* ops/reduce_windows.h - a function over windows of a tensor of any rank, which may be spread and
 * padded before: REDUCE_WINDOW and STABLEHLO_REDUCE_WINDOW.
 * Depends: ops/combine.  Used by: these operators.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_OPS_REDUCE_WINDOWS_H
#define MWI_OPS_REDUCE_WINDOWS_H

#include "ops/combine.h"

/* Along each dimension. Cells that are not of the input hold the initial value. */
typedef struct mwi_nd_windows {
    int64_t size[MW_MAX_RANK], stride[MW_MAX_RANK], dilation[MW_MAX_RANK]; /* of the window */
    int64_t base[MW_MAX_RANK], low[MW_MAX_RANK], high[MW_MAX_RANK];        /* of the input */
} mwi_nd_windows;

/* The output's shape; checks all numbers. Fails: MW_EFORMAT. */
MW_MUST_USE mw_status mwi_nd_windows_infer(mw_ctx *ctx, mwi_shape_call *call,
                                           const mwi_nd_windows *w);
/* call->in: the input and the initial value. */
void mwi_nd_windows_run(const mwi_run_call *call, const mwi_nd_windows *w, mwi_combine_fn combine);

#endif
