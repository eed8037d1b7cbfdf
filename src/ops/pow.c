/* ops/pow.c - POW: x to the y with broadcast. Integer exponents are not negative.
 * Depends: ops/binary.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/binary.h"

#include <float.h>
#include <math.h>

static int32_t power(int32_t x, int32_t y)
{
    const double v = pow(x, y);
    return v >= 2147483647.0 ? INT32_MAX : v <= -2147483648.0 ? INT32_MIN : (int32_t)v;
}

MWI_BINARY_ROW(row_f32, float, float, void, powf(x, y))
MWI_BINARY_ROW(row_i32, int32_t, int32_t, void, power(x, y))
MWI_BINARY_RUN(run_f32, row_f32)

static mw_status run_i32(mw_ctx *ctx, const mwi_run_call *call)
{
    const int32_t *const b = call->in[1].data;

    for (size_t i = 0, n = mwi_view_count(&call->in[1]); i < n; i++)
        if (b[i] < 0) return mwi_fail(ctx, MW_EINVAL, "exponent %d, allowed 0 or more", b[i]);
    mwi_binary_run(call, row_i32);
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_pow__ref", .types = "f32,f32>f32", .run = run_f32},
    {.name = "s32_pow__ref", .types = "i32,i32>i32", .run = run_i32},
    {.name = NULL},
};

/* b * a^(b - 1) * dy; log(a) * a^b * dy where a > 0, else 0. */
static mw_status gradient(mw_ctx *ctx, mwi_gradient_call *call)
{
    const int32_t *const in = call->at.op->in, dy = call->d_out[0];
    int32_t one, zero, tiny, t, positive;

    if (call->wanted[0]) {
        MWI_TRY(mwi_emit_float(ctx, &call->at, 1, &one));
        MWI_TRY(mwi_emit2(ctx, &call->at, &mwi_op_sub, in[1], one, &t));
        MWI_TRY(mwi_emit2(ctx, &call->at, &mwi_op_pow, in[0], t, &t));
        MWI_TRY(mwi_emit2(ctx, &call->at, &mwi_op_mul, t, in[1], &t));
        MWI_TRY(mwi_emit2(ctx, &call->at, &mwi_op_mul, t, dy, &t));
        MWI_TRY(mwi_gradient_to_input(ctx, call, 0, t));
    }
    if (!call->wanted[1]) return MW_OK;
    MWI_TRY(mwi_emit_float(ctx, &call->at, 0, &zero));
    MWI_TRY(mwi_emit_float(ctx, &call->at, (double)FLT_MIN, &tiny));
    MWI_TRY(mwi_emit2(ctx, &call->at, &mwi_op_greater, in[0], zero, &positive));
    MWI_TRY(mwi_emit2(ctx, &call->at, &mwi_op_maximum, in[0], tiny, &t));
    MWI_TRY(mwi_emit1(ctx, &call->at, &mwi_op_log, t, &t));
    MWI_TRY(mwi_emit2(ctx, &call->at, &mwi_op_mul, t, call->at.op->out[0], &t));
    MWI_TRY(mwi_emit2(ctx, &call->at, &mwi_op_mul, t, dy, &t));
    MWI_TRY(mwi_emit_select(ctx, &call->at, (const int32_t[]){positive, t, zero}, dy, &t));
    return mwi_gradient_to_input(ctx, call, 1, t);
}

const mwi_op_desc mwi_op_pow = {
    .name = "POW",
    .tflite_code = 78,
    .options_type = 56,
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_INPLACE | MWI_OP_BINARY_BROADCAST,
    .kernels = kernels,
    .infer = mwi_infer_broadcast,
    .gradient = gradient,
};
