/* ops/pack.c - PACK: tensors of one shape side by side along a new axis.
 * Depends: ops/strided, ops/rules.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/rules.h"
#include "ops/strided.h"

#include <string.h>

typedef struct attr {
    int32_t values_count, axis;
} attr;

static const mwi_field fields[] = {
    {"values_count", offsetof(attr, values_count), MWI_FIELD_I32, 0, 1, 1, 0, NULL},
    {"axis", offsetof(attr, axis), MWI_FIELD_I32, 1, 0, -MW_MAX_RANK, MW_MAX_RANK, NULL},
    MWI_FIELDS_END,
};

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const attr *const a = call->attr;
    const mwi_view *const x = &call->in[0];
    int32_t axis, dims[MW_MAX_RANK];

    MWI_TRY(mwi_need_input(ctx, call, 0, 0, MW_MAX_RANK - 1));
    MWI_TRY(mwi_axis(ctx, a->axis, x->rank + 1, &axis));
    if ((size_t)a->values_count != call->n_in)
        return mwi_fail(ctx, MW_EFORMAT, "values_count is %d for %zu inputs", a->values_count,
                        call->n_in);
    for (size_t i = 1; i < call->n_in; i++) {
        const mwi_view *const v = &call->in[i];
        if (v->tensor == NULL || v->dtype != x->dtype || v->rank != x->rank ||
            memcmp(v->dims, x->dims, (size_t)x->rank * sizeof *x->dims) != 0)
            return mwi_fail(ctx, MW_EFORMAT, "input %zu has another shape or type than input 0", i);
    }
    for (int32_t i = 0; i <= x->rank; i++)
        dims[i] = i < axis ? x->dims[i] : i == axis ? (int32_t)call->n_in : x->dims[i - 1];
    mwi_view_set_dims(&call->out[0], x->rank + 1, dims);
    return MW_OK;
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_view *const x = &call->in[0];
    size_t outer = 1, inner = mwi_element_bytes(x);
    char *to = call->out[0].data;
    int32_t axis;

    MWI_TRY(mwi_axis(ctx, ((const attr *)call->attr)->axis, x->rank + 1, &axis));
    for (int32_t i = 0; i < axis; i++) outer *= (size_t)x->dims[i];
    for (int32_t i = axis; i < x->rank; i++) inner *= (size_t)x->dims[i];
    for (size_t k = 0; k < call->n_in; k++, to += inner)
        mwi_copy_rows(call->in[k].data, inner, to, inner * call->n_in, inner, outer);
    return MW_OK;
}

static int32_t version(const mwi_shape_call *call)
{
    return call->in[0].dtype == MW_UINT32 ? 4 : mwi_version_i8_i16(call);
}

static const mwi_kernel kernels[] = {
    {.name = "any_pack__ref", .types = MWI_MOVED "+>=", .run = run},
    {.name = NULL},
};

static mw_status gradient(mw_ctx *ctx, mwi_gradient_call *call)
{
    const mwi_op *const op = call->at.op;
    const double axis = ((const attr *)op->attr)->axis;

    return mwi_emit_n(ctx, &call->at, &mwi_op_unpack, MWI_IN(call->d_out[0]),
                      MWI_SET({"axis", axis, NULL}, {"num", (double)op->n_in, NULL}), call->d_in,
                      op->n_in);
}

const mwi_op_desc mwi_op_pack = {
    .name = "PACK",
    .tflite_code = 83,
    .options_type = 59,
    .min_in = 1,
    .max_in = -1,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_PER_SAMPLE,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .quant = &mwi_quant_all,
    .infer = infer,
    .gradient = gradient,
    .version = version,
};
