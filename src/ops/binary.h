/* ops/binary.h - elementwise operators of two inputs that broadcast.
 * Depends: ops/registry.  Used by: ADD, SUB, MUL, ... .   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_OPS_BINARY_H
#define MWI_OPS_BINARY_H

#include "ops/fixed.h"
#include "ops/shapes.h"

/* One run of n outputs; step_a and step_b are 0 (one value for all) or 1. `state` is the call's. */
typedef void (*mwi_binary_row)(const void *state, const void *a, size_t step_a, const void *b,
                               size_t step_b, void *out, size_t n);

/* Walks the outputs in order, merging dimensions that both inputs walk alike, and calls `row`. */
void mwi_binary_run(const mwi_run_call *call, mwi_binary_row row);

/* Whether the two inputs' shapes differ. */
bool mwi_broadcasts(const mwi_shape_call *call);
/* Fails with MW_EINVAL when input 1 holds `zero` and there is an output. */
MW_MUST_USE mw_status mwi_binary_no_zero(mw_ctx *ctx, const mwi_run_call *call, int64_t zero);

/* A row function: `expression` in x and y, with `s` the state as const state_type *. */
#define MWI_BINARY_ROW(name, in_type, out_type, state_type, expression)                            \
    MWI_BINARY_ROW2(name, in_type, in_type, out_type, state_type, expression)
#define MWI_BINARY_ROW2(name, a_type, b_type, out_type, state_type, expression)                    \
    static void name(const void *ps, const void *pa, size_t step_a, const void *pb, size_t step_b, \
                     void *po, size_t n)                                                           \
    {                                                                                              \
        const state_type *const restrict s = ps;                                                   \
        const a_type *const a = pa;                                                                \
        const b_type *const b = pb;                                                                \
        out_type *const out = po;                                                                  \
        (void)s;                                                                                   \
        if (step_a == 1 && step_b == 1)                                                            \
            MWI_BINARY_LOOP(a_type, a[i], b_type, b[i], out_type, expression)                      \
        else if (step_a == 1)                                                                      \
            MWI_BINARY_LOOP(a_type, a[i], b_type, b[0], out_type, expression)                      \
        else if (step_b == 1)                                                                      \
            MWI_BINARY_LOOP(a_type, a[0], b_type, b[i], out_type, expression)                      \
        else                                                                                       \
            MWI_BINARY_LOOP(a_type, a[0], b_type, b[0], out_type, expression)                      \
    }
#define MWI_BINARY_LOOP(a_type, a_value, b_type, b_value, out_type, expression)                    \
    for (size_t i = 0; i < n; i++) {                                                               \
        const a_type x = a_value;                                                                  \
        const b_type y = b_value;                                                                  \
        out[i] = (out_type)(expression);                                                           \
    }
/* A run function that walks with a row function. */
#define MWI_BINARY_RUN(name, row)                                                                  \
    static mw_status name(mw_ctx *ctx, const mwi_run_call *call)                                   \
    {                                                                                              \
        (void)ctx;                                                                                 \
        mwi_binary_run(call, row);                                                                 \
        return MW_OK;                                                                              \
    }

/* ADD and SUB of quantized values, as TFLite rescales them; MUL. Bounds of the fused activation for
 * all. */
typedef struct mwi_arith {
    mwi_multiplier a, b, out;
    int32_t zero_a, zero_b, zero_out, left_shift, low, high;
    float low_f, high_f;
    int64_t low_i, high_i;
    bool powers_of_two; /* int16 with scales that are powers of two: shifts alone */
    int32_t shift_a, shift_b;
    bool plain; /* int16 without quantization: integers as they are */
    const int32_t *scaled_a,
        *scaled_b; /* ADD and SUB of 8 bits: every input, rescaled; by its bits */
} mwi_arith;
/* int16 operands without quantization. */
static inline bool mwi_arith_is_plain16(const mwi_view *a)
{
    return a->dtype == MW_INT16 && !mwi_is_quantized(a);
}
/* quantized ADD and SUB; pot: the attribute pot_scale_int16 */
MW_MUST_USE mw_status mwi_arith_prepare_sum(mw_ctx *ctx, mwi_prepare_call *call, int32_t activation,
                                            bool pot);
MW_MUST_USE mw_status mwi_arith_prepare_product(mw_ctx *ctx, mwi_prepare_call *call,
                                                int32_t activation);
/* floats and plain integers */
MW_MUST_USE mw_status mwi_arith_prepare_plain(mw_ctx *ctx, mwi_prepare_call *call,
                                              int32_t activation);

#endif
