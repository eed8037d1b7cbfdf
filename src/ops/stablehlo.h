/* ops/stablehlo.h - what StableHLO's elementwise operators share: two tensors of one type and
 * shape, no broadcasting; integers wrap.
 * Depends: ops/shapes, base/half.  Used by: STABLEHLO_ADD and its kind.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_OPS_STABLEHLO_H
#define MWI_OPS_STABLEHLO_H

#include "base/half.h"
#include "ops/shapes.h"

mw_status mwi_stablehlo_infer(mw_ctx *ctx, mwi_shape_call *call);

/* A run function: expression in a and b, of type `via`. */
#define MWI_STABLEHLO_RUN(name, type, via, expression)                                             \
    static mw_status name(mw_ctx *ctx, const mwi_run_call *call)                                   \
    {                                                                                              \
        const type *const pa = call->in[0].data, *const pb = call->in[1].data;                     \
        type *const out = call->out[0].data;                                                       \
        (void)ctx;                                                                                 \
        for (size_t i = 0, n = mwi_view_count(&call->out[0]); i < n; i++) {                        \
            const via a = (via)pa[i], b = (via)pb[i];                                              \
            out[i] = (type)(expression);                                                           \
        }                                                                                          \
        return MW_OK;                                                                              \
    }
#define MWI_STABLEHLO_RUN_F16(expression)                                                          \
    static mw_status run_f16(mw_ctx *ctx, const mwi_run_call *call)                                \
    {                                                                                              \
        const uint16_t *const pa = call->in[0].data, *const pb = call->in[1].data;                 \
        uint16_t *const out = call->out[0].data;                                                   \
        (void)ctx;                                                                                 \
        for (size_t i = 0, n = mwi_view_count(&call->out[0]); i < n; i++) {                        \
            const float a = mwi_half_to_float(pa[i]), b = mwi_half_to_float(pb[i]);                \
            out[i] = mwi_float_to_half(expression);                                                \
        }                                                                                          \
        return MW_OK;                                                                              \
    }
/* Expressions in a and b for arithmetic, which wraps, and for choices, which look at the sign. */
#define MWI_STABLEHLO_FLOATS(expression)                                                           \
    MWI_STABLEHLO_RUN_F16(expression)                                                              \
    MWI_STABLEHLO_RUN(run_f32, float, float, expression)                                           \
    MWI_STABLEHLO_RUN(run_f64, double, double, expression)
#define MWI_STABLEHLO_WRAPPING(expression)                                                         \
    MWI_STABLEHLO_RUN(run_8, uint8_t, uint32_t, expression)                                        \
    MWI_STABLEHLO_RUN(run_16, uint16_t, uint32_t, expression)                                      \
    MWI_STABLEHLO_RUN(run_32, uint32_t, uint32_t, expression)                                      \
    MWI_STABLEHLO_RUN(run_64, uint64_t, uint64_t, expression)

#endif
