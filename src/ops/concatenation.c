/* ops/concatenation.c - CONCATENATION along an axis. uint8 inputs may have scales of their own.
 * Depends: ops/strided, ops/fixed.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/fixed.h"
#include "ops/rules.h"
#include "ops/strided.h"

#include <math.h>
#include <string.h>

typedef struct attr {
    int32_t axis, activation;
} attr;

static const mwi_field fields[] = {
    {"axis", offsetof(attr, axis), MWI_FIELD_I32, 0, 0, -MW_MAX_RANK, MW_MAX_RANK, NULL},
    {"fused_activation_function", offsetof(attr, activation), MWI_FIELD_ENUM, 1, 0, 0, 5,
     mwi_activation_names},
    MWI_FIELDS_END,
};

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const attr *const a = call->attr;
    const mwi_view *const x = &call->in[0];
    int32_t axis;
    int64_t sum = 0;

    if (a->activation != MWI_ACT_NONE)
        return mwi_fail(ctx, MW_EUNSUPPORTED, "fused activation %s",
                        mwi_activation_names[a->activation]);
    MWI_TRY(mwi_need_input(ctx, call, 0, 1, MW_MAX_RANK));
    MWI_TRY(mwi_axis(ctx, a->axis, x->rank, &axis));
    for (size_t i = 0; i < call->n_in; i++) {
        const mwi_view *const v = &call->in[i];
        if (v->tensor == NULL || v->rank != x->rank || v->dtype != x->dtype)
            return mwi_fail(ctx, MW_EFORMAT, "input %zu has another rank or type than input 0", i);
        for (int32_t k = 0; k < x->rank; k++)
            if (k != axis && v->dims[k] != x->dims[k])
                return mwi_fail(ctx, MW_EFORMAT,
                                "input %zu: dimension %d is %d, of input 0 it is %d", i, k,
                                v->dims[k], x->dims[k]);
        sum += v->dims[axis];
    }
    if (sum > INT32_MAX)
        return mwi_fail(ctx, MW_ELIMIT, "dimension %d would be %lld", axis, (long long)sum);
    mwi_view_set_dims(&call->out[0], x->rank, x->dims);
    call->out[0].dims[axis] = (int32_t)sum;
    return MW_OK;
}

static bool same_quant(const mwi_view *a, const mwi_view *b)
{
    if (a->quant == NULL || b->quant == NULL || a->quant->q.n_scales != 1 ||
        b->quant->q.n_scales != 1)
        return true;
    return a->quant->q.scales[0] == b->quant->q.scales[0] &&
           a->quant->q.zero_points[0] == b->quant->q.zero_points[0];
}

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    if (call->in[0].dtype != MW_INT8 && call->in[0].dtype != MW_INT16) return MW_OK;
    for (size_t i = 0; i < call->n_in; i++)
        if (!same_quant(&call->in[i], &call->out[0]))
            return mwi_fail(ctx, MW_EFORMAT,
                            "input %zu has another scale or zero point than the output", i);
    return MW_OK;
}

static void rescale_u8(const mwi_view *in, const mwi_view *out, const uint8_t *from, uint8_t *to,
                       size_t n)
{
    const float inverse = 1.f / out->quant->q.scales[0], scale = in->quant->q.scales[0] * inverse;
    const float bias = (float)-in->quant->q.zero_points[0] * scale;

    for (size_t i = 0; i < n; i++)
        to[i] = (uint8_t)mwi_clamp((int32_t)roundf((float)from[i] * scale + bias) +
                                       (int32_t)out->quant->q.zero_points[0],
                                   0, 255);
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const attr *const a = call->attr;
    const mwi_view *const out = &call->out[0];
    const size_t element = mwi_element_bytes(out);
    size_t outer = 1, inner = element, at = 0;
    int32_t axis = 0;

    if (element == 0)
        return mwi_fail(ctx, MW_EUNSUPPORTED, "values of %s", mw_dtype_name(out->dtype));
    MWI_TRY(mwi_axis(ctx, a->axis, out->rank, &axis));
    for (int32_t i = 0; i < axis; i++) outer *= (size_t)out->dims[i];
    for (int32_t i = axis + 1; i < out->rank; i++) inner *= (size_t)out->dims[i];
    const size_t out_row = (size_t)out->dims[axis] * inner;
    for (size_t k = 0; k < call->n_in; k++) {
        const mwi_view *const in = &call->in[k];
        const size_t row = (size_t)in->dims[axis] * inner;
        const bool rescale = out->dtype == MW_UINT8 && !same_quant(in, out);
        for (size_t o = 0; o < outer && row > 0; o++) {
            const char *const from = (const char *)in->data + o * row;
            char *const to = (char *)out->data + o * out_row + at;
            if (rescale)
                rescale_u8(in, out, (const uint8_t *)(const void *)from, (uint8_t *)(void *)to,
                           row);
            else
                memcpy(to, from, row);
        }
        at += row;
    }
    return MW_OK;
}

static int32_t version(const mwi_shape_call *call)
{
    if (call->in[0].dtype == MW_UINT32) return 4;
    return mwi_version_i8_i16(call);
}

#define ROW(t)                                                                                     \
    {                                                                                              \
        .name = t "_concatenation__ref", .types = t "+>" t, .prepare = prepare, .run = run         \
    }
static const mwi_kernel kernels[] = {
    ROW("f32"),  ROW("i8"),  ROW("u8"),  ROW("i16"),  ROW("i32"),     ROW("i64"),
    ROW("bool"), ROW("u32"), ROW("f16"), ROW("bf16"), {.name = NULL},
};

/* SPLIT_V; along an open dimension sizes would not be constant. */
static mw_status gradient(mw_ctx *ctx, mwi_gradient_call *call)
{
    const mwi_op *const op = call->at.op;
    const mwi_tensor *const y = call->at.graph->tensors[op->out[0]];
    int32_t axis, sizes, at;
    void *memory;

    MWI_TRY(mwi_axis(ctx, ((const attr *)op->attr)->axis, y->rank, &axis));
    MWI_TRY(mwi_arena_array(ctx, &call->at.model->arena, op->n_in, sizeof(int32_t), &memory));
    int32_t *const dims = memory;
    for (size_t k = 0; k < op->n_in; k++) {
        const mwi_tensor *const x = call->at.graph->tensors[op->in[k]];
        if (x->signature[axis] < 0)
            return mwi_fail(ctx, MW_EUNSUPPORTED, "axis %d is open in input %zu", axis, k);
        dims[k] = x->dims[axis];
    }
    MWI_TRY(mwi_emit_ints(ctx, &call->at, dims, op->n_in, &sizes));
    MWI_TRY(mwi_graph_add_const(ctx, call->at.model, call->at.graph, "axis", MW_INT32, 0, NULL,
                                &axis, &at));
    return mwi_emit_n(ctx, &call->at, &mwi_op_split_v, MWI_IN(call->d_out[0], sizes, at),
                      MWI_SET({"num_splits", (double)op->n_in, NULL}), call->d_in, op->n_in);
}

const mwi_op_desc mwi_op_concatenation = {
    .name = "CONCATENATION",
    .tflite_code = 2,
    .options_type = 10,
    .min_in = 1,
    .max_in = -1,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_PER_SAMPLE | MWI_OP_JOINS,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .quant = &mwi_quant_all,
    .infer = infer,
    .gradient = gradient,
    .version = version,
};
