/* ops/sigmoid16.c - see sigmoid16.h.
 * Depends: ops/fixed.  Used by: ops/logistic, ops/tanh.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/sigmoid16.h"

#include <math.h>

static double point(double i) { return 65536.0 / (1.0 + exp(-i / 24.0)); }

mw_status mwi_sigmoid16_prepare(mw_ctx *ctx, mwi_prepare_call *call, int32_t pot_shifts)
{
    enum { INPUT_BITS = 3 };
    float scale, out_scale;
    int32_t zero, out_zero;
    void *memory;

    MWI_TRY(mwi_need_quant(ctx, &call->in[0], "input", &scale, &zero));
    MWI_TRY(mwi_need_quant(ctx, &call->out[0], "output", &out_scale, &out_zero));
    if (zero != 0 || out_zero != 0 || fabsf(out_scale * 32768.0f - 1.0f) > 1e-3f)
        return mwi_fail(ctx, MW_EFORMAT,
                        "int16 input needs zero point 0, and the output scale 1/32768 (is %g)",
                        (double)out_scale);
    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(mwi_sigmoid16), &memory));
    mwi_sigmoid16 *const s = call->state = memory;
    for (int i = 0; i < 256; i++) {
        /* Each point gives way by half of what a straight line to the next one errs in the middle.
         */
        const double error = (point(i) + point(i + 1)) / 2 - point(i + 0.5);
        s->table[i] = (uint16_t)round(point(i) - error / 2);
    }
    s->table[255] = 65535; /* the last one saturates */
    const double log2_scale = (double)log2f(scale);
    const int32_t exponent = (int32_t)round(log2_scale);
    s->left_shift = (15 - INPUT_BITS) + exponent;
    if (fabs(log2_scale - exponent) < 1e-3 && s->left_shift >= 0 && s->left_shift <= pot_shifts)
        return MW_OK;
    double m = (double)scale * 4096.0 * 3.0;
    s->left_shift = 0;
    while (m <= 32767.0 / 2.0 && s->left_shift <= 30) {
        s->left_shift++;
        m *= 2.0;
    }
    /* From there on every value but 0 is past the table's end. */
    s->multiplier = (int32_t)(m < (double)MWI_SIGMOID16_END ? m : (double)MWI_SIGMOID16_END);
    return MW_OK;
}
