/* ops/sign.c - SIGN: -1, 0 or 1; NaN stays.
 * Depends: ops/unary.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/rules.h"
#include "ops/unary.h"

#define SIGN(x) ((x) > 0 ? 1 : (x) < 0 ? -1 : 0)
MWI_UNARY_RUN(run_f32, float, float, void, void, x != x ? x : (float)SIGN(x))
MWI_UNARY_RUN(run_f64, double, double, void, void, x != x ? x : (double)SIGN(x))
MWI_UNARY_RUN(run_i32, int32_t, int32_t, void, void, SIGN(x))

static int32_t version(const mwi_shape_call *call) { return call->in[0].dtype == MW_INT32 ? 2 : 1; }

static const mwi_kernel kernels[] = {
    {.name = "f32_sign__ref", .types = "f32>f32", .run = run_f32},
    {.name = "f64_sign__ref", .types = "f64>f64", .run = run_f64},
    {.name = "s32_sign__ref", .types = "i32>i32", .run = run_i32},
    {.name = NULL},
};

const mwi_op_desc mwi_op_sign = {
    .name = "SIGN",
    .tflite_code = 158,
    .options_type = 123,
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_INPLACE | MWI_OP_POINTWISE,
    .kernels = kernels,
    .infer = mwi_infer_same,
    .gradient = mwi_gradient_none,
    .version = version,
};
