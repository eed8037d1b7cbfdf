/* ops/kept.c - see kept.h.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/kept.h"

mw_status mwi_keep(mw_ctx *ctx, mwi_prepare_call *call, size_t bytes)
{
    const mwi_host *const h = call->host;
    const size_t n = bytes > 0 ? bytes : 1; /* there is always something to point at */

    if (h != NULL) return h->keep(h->self, ctx, call->attr, n, &call->state);
    return mwi_arena_array(ctx, call->arena, n, 1, &call->state);
}

void *mwi_kept(const mwi_run_call *call) { return (void *)(uintptr_t)call->state; }
