/* ops/split.h - what SPLIT and SPLIT_V share.
 * Depends: ops/strided.  Used by: ops/split, ops/split_v.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_OPS_SPLIT_H
#define MWI_OPS_SPLIT_H

#include "ops/strided.h"

typedef struct mwi_split_attr {
    int32_t num_splits;
} mwi_split_attr;
extern const mwi_field mwi_split_fields[];

/* Cuts x along the axis into the outputs, whose shapes say how much each gets. */
mw_status mwi_split_run(mw_ctx *ctx, const mwi_run_call *call, const mwi_view *x,
                        const mwi_view *axis);

/* A row's gradient: the parts' gradients beside each other along the axis that operand `axis`
 * holds.
 */
MW_MUST_USE mw_status mwi_split_gradient(mw_ctx *ctx, mwi_gradient_call *call, size_t input,
                                         size_t axis);

#endif
