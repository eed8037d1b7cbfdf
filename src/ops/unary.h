/* ops/unary.h - elementwise operators of one input: float loops, and lookup tables for 8 and 16 bits as TFLite
 * makes them.
 * Depends: ops/fixed.  Used by: RELU to TANH.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_OPS_UNARY_H
#define MWI_OPS_UNARY_H

#include "ops/fixed.h"
#include "ops/shapes.h"

typedef float (*mwi_unary_fn)(float x, const void *attr);

/* Tables: 256 results, or 513 points that 16-bit values interpolate. */
MW_MUST_USE mw_status mwi_unary_table8(mw_ctx *ctx, mwi_prepare_call *call, mwi_unary_fn fn);
MW_MUST_USE mw_status mwi_unary_table16(mw_ctx *ctx, mwi_prepare_call *call, mwi_unary_fn fn);
mw_status mwi_unary_run_table8(mw_ctx *ctx, const mwi_run_call *call);
mw_status mwi_unary_run_table16(mw_ctx *ctx, const mwi_run_call *call);
/* 513 points of a function given in double, and looking one up: for SOFTMAX. */
void mwi_table16_fill(double in_scale, int32_t in_zero, double out_scale, int32_t out_zero, double (*fn)(double),
                      int16_t table[513]);
int16_t mwi_table16_at(int16_t value, const int16_t table[513]);

/* A run function over floats; expression in x, with `a` the attributes. */
#define MWI_UNARY_RUN(name, type, attr_type, expression)                                            \
    static mw_status name(mw_ctx *ctx, const mwi_run_call *call)                                    \
    {                                                                                               \
        const attr_type *const a = call->attr;                                                      \
        const type *const in = call->in[0].data;                                                    \
        type *const out = call->out[0].data;                                                        \
        (void)ctx;                                                                                  \
        (void)a;                                                                                    \
        for (size_t i = 0, n = call->in[0].bytes / sizeof *in; i < n; i++) {                        \
            const type x = in[i];                                                                   \
            out[i] = (type)(expression);                                                            \
        }                                                                                           \
        return MW_OK;                                                                               \
    }

/* Clamps of quantized values between real bounds, rescaled: the RELU family. */
mw_status mwi_relu_prepare(mw_ctx *ctx, mwi_prepare_call *call, float low, float high);
mw_status mwi_relu_run_i8(mw_ctx *ctx, const mwi_run_call *call);
mw_status mwi_relu_run_u8(mw_ctx *ctx, const mwi_run_call *call);
mw_status mwi_relu_run_i16(mw_ctx *ctx, const mwi_run_call *call);

#endif
