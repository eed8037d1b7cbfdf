/* ops/add_n.c - ADD_N: the sum of two or more tensors of one shape.
 * Depends: ops/shapes.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/shapes.h"

#include <string.h>

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_view *const x = &call->in[0];

    for (size_t i = 1; i < call->n_in; i++) {
        const mwi_view *const v = &call->in[i];
        if (v->tensor == NULL || v->rank != x->rank ||
            memcmp(v->dims, x->dims, (size_t)x->rank * sizeof *x->dims) != 0)
            return mwi_fail(ctx, MW_EFORMAT, "input %zu has another shape than input 0", i);
    }
    return mwi_infer_same(ctx, call);
}

#define RUN(name, type, sum_type)                                                                  \
    static void name##_piece(void *arg, size_t begin, size_t end, uint32_t thread)                 \
    {                                                                                              \
        const mwi_run_call *const call = arg;                                                      \
        type *const out = call->out[0].data;                                                       \
        (void)thread;                                                                              \
        for (size_t i = begin; i < end; i++) {                                                     \
            sum_type sum = (sum_type)((const type *)call->in[0].data)[i];                          \
            for (size_t k = 1; k < call->n_in; k++)                                                \
                sum += (sum_type)((const type *)call->in[k].data)[i];                              \
            out[i] = (type)sum;                                                                    \
        }                                                                                          \
    }                                                                                              \
    static mw_status name(mw_ctx *ctx, const mwi_run_call *call)                                   \
    {                                                                                              \
        mwi_run_call copy = *call;                                                                 \
        (void)ctx;                                                                                 \
        mwi_par_for(call->pool, mwi_view_count(&call->out[0]), 8192, name##_piece, &copy);         \
        return MW_OK;                                                                              \
    }
RUN(run_f32, float, float)
RUN(run_i32, int32_t, uint32_t)

static const mwi_kernel kernels[] = {
    {.name = "f32_add_n__ref", .types = "f32+>f32", .run = run_f32},
    {.name = "s32_add_n__ref", .types = "i32+>i32", .run = run_i32},
    {.name = NULL},
};

static mw_status gradient(mw_ctx *ctx, mwi_gradient_call *call)
{
    (void)ctx;
    for (size_t i = 0; i < call->at.op->n_in; i++) call->d_in[i] = call->d_out[0];
    return MW_OK;
}

const mwi_op_desc mwi_op_add_n = {
    .name = "ADD_N",
    .tflite_code = 106,
    .options_type = 82,
    .min_in = 2,
    .max_in = -1,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_INPLACE | MWI_OP_PER_SAMPLE,
    .kernels = kernels,
    .infer = infer,
    .gradient = gradient,
};
