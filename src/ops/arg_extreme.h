/* ops/arg_extreme.h - what ARG_MAX and ARG_MIN share.
 * Depends: ops/strided.  Used by: ops/arg_max, ops/arg_min.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_OPS_ARG_EXTREME_H
#define MWI_OPS_ARG_EXTREME_H

#include "ops/strided.h"

typedef struct mwi_arg_attr {
    int32_t output_type;
} mwi_arg_attr;
extern const mwi_field mwi_arg_fields[];

mw_status mwi_arg_infer(mw_ctx *ctx, mwi_shape_call *call);
int32_t mwi_arg_version(const mwi_shape_call *call);

/* The walk: `outer` times `dim` candidates times `inner` neighbours. */
typedef struct mwi_arg_walk {
    size_t outer, dim, inner;
} mwi_arg_walk;
MW_MUST_USE mw_status mwi_arg_plan(mw_ctx *ctx, const mwi_run_call *call, mwi_arg_walk *out);
void mwi_arg_store(const mwi_view *out, size_t at, size_t index);

/* A run function; `better` compares candidate v with the best so far. The first of equals wins. */
#define MWI_ARG_RUN(name, type, better)                                                            \
    static mw_status name(mw_ctx *ctx, const mwi_run_call *call)                                   \
    {                                                                                              \
        const type *in = call->in[0].data;                                                         \
        mwi_arg_walk w;                                                                            \
        MWI_TRY(mwi_arg_plan(ctx, call, &w));                                                      \
        for (size_t o = 0; o < w.outer; o++, in += w.dim * w.inner)                                \
            for (size_t i = 0; i < w.inner; i++) {                                                 \
                type best = in[i];                                                                 \
                size_t index = 0;                                                                  \
                for (size_t k = 1; k < w.dim; k++) {                                               \
                    const type v = in[k * w.inner + i];                                            \
                    if (!(better)) continue;                                                       \
                    best = v;                                                                      \
                    index = k;                                                                     \
                }                                                                                  \
                mwi_arg_store(&call->out[0], o *w.inner + i, index);                               \
            }                                                                                      \
        return MW_OK;                                                                              \
    }

#endif
