/* ops/mirror_pad.c - MIRROR_PAD: continues a tensor by its mirror image, with (SYMMETRIC) or
 * without (REFLECT) its border.
 * Depends: ops/strided, ops/rules.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/rules.h"
#include "ops/strided.h"

#include <string.h>

typedef struct attr {
    int32_t mode;
} attr;

enum { REFLECT = 0 };
static const char *const modes[] = {"REFLECT", "SYMMETRIC"};
static const mwi_field fields[] = {
    {"mode", offsetof(attr, mode), MWI_FIELD_ENUM, 0, 0, 0, 1, modes},
    MWI_FIELDS_END,
};

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_view *const x = &call->in[0];
    const int32_t border = ((const attr *)call->attr)->mode == REFLECT ? 1 : 0;
    int64_t pads[2 * MW_MAX_RANK];
    int32_t dims[MW_MAX_RANK];
    size_t n;

    MWI_TRY(mwi_need_input(ctx, call, 0, 0, MW_MAX_RANK));
    MWI_TRY(mwi_param_ints(ctx, call, 1, 2 * MW_MAX_RANK, pads, &n));
    if (call->unknown) return MW_OK;
    if (n != 2 * (size_t)x->rank)
        return mwi_fail(ctx, MW_EFORMAT, "%zu paddings for an input of rank %d", n, x->rank);
    for (size_t i = 0; i < n; i++)
        if (pads[i] < 0 || (pads[i] > 0 && pads[i] > x->dims[i / 2] - border))
            return mwi_fail(ctx, MW_EFORMAT, "padding %zu is %lld, allowed 0 to %d", i,
                            (long long)pads[i], x->dims[i / 2] - border);
    for (int32_t i = 0; i < x->rank; i++) {
        const int64_t d = x->dims[i] + pads[2 * i] + pads[2 * i + 1];
        if (d > INT32_MAX)
            return mwi_fail(ctx, MW_ELIMIT, "dimension %d would be %lld", i, (long long)d);
        dims[i] = (int32_t)d;
    }
    mwi_view_set_dims(&call->out[0], x->rank, dims);
    return MW_OK;
}

/* Where each place of a dimension of the output comes from. */
typedef struct state {
    const int32_t *from[MW_MAX_RANK];
} state;

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    const mwi_view *const x = &call->in[0], *const out = &call->out[0];
    const int32_t border = ((const attr *)call->attr)->mode == REFLECT ? 1 : 0;
    int64_t pads[2 * MW_MAX_RANK];
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(state), &memory));
    state *const s = call->state = memory;
    (void)mwi_run_ints(&call->in[1], pads, 2 * MW_MAX_RANK);
    for (int32_t i = 0; i < x->rank; i++) {
        MWI_TRY(mwi_arena_array(ctx, call->arena, (size_t)out->dims[i], sizeof(int32_t), &memory));
        int32_t *const from = memory;
        for (int64_t k = 0; k < out->dims[i]; k++) {
            const int64_t at = k - pads[2 * i], dim = x->dims[i];
            from[k] = (int32_t)(at < 0      ? -at - 1 + border
                                : at >= dim ? 2 * dim - 1 - at - border
                                            : at);
        }
        s->from[i] = from;
    }
    return MW_OK;
}

static void row(const char *in, const int32_t *from, size_t n, size_t element, char *out)
{
    switch (element) {
    case 1:
        for (size_t i = 0; i < n; i++) out[i] = in[from[i]];
        return;
    case 2:
        for (size_t i = 0; i < n; i++) memcpy(out + 2 * i, in + 2 * (size_t)from[i], 2);
        return;
    case 4:
        for (size_t i = 0; i < n; i++) memcpy(out + 4 * i, in + 4 * (size_t)from[i], 4);
        return;
    default:
        for (size_t i = 0; i < n; i++) memcpy(out + 8 * i, in + 8 * (size_t)from[i], 8);
        return;
    }
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_view *const x = &call->in[0], *const out = &call->out[0];
    const state *const s = call->state;
    const size_t element = mwi_element_bytes(x);
    const int32_t last = x->rank - 1;
    int64_t strides[MW_MAX_RANK];

    (void)ctx;
    if (out->bytes == 0) return MW_OK;
    if (x->rank == 0) {
        memcpy(out->data, x->data, element);
        return MW_OK;
    }
    mwi_dense_strides(x->rank, x->dims, strides);
    const size_t n = (size_t)out->dims[last], rows = mwi_view_count(out) / n;
    const bool whole = x->dims[last] == out->dims[last];
    for (size_t i = 0; i < rows; i++) {
        size_t rest = i;
        int64_t at = 0;
        for (int32_t k = last - 1; k >= 0; k--) {
            at += s->from[k][rest % (size_t)out->dims[k]] * strides[k];
            rest /= (size_t)out->dims[k];
        }
        const char *const in = (const char *)x->data + at * (int64_t)element;
        char *const to = (char *)out->data + i * n * element;
        if (whole)
            memcpy(to, in, n * element);
        else
            row(in, s->from[last], n, element, to);
    }
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "any_mirror_pad__ref",
     .types = "f32|i8|u8|i16|i32|i64,i32|i64>=",
     .prepare = prepare,
     .run = run},
    {.name = NULL},
};

static mw_status gradient(mw_ctx *ctx, mwi_gradient_call *call)
{
    const int32_t *const in = call->at.op->in;
    return mwi_emit(ctx, &call->at, &mwi_op_mirror_pad_grad, MWI_IN(call->d_out[0], in[0], in[1]),
                    mwi_same_settings, &call->d_in[0]);
}

const mwi_op_desc mwi_op_mirror_pad = {
    .name = "MIRROR_PAD",
    .tflite_code = 100,
    .options_type = 77,
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_PER_SAMPLE | MWI_OP_SCALES_BY_CHANNEL,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .quant = &mwi_quant_same,
    .infer = infer,
    .gradient = gradient,
    .version = mwi_version_i8_i16,
};
