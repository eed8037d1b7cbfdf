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

/* Which axes of a value of `rank` input i names. Sets call->unknown when they are not constant.
 * Fails: MW_EFORMAT. */
MW_MUST_USE mw_status mwi_reduce_axes(mw_ctx *ctx, mwi_shape_call *call, size_t i, int32_t rank,
                                      bool gone[MW_MAX_RANK]);

/* Proves that input `kept` has as many values as input x without the axes that input `axes` names.
 */
MW_MUST_USE mw_status mwi_reduce_infer_kept(mw_ctx *ctx, mwi_shape_call *call, size_t x,
                                            size_t axes, size_t kept);
/* The way back: to which result each input of a reduction went. */
typedef struct mwi_spread {
    int32_t rank;
    size_t dims[MW_MAX_RANK], strides[MW_MAX_RANK]; /* of the results; 0: a reduced axis */
    size_t n_gone;                                  /* inputs of one result */
} mwi_spread;
void mwi_spread_plan(const mwi_view *axes, const mwi_view *x, mwi_spread *s);
static inline size_t mwi_spread_place(const mwi_spread *s, size_t i)
{
    size_t place = 0;
    for (int32_t k = s->rank - 1; k >= 0; k--) {
        place += i % s->dims[k] * s->strides[k];
        i /= s->dims[k];
    }
    return place;
}

enum { MWI_REDUCE_LANES = 64 }; /* outputs that one piece works on side by side */

/* The walk over merged dimensions. Where the innermost one stays, its outputs are lanes; where it
 * goes, its inputs are a run of neighbours. */
typedef struct mwi_reduce {
    const mwi_run_call *call;
    size_t n_in;       /* inputs of one output */
    size_t lanes, run; /* one of them is 1 */
    size_t n_blocks;   /* blocks of lanes */
    size_t n_pieces;   /* blocks times the outer outputs */
    size_t n_steps;    /* runs of one output */
    int32_t kept_rank, gone_rank;
    size_t kept_dims[MW_MAX_RANK], kept_strides[MW_MAX_RANK]; /* into the input, in elements */
    size_t gone_dims[MW_MAX_RANK], gone_strides[MW_MAX_RANK];
} mwi_reduce;
/* in: the input and the axes. */
void mwi_reduce_plan(const mwi_view *in, mwi_reduce *r);
/* First input of a piece, and in *out_n its lanes. */
size_t mwi_reduce_base(const mwi_reduce *r, size_t piece, size_t *out_first, size_t *out_n);
/* The offset of the next run; at: zeros before the first. */
static inline void mwi_reduce_next(const mwi_reduce *r, size_t at[MW_MAX_RANK], size_t *offset)
{
    for (int32_t k = r->gone_rank - 1; k >= 0; k--) {
        *offset += r->gone_strides[k];
        if (++at[k] < r->gone_dims[k]) return;
        *offset -= r->gone_strides[k] * r->gone_dims[k];
        at[k] = 0;
    }
}
/* Pieces that one task takes: enough work to wake a thread for. */
size_t mwi_reduce_grain(const mwi_reduce *r);

/* A run function: `step` takes v into acc, `result` is an output from acc; `s` the state. A run is
 * taken in 8 interleaved parts, which only floats can tell. */
#define MWI_REDUCE_RUN(name, type, acc_type, state_type, init, step, result)                       \
    static inline acc_type name##_take(acc_type acc, acc_type v)                                   \
    {                                                                                              \
        step;                                                                                      \
        return acc;                                                                                \
    }                                                                                              \
    static void name##_pieces(void *arg, size_t begin, size_t end, uint32_t thread)                \
    {                                                                                              \
        const mwi_reduce *const r = arg;                                                           \
        const state_type *const restrict s = r->call->state;                                       \
        const type *const in = r->call->in[0].data;                                                \
        type *const out = r->call->out[0].data;                                                    \
        acc_type accs[MWI_REDUCE_LANES];                                                           \
        (void)s;                                                                                   \
        (void)thread;                                                                              \
        for (size_t piece = begin; piece < end; piece++) {                                         \
            size_t at[MW_MAX_RANK] = {0}, offset = 0, first, n;                                    \
            const type *const from = in + mwi_reduce_base(r, piece, &first, &n);                   \
            const size_t lanes = r->run > 1 ? 8 : n;                                               \
            for (size_t i = 0; i < lanes; i++) accs[i] = init;                                     \
            for (size_t k = 0; k < r->n_steps; k++, mwi_reduce_next(r, at, &offset)) {             \
                const type *const p = from + offset;                                               \
                size_t i = 0;                                                                      \
                if (r->run > 1) {                                                                  \
                    for (; i + 8 <= r->run; i += 8)                                                \
                        for (size_t j = 0; j < 8; j++)                                             \
                            accs[j] = name##_take(accs[j], (acc_type)p[i + j]);                    \
                    for (; i < r->run; i++) accs[0] = name##_take(accs[0], (acc_type)p[i]);        \
                } else {                                                                           \
                    for (; i < n; i++) accs[i] = name##_take(accs[i], (acc_type)p[i]);             \
                }                                                                                  \
            }                                                                                      \
            if (r->run > 1)                                                                        \
                for (size_t j = 1; j < 8; j++) accs[0] = name##_take(accs[0], accs[j]);            \
            for (size_t i = 0; i < n; i++) {                                                       \
                const acc_type acc = accs[i];                                                      \
                out[first + i] = (type)(result);                                                   \
            }                                                                                      \
        }                                                                                          \
    }                                                                                              \
    static mw_status name(mw_ctx *ctx, const mwi_run_call *call)                                   \
    {                                                                                              \
        mwi_reduce r;                                                                              \
        (void)ctx;                                                                                 \
        mwi_reduce_plan(call->in, &r);                                                             \
        r.call = call;                                                                             \
        mwi_par_for(call->pool, r.n_pieces, mwi_reduce_grain(&r), name##_pieces, &r);              \
        return MW_OK;                                                                              \
    }

/* MEAN and SUM of quantized values: scaled and shifted sums. */
typedef struct mwi_mean_state {
    mwi_multiplier m;
    int32_t out_zero, low, high;
    int32_t in_sum; /* the input's zero point times n_in */
    bool empty;     /* nothing to add: outputs are zero */
} mwi_mean_state;
/* mean: the division is folded into the multiplier, as the reference does. */
MW_MUST_USE mw_status mwi_mean_prepare(mw_ctx *ctx, mwi_prepare_call *call, bool mean);
static inline int32_t mwi_mean_result(const mwi_mean_state *s, int32_t sum)
{
    const int32_t real = mwi_scale(mwi_sub32(sum, s->in_sum), s->m);
    return s->empty ? 0 : mwi_clamp(mwi_add32(real, s->out_zero), s->low, s->high);
}
/* Fails with MW_EFORMAT when a quantized output's scale or zero point is not the input's. */
mw_status mwi_reduce_same_quant(mw_ctx *ctx, mwi_prepare_call *call);

#endif
