/* ops/floor_mod.c - FLOOR_MOD: the remainder of x / y with the sign of y, with broadcast. Integers
 * refuse zero.
 * Depends: ops/binary, ops/rules.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/binary.h"
#include "ops/rules.h"

#include <math.h>

static int64_t floor_mod(int64_t x, int64_t y)
{
    if (y == -1) return 0; /* also where x / y overflows */
    const int64_t r = x % y;
    return r != 0 && (y < 0) != (r < 0) ? r + y : r;
}

static float floor_mod_f32(float x, float y)
{
    const float r = fmodf(x, y);
    return r != 0 && (y < 0) != (r < 0) ? r + y : r;
}

MWI_BINARY_ROW(row_f32, float, float, void, floor_mod_f32(x, y))
MWI_BINARY_ROW(row_i8, int8_t, int8_t, void, floor_mod(x, y))
MWI_BINARY_ROW(row_i16, int16_t, int16_t, void, floor_mod(x, y))
MWI_BINARY_ROW(row_i32, int32_t, int32_t, void, floor_mod(x, y))
MWI_BINARY_ROW(row_i64, int64_t, int64_t, void, floor_mod(x, y))
MWI_BINARY_RUN(run_f32, row_f32)

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

static mw_status run_i64(mw_ctx *ctx, const mwi_run_call *call)
{
    MWI_TRY(mwi_binary_no_zero(ctx, call, 0));
    mwi_binary_run(call, row_i64);
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_floor_mod__ref", .types = "f32,f32>f32", .run = run_f32},
    {.name = "s8_floor_mod__ref", .types = "i8,i8>i8", .run = run_i8},
    {.name = "s16_floor_mod__ref", .types = "i16,i16>i16", .run = run_i16},
    {.name = "s32_floor_mod__ref", .types = "i32,i32>i32", .run = run_i32},
    {.name = "s64_floor_mod__ref", .types = "i64,i64>i64", .run = run_i64},
    {.name = NULL},
};

const mwi_op_desc mwi_op_floor_mod = {
    .name = "FLOOR_MOD",
    .tflite_code = 95,
    .options_type = 72,
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_INPLACE | MWI_OP_BINARY_BROADCAST,
    .kernels = kernels,
    .infer = mwi_infer_broadcast,
    .version = mwi_version_i8i16,
};
