/* ops/view_op.h - operators whose output has the bytes of their input.
 * Depends: ops/registry.  Used by: RESHAPE, SQUEEZE, EXPAND_DIMS.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_OPS_VIEW_OP_H
#define MWI_OPS_VIEW_OP_H

#include "ops/shapes.h"

/* Copies, unless the plan lets both share memory. */
mw_status mwi_view_op_run(mw_ctx *ctx, const mwi_run_call *call);

#endif
