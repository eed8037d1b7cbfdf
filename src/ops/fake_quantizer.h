/* ops/fake_quantizer.h - what FAKE_QUANT_TRAIN and its gradient share: attributes, how values are
 * cut into channels, and the grid of a channel.
 * Depends: ops/quant_params.  Used by: ops/fake_quant_train, ops/fake_quant_grad.
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

#endif
