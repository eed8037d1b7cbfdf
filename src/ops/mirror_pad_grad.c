/* ops/mirror_pad_grad.c - MIRROR_PAD_GRAD(dy, x, paddings): each element of x gets the sum over
 * itself and its images. The attribute is MIRROR_PAD's.
 * Depends: ops/axis_maps, ops/strided.  Used by: gradients.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/axis_maps.h"
#include "ops/strided.h"

typedef struct attr {
    int32_t mode;
} attr;

enum { REFLECT = 0 };
static const char *const modes[] = {"REFLECT", "SYMMETRIC"};
static const mwi_field fields[] = {
    {"mode", offsetof(attr, mode), MWI_FIELD_ENUM, -1, 0, 0, 1, modes},
    MWI_FIELDS_END,
};

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_view *const dy = &call->in[0], *const x = &call->in[1];
    const int32_t border = ((const attr *)call->attr)->mode == REFLECT ? 1 : 0;
    int64_t pads[2 * MW_MAX_RANK];
    size_t n;

    MWI_TRY(mwi_need_input(ctx, call, 0, 0, MW_MAX_RANK));
    MWI_TRY(mwi_need_input(ctx, call, 1, dy->rank, dy->rank));
    MWI_TRY(mwi_param_ints(ctx, call, 2, 2 * MW_MAX_RANK, pads, &n));
    if (call->unknown) return MW_OK;
    bool fits = n == 2 * (size_t)x->rank;
    for (int32_t i = 0; i < x->rank && fits; i++) {
        const int64_t a = pads[2 * i], b = pads[2 * i + 1], most = x->dims[i] - border;
        fits = a >= 0 && b >= 0 && (a == 0 || a <= most) && (b == 0 || b <= most) &&
               dy->dims[i] == x->dims[i] + a + b;
    }
    if (!fits) return mwi_fail(ctx, MW_EFORMAT, "the paddings do not lead from input 1 to input 0");
    mwi_view_set_dims(&call->out[0], x->rank, x->dims);
    return MW_OK;
}

typedef struct padding {
    int64_t pads[2 * MW_MAX_RANK];
    int32_t border;
} padding;

static int32_t place(const void *arg, int32_t axis, int32_t i, int32_t dim, int32_t out)
{
    const padding *const p = arg;
    const int64_t at = i - p->pads[2 * axis];

    (void)out;
    return (int32_t)(at < 0      ? -at - 1 + p->border
                     : at >= dim ? 2 * (int64_t)dim - 1 - at - p->border
                                 : at);
}

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    padding p = {.border = ((const attr *)call->attr)->mode == REFLECT ? 1 : 0};

    (void)mwi_run_ints(&call->in[2], p.pads, 2 * MW_MAX_RANK);
    return mwi_axis_maps_make(ctx, call, &call->in[0], &call->in[1], place, &p);
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    (void)ctx;
    mwi_axis_maps_sum(call->state, &call->in[0], &call->out[0]);
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_mirror_pad_grad__ref",
     .types = "f32,f32,i32|i64>f32",
     .prepare = prepare,
     .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_mirror_pad_grad = {
    .name = "MIRROR_PAD_GRAD",
    .tflite_code = -1,
    .min_in = 3,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_TRAINING_ONLY,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .infer = infer,
};
