/* ops/unpack.c - UNPACK: the slices along an axis, one an output.
 * Depends: ops/strided, ops/rules.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/rules.h"
#include "ops/strided.h"

typedef struct attr {
    int32_t num, axis;
} attr;

static const mwi_field fields[] = {
    {"num", offsetof(attr, num), MWI_FIELD_I32, 0, 0, 1, 0, NULL},
    {"axis", offsetof(attr, axis), MWI_FIELD_I32, 1, 0, -MW_MAX_RANK, MW_MAX_RANK, NULL},
    MWI_FIELDS_END,
};

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const attr *const a = call->attr;
    const mwi_view *const x = &call->in[0];
    int32_t axis, dims[MW_MAX_RANK];

    MWI_TRY(mwi_need_input(ctx, call, 0, 1, MW_MAX_RANK));
    MWI_TRY(mwi_axis(ctx, a->axis, x->rank, &axis));
    if (a->num != x->dims[axis] || (size_t)x->dims[axis] != call->n_out)
        return mwi_fail(ctx, MW_EFORMAT, "num is %d and outputs %zu for dimension %d, which is %d",
                        a->num, call->n_out, axis, x->dims[axis]);
    for (int32_t i = 0; i + 1 < x->rank; i++) dims[i] = x->dims[i < axis ? i : i + 1];
    for (size_t i = 0; i < call->n_out; i++) mwi_view_set_dims(&call->out[i], x->rank - 1, dims);
    return MW_OK;
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_view *const x = &call->in[0];
    size_t outer = 1, inner = mwi_element_bytes(x);
    const char *from = x->data;
    int32_t axis;

    MWI_TRY(mwi_axis(ctx, ((const attr *)call->attr)->axis, x->rank, &axis));
    for (int32_t i = 0; i < axis; i++) outer *= (size_t)x->dims[i];
    for (int32_t i = axis + 1; i < x->rank; i++) inner *= (size_t)x->dims[i];
    for (size_t k = 0; k < call->n_out; k++, from += inner)
        mwi_copy_rows(from, inner * call->n_out, call->out[k].data, inner, inner, outer);
    return MW_OK;
}

static int32_t version(const mwi_shape_call *call)
{
    const mw_dtype t = call->in[0].dtype;
    return t == MW_INT16 ? 4 : t == MW_BOOL ? 3 : t == MW_INT8 || t == MW_UINT8 ? 2 : 1;
}

static const mwi_kernel kernels[] = {
    {.name = "any_unpack__ref", .types = MWI_MOVED ">=+", .run = run},
    {.name = NULL},
};

static mw_status gradient(mw_ctx *ctx, mwi_gradient_call *call)
{
    const mwi_op *const op = call->at.op;
    const double axis = ((const attr *)op->attr)->axis;
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, &call->at.model->arena, op->n_out, sizeof(int32_t), &memory));
    int32_t *const parts = memory;
    for (size_t k = 0; k < op->n_out; k++) MWI_TRY(mwi_gradient_or_zeros(ctx, call, k, &parts[k]));
    return mwi_emit(ctx, &call->at, &mwi_op_pack, parts, op->n_out,
                    MWI_SET({"axis", axis, NULL}, {"values_count", (double)op->n_out, NULL}),
                    &call->d_in[0]);
}

const mwi_op_desc mwi_op_unpack = {
    .name = "UNPACK",
    .tflite_code = 88,
    .options_type = 64,
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = -1,
    .traits = MWI_OP_PER_SAMPLE,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .quant = &mwi_quant_same,
    .infer = infer,
    .gradient = gradient,
    .version = version,
};
