/* ops/real.c - REAL: the real part of complex numbers.
 * Depends: ops/shapes.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/shapes.h"

#define RUN(name, type, expression)                                                                \
    static mw_status name(mw_ctx *ctx, const mwi_run_call *call)                                   \
    {                                                                                              \
        const type *const in = call->in[0].data;                                                   \
        type *const out = call->out[0].data;                                                       \
        (void)ctx;                                                                                 \
        for (size_t i = 0, n = mwi_view_count(&call->out[0]); i < n; i++) out[i] = expression;     \
        return MW_OK;                                                                              \
    }
RUN(run_c64, float, in[2 * i])
RUN(run_c128, double, in[2 * i])

static const mwi_kernel kernels[] = {
    {.name = "c64_real__ref", .types = "c64>f32", .run = run_c64},
    {.name = "c128_real__ref", .types = "c128>f64", .run = run_c128},
    {.name = NULL},
};

const mwi_op_desc mwi_op_real = {
    .name = "REAL",
    .tflite_code = 134,
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .kernels = kernels,
    .infer = mwi_infer_same,
};
