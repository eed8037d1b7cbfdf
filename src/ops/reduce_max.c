/* ops/reduce_max.c - REDUCE_MAX: the largest value over axes.
 * Depends: ops/reduce.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/reduce.h"
#include "ops/rules.h"

#include <float.h>
#include <math.h>

/* Of nothing the smallest finite number, as TFLite. */
MWI_REDUCE_RUN(run_f32, float, float, void, r->n_in == 0 ? -FLT_MAX : -INFINITY,
               acc = v > acc ? v : acc, acc)
MWI_REDUCE_RUN(run_i8, int8_t, int8_t, void, INT8_MIN, acc = v > acc ? v : acc, acc)
MWI_REDUCE_RUN(run_u8, uint8_t, uint8_t, void, 0, acc = v > acc ? v : acc, acc)
MWI_REDUCE_RUN(run_i16, int16_t, int16_t, void, INT16_MIN, acc = v > acc ? v : acc, acc)
MWI_REDUCE_RUN(run_i32, int32_t, int32_t, void, INT32_MIN, acc = v > acc ? v : acc, acc)
MWI_REDUCE_RUN(run_i64, int64_t, int64_t, void, INT64_MIN, acc = v > acc ? v : acc, acc)

static const mwi_kernel kernels[] = {
    {.name = "f32_reduce_max__ref", .types = "f32,i32>f32", .run = run_f32},
    {.name = "s8_reduce_max__ref",
     .types = "i8,i32>i8",
     .prepare = mwi_reduce_same_quant,
     .run = run_i8},
    {.name = "u8_reduce_max__ref",
     .types = "u8,i32>u8",
     .prepare = mwi_reduce_same_quant,
     .run = run_u8},
    {.name = "s16_reduce_max__ref",
     .types = "i16,i32>i16",
     .prepare = mwi_reduce_same_quant,
     .run = run_i16},
    {.name = "s32_reduce_max__ref", .types = "i32,i32>i32", .run = run_i32},
    {.name = "s64_reduce_max__ref", .types = "i64,i32>i64", .run = run_i64},
    {.name = NULL},
};

static mw_status gradient(mw_ctx *ctx, mwi_gradient_call *call)
{
    const mwi_op *const op = call->at.op;
    return mwi_emit(ctx, &call->at, &mwi_op_reduce_max_grad,
                    MWI_IN(op->in[0], op->out[0], call->d_out[0], op->in[1]), NULL, &call->d_in[0]);
}

const mwi_op_desc mwi_op_reduce_max = {
    .name = "REDUCE_MAX",
    .tflite_code = 82,
    .options_type = 27,
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_PER_SAMPLE | MWI_OP_REDUCES | MWI_OP_SCALES_BY_CHANNEL,
    .attr_size = sizeof(mwi_reduce_attr),
    .fields = mwi_reduce_fields,
    .kernels = kernels,
    .quant = &mwi_quant_same,
    .infer = mwi_reduce_infer,
    .gradient = gradient,
    .version = mwi_version_i8_i16,
};
