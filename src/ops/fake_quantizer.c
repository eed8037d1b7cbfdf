/* ops/fake_quantizer.c - see fake_quantizer.h.     SPDX-License-Identifier: Apache-2.0 */
#include "ops/fake_quantizer.h"

#include <math.h>

const mwi_field mwi_fq_fields[] = {
    {"num_bits", offsetof(mwi_fq_attr, num_bits), MWI_FIELD_I32, -1, 8, 4, 16, NULL},
    {"axis", offsetof(mwi_fq_attr, axis), MWI_FIELD_I32, -1, -1, -1, MW_MAX_RANK - 1, NULL},
    {"symmetric", offsetof(mwi_fq_attr, symmetric), MWI_FIELD_BOOL, -1, 0, 0, 1, NULL},
    {"narrow_range", offsetof(mwi_fq_attr, narrow_range), MWI_FIELD_BOOL, -1, 0, 0, 1, NULL},
    MWI_FIELDS_END,
};

static mw_dtype type_of(int32_t bits)
{
    return bits == 4 ? MW_INT4 : bits == 8 ? MW_INT8 : MW_INT16;
}

static mw_status check_range(mw_ctx *ctx, const mwi_shape_call *call, size_t k, size_t n)
{
    const mwi_view *const v = &call->in[k];

    if (v->tensor == NULL) return MW_OK;
    if (v->rank == 1 && v->dims[0] == (int32_t)n) return MW_OK;
    return mwi_fail(ctx, MW_EFORMAT, "input %zu is no list of %zu values", k, n);
}

mw_status mwi_fq_check(mw_ctx *ctx, const mwi_shape_call *call)
{
    const mwi_fq_attr *const a = call->attr;

    MWI_TRY(mwi_need_input(ctx, call, MWI_FQ_X, 0, MW_MAX_RANK));
    if (a->num_bits != 4 && a->num_bits != 8 && a->num_bits != 16)
        return mwi_fail(ctx, MW_EFORMAT, "num_bits is %d, allowed 4, 8, 16", a->num_bits);
    if (a->axis >= call->in[MWI_FQ_X].rank)
        return mwi_fail(ctx, MW_EFORMAT, "axis %d of %d dimensions", a->axis,
                        call->in[MWI_FQ_X].rank);
    if (call->in[MWI_FQ_MAX].tensor == NULL && call->in[MWI_FQ_MIN].tensor != NULL)
        return mwi_fail(ctx, MW_EFORMAT, "a range needs its largest value");
    const size_t n = mwi_fq_channels_of(a, &call->in[MWI_FQ_X]).n;
    MWI_TRY(check_range(ctx, call, MWI_FQ_MIN, n));
    MWI_TRY(check_range(ctx, call, MWI_FQ_ON, 1));
    return check_range(ctx, call, MWI_FQ_MAX, n);
}

mwi_fq_channels mwi_fq_channels_of(const mwi_fq_attr *a, const mwi_view *x)
{
    mwi_fq_channels c = {1, 1, 1};

    for (int32_t i = 0; i < x->rank; i++) {
        size_t *const part = i < a->axis ? &c.outer : i == a->axis ? &c.n : &c.inner;
        *part *= (size_t)x->dims[i];
    }
    return c;
}

mwi_fq_grid mwi_fq_grid_of(const mwi_fq_attr *a, float min, float max)
{
    const mw_dtype dtype = type_of(a->num_bits);
    int32_t low, high;

    if (!(min <= max) || !isfinite(max - min)) return (mwi_fq_grid){.on = false};
    const mwi_params p = mwi_params_from_range(dtype, a->symmetric, (double)min, (double)max);
    mwi_quant_range(dtype, &low, &high);
    if (a->narrow_range) low = -high;
    return (mwi_fq_grid){true, p.scale, (float)(low - p.zero_point), (float)(high - p.zero_point)};
}

bool mwi_fq_is_on(const mwi_view *in)
{
    return in[MWI_FQ_ON].tensor == NULL || *(const float *)in[MWI_FQ_ON].data > 0;
}

mwi_fq_grid mwi_fq_grid_at(const mwi_fq_attr *a, const mwi_view *in, size_t c)
{
    if (!mwi_fq_is_on(in)) return (mwi_fq_grid){.on = false};
    const float max = ((const float *)in[MWI_FQ_MAX].data)[c];

    return mwi_fq_grid_of(
        a, in[MWI_FQ_MIN].tensor == NULL ? -max : ((const float *)in[MWI_FQ_MIN].data)[c], max);
}
