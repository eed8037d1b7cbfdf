/* ops/fake_quant.c - FAKE_QUANT: rounds floats to the steps that num_bits between min and max
 * would have.
 * Depends: ops/unary.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/unary.h"

#include <math.h>

typedef struct attr {
    float min, max;
    int32_t num_bits;
    bool narrow_range;
} attr;

static const mwi_field fields[] = {
    {"min", offsetof(attr, min), MWI_FIELD_F32, 0, 0, 1, 0, NULL},
    {"max", offsetof(attr, max), MWI_FIELD_F32, 1, 0, 1, 0, NULL},
    {"num_bits", offsetof(attr, num_bits), MWI_FIELD_I32, 2, 0, 0, 16, NULL},
    {"narrow_range", offsetof(attr, narrow_range), MWI_FIELD_BOOL, 3, 0, 0, 1, NULL},
    MWI_FIELDS_END,
};

typedef struct state {
    float scale, inverse, low, high;
} state;

static mw_status state_of(mw_ctx *ctx, const attr *a, state *s)
{
    if (!(a->min <= 0 && a->max >= 0 && a->min < a->max && isfinite(a->max - a->min)) ||
        a->num_bits < 2)
        return mwi_fail(ctx, MW_EFORMAT,
                        "%d bits from %g to %g: 0 must lie in the range, bits be 2 to 16",
                        a->num_bits, (double)a->min, (double)a->max);
    const float least = a->narrow_range ? 1.0f : 0.0f, most = (float)((1 << a->num_bits) - 1);
    s->scale = (a->max - a->min) / (most - least);
    s->inverse = 1.0f / s->scale;
    const float from_min = least - a->min / s->scale;
    const float zero = from_min < least ? least : from_min > most ? most : roundf(from_min);
    s->low = (least - zero) * s->scale;
    s->high = (most - zero) * s->scale;
    return MW_OK;
}

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(state), &call->state));
    return state_of(ctx, call->attr, call->state);
}

static float rounded(const state *s, float x)
{
    const float held = fminf(s->high, fmaxf(s->low, x));
    return roundf((held - s->low) * s->inverse) * s->scale + s->low;
}

MWI_UNARY_RUN(run, float, float, void, state, rounded(s, x))

static int32_t version(const mwi_shape_call *call)
{
    return ((const attr *)call->attr)->narrow_range ? 2 : 1;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_fake_quant__ref", .types = "f32>f32", .prepare = prepare, .run = run},
    {.name = NULL},
};

/* Straight through between the bounds. */
static mw_status gradient(mw_ctx *ctx, mwi_gradient_call *call)
{
    state s;

    MWI_TRY(state_of(ctx, call->at.op->attr, &s));
    return mwi_emit(ctx, &call->at, &mwi_op_relu_grad, MWI_IN(call->at.op->in[0], call->d_out[0]),
                    MWI_SET({"low", (double)s.low, NULL}, {"high", (double)s.high, NULL}),
                    &call->d_in[0]);
}

const mwi_op_desc mwi_op_fake_quant = {
    .name = "FAKE_QUANT",
    .tflite_code = 80,
    .options_type = 58,
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_INPLACE | MWI_OP_POINTWISE,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .infer = mwi_infer_same,
    .gradient = gradient,
    .version = version,
};
