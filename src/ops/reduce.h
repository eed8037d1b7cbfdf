/* ops/reduce.h - reductions over axes (input 1): MEAN, SUM, REDUCE_MAX, ...
 * Depends: ops/strided.  Used by: reductions.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_OPS_REDUCE_H
#define MWI_OPS_REDUCE_H

#include "ops/fixed.h"
#include "ops/strided.h"

typedef struct mwi_reduce_attr {
    bool keep_dims;
} mwi_reduce_attr;
extern const mwi_field mwi_reduce_fields[];

mw_status mwi_reduce_infer(mw_ctx *ctx, mwi_shape_call *call);

/* The walk: for each output, the inputs that it takes, in the input's order. */
typedef struct mwi_reduce {
    size_t n_out, n_in; /* outputs; inputs an output */
    int32_t out_rank, in_rank;
    size_t out_dims[MW_MAX_RANK], in_dims[MW_MAX_RANK];
    size_t out_strides[MW_MAX_RANK], in_strides[MW_MAX_RANK]; /* both into the input, in elements */
} mwi_reduce;
void mwi_reduce_plan(const mwi_run_call *call, mwi_reduce *r);
/* First input element of output o; offset of its k-th input. */
size_t mwi_reduce_base(const mwi_reduce *r, size_t o);
size_t mwi_reduce_offset(const mwi_reduce *r, size_t k);

/* A run function over outputs o and inputs v of one type. */
#define MWI_REDUCE_RUN(name, type, acc_type, init, step, result)                                    \
    static mw_status name(mw_ctx *ctx, const mwi_run_call *call)                                    \
    {                                                                                               \
        const type *const in = call->in[0].data;                                                    \
        type *const out = call->out[0].data;                                                        \
        mwi_reduce r;                                                                               \
        (void)ctx;                                                                                  \
        mwi_reduce_plan(call, &r);                                                                  \
        for (size_t o = 0; o < r.n_out; o++) {                                                      \
            const type *const from = in + mwi_reduce_base(&r, o);                                   \
            acc_type acc = init;                                                                    \
            for (size_t k = 0; k < r.n_in; k++) {                                                   \
                const type v = from[mwi_reduce_offset(&r, k)];                                      \
                step;                                                                               \
            }                                                                                       \
            out[o] = (type)(result);                                                                \
        }                                                                                           \
        return MW_OK;                                                                               \
    }

/* MEAN and SUM of quantized values. */
typedef struct mwi_mean_state {
    mwi_multiplier m;
    int32_t in_zero, out_zero, low, high;
} mwi_mean_state;
mw_status mwi_mean_prepare(mw_ctx *ctx, mwi_prepare_call *call);
/* mean: the division by n_in is folded into the multiplier, as the reference does. */
mw_status mwi_mean_run(mw_ctx *ctx, const mwi_run_call *call, bool mean);

#endif
