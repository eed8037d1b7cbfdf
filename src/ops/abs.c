/* ops/abs.c - ABS: |x|.
 * Depends: ops/unary.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/rules.h"
#include "ops/unary.h"

#include <math.h>
#include <stdlib.h>

typedef struct state {
    mwi_multiplier m;
    bool rescale;
    int32_t in_zero, out_zero, low, high;
} state;

static int32_t quantized(const void *memory, int32_t x)
{
    const state *const s = memory;
    const int32_t v = abs(x - s->in_zero);
    return mwi_quantized(s->rescale ? mwi_scale(v, s->m) : v, s->out_zero, s->low, s->high);
}

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    float in_scale, out_scale;
    void *memory;

    if (!mwi_is_quantized(&call->in[0]) && call->in[0].dtype == MW_INT16)
        return MW_OK; /* plain integers */
    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(state), &memory));
    state *const s = call->state = memory;
    MWI_TRY(mwi_need_quant(ctx, &call->in[0], "input", &in_scale, &s->in_zero));
    MWI_TRY(mwi_need_quant(ctx, &call->out[0], "output", &out_scale, &s->out_zero));
    mwi_type_range(call->out[0].dtype, &s->low, &s->high);
    s->rescale = in_scale != out_scale;
    s->m = mwi_multiplier_of((double)(in_scale / out_scale));
    return call->in[0].dtype == MW_INT16 ? MW_OK : mwi_unary_map8(ctx, call, quantized, s);
}

MWI_UNARY_RUN(run_f32, float, float, void, void, fabsf(x))
MWI_UNARY_RUN(run_i32, int32_t, int32_t, void, void, x < 0 ? 0u - (uint32_t)x : (uint32_t)x)
MWI_UNARY_RUN(run_i16, int16_t, int16_t, void, state, s == NULL ? abs(x) : quantized(s, x))

static int32_t version(const mwi_shape_call *call)
{
    if (call->in[0].dtype == MW_INT32) return 5;
    if (call->in[0].dtype == MW_INT16) return mwi_is_quantized(&call->in[0]) ? 3 : 4;
    return mwi_version_i8(call);
}

static const mwi_kernel kernels[] = {
    {.name = "f32_abs__ref", .types = "f32>f32", .run = run_f32},
    {.name = "s8_abs__ref", .types = "i8>i8", .prepare = prepare, .run = mwi_unary_run_table8},
    {.name = "s16_abs__ref", .types = "i16>i16", .prepare = prepare, .run = run_i16},
    {.name = "s32_abs__ref", .types = "i32>i32", .run = run_i32},
    {.name = NULL},
};

static double slope_at(double x, double y, double parameter)
{
    (void)y;
    (void)parameter;
    return x > 0 ? 1 : x < 0 ? -1 : 0;
}

static const mwi_slope slope = {.at = slope_at, .reads_x = true};

const mwi_op_desc mwi_op_abs = {
    .name = "ABS",
    .tflite_code = 101,
    .options_type = 78,
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_INPLACE | MWI_OP_POINTWISE | MWI_OP_SCALES_BY_CHANNEL,
    .kernels = kernels,
    .quant = &mwi_quant_own,
    .out_low = 0,
    .out_high = HUGE_VAL,
    .infer = mwi_infer_same,
    .gradient = mwi_gradient_pointwise,
    .slope = &slope,
    .version = version,
};
