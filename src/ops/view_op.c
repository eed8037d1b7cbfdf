/* ops/view_op.c - see view_op.h.
 * Depends: ops/registry.  Used by: RESHAPE, SQUEEZE, EXPAND_DIMS.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/view_op.h"

#include <string.h>

mw_status mwi_view_op_run(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_view *const in = &call->in[0], *const out = &call->out[0];

    if (in->bytes != out->bytes)
        return mwi_fail(ctx, MW_EFORMAT, "%zu bytes for an output of %zu", in->bytes, out->bytes);
    if (out->data != in->data && out->bytes != 0) memcpy(out->data, in->data, out->bytes);
    return MW_OK;
}
