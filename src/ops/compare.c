/* ops/compare.c - see compare.h.
 * Depends: ops/fixed.  Used by: EQUAL to GREATER_EQUAL.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/compare.h"

static bool is_plain16(const mwi_view *a, const mwi_view *b)
{
    if (a->dtype != MW_INT16) return false;
    return !mwi_is_quantized(a) || !mwi_is_quantized(b) || mwi_same_quant(a->quant, b->quant);
}

mw_status mwi_compare_prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    float scale_a, scale_b;
    void *memory;

    if (is_plain16(&call->in[0], &call->in[1])) return MW_OK;
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
