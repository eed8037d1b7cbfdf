/* ops/choose.h - what SELECT and SELECT_V2 share.
 * Depends: ops/strided.  Used by: ops/select, ops/select_v2.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_OPS_CHOOSE_H
#define MWI_OPS_CHOOSE_H

#include "ops/strided.h"

/* Whether all operands and the output as declared have one element: the output then keeps its
 * shape, as in TFLite, whatever mix of ranks the operands have. */
bool mwi_choose_keeps_shape(const mwi_shape_call *call);

/* out = condition ? x : y. A condition of rank 1 goes with the first dimension where `by_rows`;
 * else all three broadcast. */
mw_status mwi_choose_run(const mwi_run_call *call, bool by_rows);

#endif
