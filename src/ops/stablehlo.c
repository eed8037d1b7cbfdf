/* ops/stablehlo.c - see stablehlo.h.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/stablehlo.h"

#include <string.h>

mw_status mwi_stablehlo_infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_view *const a = &call->in[0], *const b = &call->in[1];

    MWI_TRY(mwi_need_input(ctx, call, 0, 0, MW_MAX_RANK));
    MWI_TRY(mwi_need_input(ctx, call, 1, 0, MW_MAX_RANK));
    if (a->rank != b->rank || memcmp(a->dims, b->dims, (size_t)a->rank * sizeof *a->dims) != 0)
        return mwi_fail(ctx, MW_EFORMAT, "the inputs have different shapes");
    return mwi_infer_same(ctx, call);
}
