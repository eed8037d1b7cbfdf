/* ops/compare.c - see compare.h.
 * Depends: ops/fixed.  Used by: EQUAL to GREATER_EQUAL.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/compare.h"

static mw_status make(mw_ctx *ctx, mwi_prepare_call *call)
{
    float scale_a, scale_b;
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(mwi_compare), &memory));
    mwi_compare *const s = call->state = memory;
    MWI_TRY(mwi_need_quant(ctx, &call->in[0], "first input", &scale_a, &s->zero_a));
    MWI_TRY(mwi_need_quant(ctx, &call->in[1], "second input", &scale_b, &s->zero_b));
    s->a = mwi_multiplier_of((double)scale_a);
    s->b = mwi_multiplier_of((double)scale_b);
    s->scale_a = (double)scale_a;
    s->scale_b = (double)scale_b;
    return MW_OK;
}

mw_status mwi_compare_prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    if (call->in[0].dtype == MW_INT16 && !mwi_is_quantized(&call->in[0])) return MW_OK;
    return make(ctx, call);
}

mw_status mwi_compare_prepare_order16(mw_ctx *ctx, mwi_prepare_call *call)
{
    const mwi_view *const a = &call->in[0], *const b = &call->in[1];

    if (!mwi_is_quantized(a) || !mwi_is_quantized(b) || mwi_same_quant(a->quant, b->quant))
        return MW_OK;
    return make(ctx, call);
}
