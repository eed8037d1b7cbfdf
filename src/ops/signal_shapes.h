/* ops/signal_shapes.h - rows of samples: the last dimension of what TFLite Micro's signal operators
 * take.
 * Depends: ops/shapes.  Used by: operators whose name begins with Signal.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_OPS_SIGNAL_SHAPES_H
#define MWI_OPS_SIGNAL_SHAPES_H

#include "ops/shapes.h"

/* Input i has rank `low` or more, and samples in its last dimension. Fails: MW_EFORMAT. */
MW_MUST_USE mw_status mwi_need_rows(mw_ctx *ctx, const mwi_shape_call *call, size_t i, int32_t low);
/* Input i is a vector of n values; n < 0: of any number. Fails: MW_EFORMAT. */
MW_MUST_USE mw_status mwi_need_vector(mw_ctx *ctx, const mwi_shape_call *call, size_t i, int64_t n);
/* What infer has proven: values of a row, rows. */
size_t mwi_row_length(const mwi_view *view);
size_t mwi_n_rows(const mwi_view *view);

#endif
