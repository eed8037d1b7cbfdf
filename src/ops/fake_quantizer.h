/* ops/fake_quantizer.h - what FAKE_QUANT_TRAIN and its gradient share: attributes, how values are
 * cut into channels, and the grid of a channel.
 * Depends: ops/quant_params.  Used by: ops/fake_quant_train, ops/fake_quant_grad, devices/.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_OPS_FAKE_QUANTIZER_H
#define MWI_OPS_FAKE_QUANTIZER_H

#include "ops/quant_params.h"
#include "ops/shapes.h"

/* Operands of both: x, least and largest value of the range (one a channel), whether anything is
 * rounded (one number, above 0: yes). The largest alone: [-largest, largest]; neither: the range of
 * x itself. Without the last: yes. */
enum { MWI_FQ_X = 0, MWI_FQ_MIN = 1, MWI_FQ_MAX = 2, MWI_FQ_ON = 3 };

typedef struct mwi_fq_attr {
    int32_t num_bits;  /* 4, 8, 16: int4, int8, int16 */
    int32_t axis;      /* of the channels; -1: one range for all */
    bool symmetric;    /* zero point 0 */
    bool narrow_range; /* leaves out the lowest integer, as weights do */
} mwi_fq_attr;
extern const mwi_field mwi_fq_fields[];

/* Element i belongs to channel i / inner % n. */
typedef struct mwi_fq_channels {
    size_t n, inner, outer;
} mwi_fq_channels;

/* Integers of a channel, counted from the zero point: value = scale * integer. */
typedef struct mwi_fq_grid {
    bool on; /* false: nothing is to be rounded, or nothing is known of the range yet (min > max):
              * values pass */
    float scale;
    float low, high; /* integers */
} mwi_fq_grid;

/* Pieces of a tensor with one range: fixed, so that sums do not depend on threads. */
enum { MWI_FQ_PIECE = 4096 };

/* Sums over a channel: of dy below and above the range, and of dy times the rounding error in
 * steps between. */
typedef struct mwi_fq_sums {
    double below, above, inside;
} mwi_fq_sums;

/* Values whose terms are added up in float before they are in double: value i of a run has place
 * i % MWI_FQ_LANES, so that vectors of 8 and 16 add as the reference does. A run is no longer than
 * MWI_FQ_PIECE. */
enum { MWI_FQ_LANES = 16 };
typedef struct mwi_fq_lanes {
    float below[MWI_FQ_LANES], above[MWI_FQ_LANES], inside[MWI_FQ_LANES];
} mwi_fq_lanes;

/* Inner loops of a run of n values, which a device may have faster; results are the same to the
 * bit. */
typedef struct mwi_fq_loops {
    /* y is x rounded to the grid; what is not a number stays. */
    void (*round)(const mwi_fq_grid *grid, const float *x, float *y, size_t n);
    /* *min and *max take in the values; what is not a number is left out. */
    void (*widen)(const float *x, size_t n, float *min, float *max);
    /* dx is dy where x lies on the grid's range, else 0. */
    void (*pass)(const mwi_fq_grid *grid, const float *x, const float *dy, float *dx, size_t n);
    /* The same, and the terms of the values, to lanes that are 0 before. What is not a number
     * counts as below. */
    void (*add)(const mwi_fq_grid *grid, const float *x, const float *dy, float *dx, size_t n,
                mwi_fq_lanes *lanes);
} mwi_fq_loops;

/* The kernels with other loops. */
mw_status mwi_fq_train_prepare(mw_ctx *ctx, mwi_prepare_call *call);
mw_status mwi_fq_train_run(const mwi_run_call *call, const mwi_fq_loops *loops);
mw_status mwi_fq_grad_prepare(mw_ctx *ctx, mwi_prepare_call *call);
mw_status mwi_fq_grad_run(const mwi_run_call *call, const mwi_fq_loops *loops);

/* Checks operands and attributes. Fails: MW_EFORMAT. */
MW_MUST_USE mw_status mwi_fq_check(mw_ctx *ctx, const mwi_shape_call *call);
mwi_fq_channels mwi_fq_channels_of(const mwi_fq_attr *a, const mwi_view *x);
mwi_fq_grid mwi_fq_grid_of(const mwi_fq_attr *a, float min, float max);
/* What the operand says. */
bool mwi_fq_is_on(const mwi_view *in);
/* The grid of channel c by the operands, of which max at least is there. */
mwi_fq_grid mwi_fq_grid_at(const mwi_fq_attr *a, const mwi_view *in, size_t c);

/* v = x / scale to the nearest integer, halves away from zero; v within 2^22. */
static inline float mwi_fq_nearest(float v)
{
    /* The float before 0.5: what is less than half a step must not be lifted over it. */
    return (float)(int32_t)(v + (v < 0 ? -0x1.fffffep-2f : 0x1.fffffep-2f));
}

/* One value of `add`, for what a vector does not hold. */
static inline void mwi_fq_add_one(const mwi_fq_grid *g, float x, float dy, float *dx, size_t lane,
                                  mwi_fq_lanes *lanes)
{
    const float v = x / g->scale;
    const bool inside = v >= g->low && v <= g->high;

    *dx = inside ? dy : 0;
    if (inside)
        lanes->inside[lane] += dy * (mwi_fq_nearest(v) - v);
    else if (v > g->high)
        lanes->above[lane] += dy;
    else
        lanes->below[lane] += dy;
}

#endif
