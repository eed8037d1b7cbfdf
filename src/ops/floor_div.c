/* ops/floor_div.c - FLOOR_DIV: the floor of x / y with broadcast. Zero is refused, for floats too,
 * as in TFLite; the least integer by -1 is the largest.
 * Depends: ops/binary.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/binary.h"

#include <math.h>

static int64_t floor_div(int64_t x, int64_t y, int64_t most)
{
    const int64_t q = x / y - (x % y != 0 && (x < 0) != (y < 0));
    return q < most ? q : most;
}

MWI_BINARY_ROW(row_f32, float, float, void, floor((double)x / (double)y))
MWI_BINARY_ROW(row_i8, int8_t, int8_t, void, floor_div(x, y, INT8_MAX))
MWI_BINARY_ROW(row_i16, int16_t, int16_t, void, floor_div(x, y, INT16_MAX))
MWI_BINARY_ROW(row_i32, int32_t, int32_t, void, floor_div(x, y, INT32_MAX))

static mw_status run_f32(mw_ctx *ctx, const mwi_run_call *call)
{
    MWI_TRY(mwi_binary_no_zero(ctx, call, 0));
    mwi_binary_run(call, row_f32);
    return MW_OK;
}

static mw_status run_i8(mw_ctx *ctx, const mwi_run_call *call)
{
    MWI_TRY(mwi_binary_no_zero(ctx, call, 0));
    mwi_binary_run(call, row_i8);
    return MW_OK;
}

static mw_status run_i16(mw_ctx *ctx, const mwi_run_call *call)
{
    MWI_TRY(mwi_binary_no_zero(ctx, call, 0));
    mwi_binary_run(call, row_i16);
    return MW_OK;
}

static mw_status run_i32(mw_ctx *ctx, const mwi_run_call *call)
{
    MWI_TRY(mwi_binary_no_zero(ctx, call, 0));
    mwi_binary_run(call, row_i32);
    return MW_OK;
}

static int32_t version(const mwi_shape_call *call)
{
    const mw_dtype t = call->in[0].dtype;
    return t == MW_INT8 || t == MW_INT16 ? 3 : t == MW_FLOAT32 ? 2 : 1;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_floor_div__ref", .types = "f32,f32>f32", .run = run_f32},
    {.name = "s8_floor_div__ref", .types = "i8,i8>i8", .run = run_i8},
    {.name = "s16_floor_div__ref", .types = "i16,i16>i16", .run = run_i16},
    {.name = "s32_floor_div__ref", .types = "i32,i32>i32", .run = run_i32},
    {.name = NULL},
};

const mwi_op_desc mwi_op_floor_div = {
    .name = "FLOOR_DIV",
    .tflite_code = 90,
    .options_type = 65,
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_INPLACE | MWI_OP_BINARY_BROADCAST,
    .kernels = kernels,
    .infer = mwi_infer_broadcast,
    .version = version,
};
