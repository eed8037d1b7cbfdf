/* runtime/session.h - inside of mw_session, for what sits above it (compress, evaluate, governor).
 * Depends: devices/, ops/, model/.  Used by: evaluate/, compress/, train/.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_RUNTIME_SESSION_H
#define MWI_RUNTIME_SESSION_H

#include <milliwatt/session.h>

#include "devices/device.h"

/* Called after each step of a run with the operator and its operands; values are good until it
 * returns. For calibration and layer-by-layer comparison. Constants that were folded at plan time
 * are not seen. in[0] of an operator that runs in place holds its result by then. Also called once
 * before each run with the graph's inputs, in the graph's order: op NULL, out all inputs. */
typedef mw_status (*mwi_observe_fn)(void *self, mw_ctx *ctx, const mwi_graph *graph,
                                    const mwi_op *op, const mwi_view *in, size_t n_in,
                                    const mwi_view *out, size_t n_out);
/* NULL fn removes. With an observer set, view operators (RESHAPE) are seen too. */
void mwi_session_observe(mw_session *session, mwi_observe_fn fn, void *self);

#endif
