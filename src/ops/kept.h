/* ops/kept.h - memory that an operator keeps from one run of a session to the next: zero at first
 * and after a reset.
 * Depends: ops/registry.  Used by: operators with state of their own.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_OPS_KEPT_H
#define MWI_OPS_KEPT_H

#include "ops/registry.h"

/* For prepare: call->state becomes `bytes` of it. Without a session it lives as long as the plan.
 * Fails: MW_ENOMEM, MW_ELIMIT. */
MW_MUST_USE mw_status mwi_keep(mw_ctx *ctx, mwi_prepare_call *call, size_t bytes);
/* For run: what prepare kept. It is made for this session alone, so a run may write it. */
void *mwi_kept(const mwi_run_call *call);

#endif
