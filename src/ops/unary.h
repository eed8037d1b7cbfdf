/* ops/unary.h - elementwise operators of one input: float loops, and lookup tables for 8 and 16
 * bits as TFLite makes them.
 * Depends: ops/fixed.  Used by: RELU to TANH.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_OPS_UNARY_H
#define MWI_OPS_UNARY_H

#include "ops/fixed.h"
#include "ops/shapes.h"

typedef float (*mwi_unary_fn)(float x, const void *attr);

/* Tables: 256 results, or 513 points that 16-bit values interpolate. */
MW_MUST_USE mw_status mwi_unary_table8(mw_ctx *ctx, mwi_prepare_call *call, mwi_unary_fn fn);
MW_MUST_USE mw_status mwi_unary_table16(mw_ctx *ctx, mwi_prepare_call *call, mwi_unary_fn fn);
/* The same for a function of integers: every input of 8 bits through `fn`. */
MW_MUST_USE mw_status mwi_unary_map8(mw_ctx *ctx, mwi_prepare_call *call,
                                     int32_t (*fn)(const void *state, int32_t x),
                                     const void *state);
mw_status mwi_unary_run_table8(mw_ctx *ctx, const mwi_run_call *call);
mw_status mwi_unary_run_table16(mw_ctx *ctx, const mwi_run_call *call);
/* 513 points of a function given in double, and looking one up: for SOFTMAX. */
void mwi_table16_fill(double in_scale, int32_t in_zero, double out_scale, int32_t out_zero,
                      double (*fn)(double), int16_t table[513]);
int16_t mwi_table16_at(int16_t value, const int16_t table[513]);

/* n outputs from n inputs. */
typedef void (*mwi_unary_row)(const mwi_run_call *call, const void *in, void *out, size_t n);
/* Walks all elements in pieces, on the call's threads. */
mw_status mwi_unary_run(const mwi_run_call *call, mwi_unary_row row);

/* A run function: expression in x, with `a` the attributes and `s` the state. */
#define MWI_UNARY_RUN(name, in_type, out_type, attr_type, state_type, expression)                  \
    static void name##_row(const mwi_run_call *call, const void *pi, void *po, size_t n)           \
    {                                                                                              \
        const attr_type *const a = call->attr;                                                     \
        const state_type *const restrict s = call->state;                                          \
        const in_type *const in = pi;                                                              \
        out_type *const out = po;                                                                  \
        (void)a;                                                                                   \
        (void)s;                                                                                   \
        for (size_t i = 0; i < n; i++) {                                                           \
            const in_type x = in[i];                                                               \
            out[i] = (out_type)(expression);                                                       \
        }                                                                                          \
    }                                                                                              \
    static mw_status name(mw_ctx *ctx, const mwi_run_call *call)                                   \
    {                                                                                              \
        (void)ctx;                                                                                 \
        return mwi_unary_run(call, name##_row);                                                    \
    }

/* Clamps of quantized values between real bounds, rescaled: the RELU family. 8 bits run by their
 * table. */
mw_status mwi_relu_prepare(mw_ctx *ctx, mwi_prepare_call *call, float low, float high);
mw_status mwi_relu_run_i16(mw_ctx *ctx, const mwi_run_call *call);

#endif
