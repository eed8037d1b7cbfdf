/* ops/log.c - LOG: the natural logarithm. A table takes the least output for what has none.
 * Depends: ops/unary.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/rules.h"
#include "ops/unary.h"

#include <math.h>

MWI_UNARY_RUN(run_f32, float, float, void, void, logf(x))

/* attr of the table: the least real output. */
static float table_fn(float x, const void *least)
{
    return x <= 0.0f ? *(const float *)least : logf(x);
}

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    float scale, least;
    int32_t zero, low, high;

    MWI_TRY(mwi_need_quant(ctx, &call->out[0], "output", &scale, &zero));
    mwi_type_range(call->out[0].dtype, &low, &high);
    least = (float)(low - zero) * scale;
    mwi_prepare_call with_least = *call;
    with_least.attr = &least;
    if (call->in[0].dtype == MW_INT8) {
        MWI_TRY(mwi_unary_table8(ctx, &with_least, table_fn));
    } else {
        MWI_TRY(mwi_need_zero(ctx, &call->in[0], "input"));
        MWI_TRY(mwi_need_zero(ctx, &call->out[0], "output"));
        MWI_TRY(mwi_unary_table16(ctx, &with_least, table_fn));
    }
    call->state = with_least.state;
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_log__ref", .types = "f32>f32", .run = run_f32},
    {.name = "s8_log__ref", .types = "i8>i8", .prepare = prepare, .run = mwi_unary_run_table8},
    {.name = "s16_log__ref", .types = "i16>i16", .prepare = prepare, .run = mwi_unary_run_table16},
    {.name = NULL},
};

static double slope_at(double x, double y, double parameter)
{
    (void)y;
    (void)parameter;
    return 1 / x;
}

static const mwi_slope slope = {.at = slope_at, .reads_x = true};

const mwi_op_desc mwi_op_log = {
    .name = "LOG",
    .tflite_code = 73,
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_INPLACE | MWI_OP_POINTWISE,
    .kernels = kernels,
    .quant = &mwi_quant_own,
    .infer = mwi_infer_same,
    .gradient = mwi_gradient_pointwise,
    .slope = &slope,
    .version = mwi_version_i8i16,
};
