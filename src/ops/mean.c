/* ops/mean.c - MEAN over axes.
 * Depends: ops/reduce.  Used by: the list of operators only.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/reduce.h"
#include "ops/rules.h"

MWI_REDUCE_RUN(run_f32, float, float, 0, acc += v, acc / (float)r.n_in)
MWI_REDUCE_RUN(run_i32, int32_t, int64_t, 0, acc += v, r.n_in == 0 ? 0 : acc / (int64_t)r.n_in)
MWI_REDUCE_RUN(run_i64, int64_t, int64_t, 0, acc += v, r.n_in == 0 ? 0 : acc / (int64_t)r.n_in)

static mw_status run_int(mw_ctx *ctx, const mwi_run_call *call) { return mwi_mean_run(ctx, call, true); }

static const mwi_kernel kernels[] = {
    {.name = "f32_mean__ref", .types = "f32,i32>f32", .run = run_f32},
    {.name = "s8_mean__ref", .types = "i8,i32>i8", .prepare = mwi_mean_prepare, .run = run_int},
    {.name = "u8_mean__ref", .types = "u8,i32>u8", .prepare = mwi_mean_prepare, .run = run_int},
    {.name = "s16_mean__ref", .types = "i16,i32>i16", .prepare = mwi_mean_prepare, .run = run_int},
    {.name = "s32_mean__ref", .types = "i32,i32>i32", .run = run_i32},
    {.name = "s64_mean__ref", .types = "i64,i32>i64", .run = run_i64},
    {.name = NULL},
};

const mwi_op_desc mwi_op_mean = {
    .name = "MEAN",
    .tflite_code = 40,
    .options_type = 27,
    .min_in = 2, .max_in = 2, .min_out = 1, .max_out = 1,
    .attr_size = sizeof(mwi_reduce_attr),
    .fields = mwi_reduce_fields,
    .kernels = kernels,
    .quant = &mwi_quant_first,
    .infer = mwi_reduce_infer,
    .version = mwi_version_i8_i16,
};
