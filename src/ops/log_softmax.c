/* ops/log_softmax.c - LOG_SOFTMAX over the last axis: x - max - log(sum(exp(x - max))). 8 bits in
 * gemmlowp's fixed point: [-16, 0] is the range of the output.
 * Depends: ops/fixed.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/fixed.h"
#include "ops/rules.h"
#include "ops/shapes.h"

#include <float.h>
#include <math.h>

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    MWI_TRY(mwi_need_input(ctx, call, 0, 1, MW_MAX_RANK));
    return mwi_infer_same(ctx, call);
}

static size_t depth_of(const mwi_view *x) { return (size_t)x->dims[x->rank - 1]; }

static mw_status run_f32(mw_ctx *ctx, const mwi_run_call *call)
{
    const size_t depth = depth_of(&call->in[0]), n = call->in[0].bytes / sizeof(float);
    const float *in = call->in[0].data;
    float *out = call->out[0].data;

    (void)ctx;
    for (size_t i = 0; i < n; i += depth, in += depth, out += depth) {
        float max = -FLT_MAX, sum = 0;
        for (size_t c = 0; c < depth; c++) max = in[c] > max ? in[c] : max;
        for (size_t c = 0; c < depth; c++) sum += expf(in[c] - max);
        const float log_sum = logf(sum);
        for (size_t c = 0; c < depth; c++) out[c] = in[c] - max - log_sum;
    }
    return MW_OK;
}

/* ---- 8 bits ---- */

enum { DIFF_BITS = 5, SUM_BITS = 12, OUT_BITS = 4, N = 256 };

typedef struct state8 {
    int32_t diff_min;
    mwi_multiplier reverse;     /* from Q5 back to steps of the input */
    int32_t scaled[N], exps[N]; /* of a difference of -i: in Q5; its exp in Q0 */
} state8;

static mw_status prepare8(mw_ctx *ctx, mwi_prepare_call *call)
{
    const int32_t wanted = call->out[0].dtype == MW_UINT8 ? 255 : 127;
    float scale, out_scale;
    int32_t zero, out_zero;
    void *memory;

    MWI_TRY(mwi_need_quant(ctx, &call->in[0], "input", &scale, &zero));
    MWI_TRY(mwi_need_quant(ctx, &call->out[0], "output", &out_scale, &out_zero));
    if (out_scale != 16.0f / 256 || out_zero != wanted)
        return mwi_fail(ctx, MW_EFORMAT,
                        "the output has scale %g and zero point %d, allowed 1/16 and %d",
                        (double)out_scale, out_zero, wanted);
    const double real = fmin((double)scale * (double)(1 << (31 - DIFF_BITS)), 2147483647.0);
    if (!(real > 1)) return mwi_fail(ctx, MW_EUNSUPPORTED, "scale %g is too small", (double)scale);
    const mwi_multiplier m = mwi_multiplier_of(real);
    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(state8), &memory));
    state8 *const s = call->state = memory;
    s->reverse = mwi_multiplier_of(ldexp(1.0, 31 - m.shift) / (double)m.multiplier);
    const double radius = ((1 << DIFF_BITS) - 1) * ldexp(1.0, 31 - DIFF_BITS - m.shift);
    s->diff_min = radius > N ? -N : -(int32_t)floor(radius);
    for (int32_t d = 0; d < N; d++) {
        s->scaled[d] = mwi_scale(-d, m);
        if (-d >= s->diff_min) s->exps[d] = mwi_exp_negative(s->scaled[d], DIFF_BITS);
    }
    return MW_OK;
}

/* Both are read as unsigned: the sign bit flipped where they are signed. */
static void row8(const state8 *s, const uint8_t *in, uint8_t *out, size_t depth, uint8_t flip)
{
    int32_t max = 0;
    uint32_t sum = 0;

    for (size_t c = 0; c < depth; c++) max = (in[c] ^ flip) > max ? in[c] ^ flip : max;
    for (size_t c = 0; c < depth; c++) {
        const int32_t d = (in[c] ^ flip) - max;
        if (d >= s->diff_min) sum += (uint32_t)mwi_round_shift(s->exps[-d], SUM_BITS);
    }
    const int32_t log_sum = mwi_log_above_one((int32_t)sum, SUM_BITS, DIFF_BITS);
    const int32_t least = mwi_scale(mwi_add32(log_sum, INT32_MIN), s->reverse);
    const int32_t above = least > s->diff_min - 1 ? least : s->diff_min - 1;
    for (size_t c = 0; c < depth; c++) {
        const int32_t d = (in[c] ^ flip) - max;
        const int32_t v = d <= above ? 0
                                     : mwi_round_shift(mwi_sub32(s->scaled[-d], log_sum),
                                                       31 - DIFF_BITS - OUT_BITS) +
                                           255;
        out[c] = (uint8_t)(mwi_clamp(v, 0, 255) ^ flip);
    }
}

static mw_status run8(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_view *const x = &call->in[0];
    const size_t depth = depth_of(x);
    const uint8_t flip = x->dtype == MW_INT8 ? 0x80 : 0;

    (void)ctx;
    for (size_t i = 0; i < x->bytes; i += depth)
        row8(call->state, (const uint8_t *)x->data + i, (uint8_t *)call->out[0].data + i, depth,
             flip);
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_log_softmax__ref", .types = "f32>f32", .run = run_f32},
    {.name = "s8_log_softmax__ref", .types = "i8>i8", .prepare = prepare8, .run = run8},
    {.name = "u8_log_softmax__ref", .types = "u8>u8", .prepare = prepare8, .run = run8},
    {.name = NULL},
};

static const mwi_quant_rule quant = {.quantizable = true,
                                     .weight = -1,
                                     .axis = -1,
                                     .bias = -1,
                                     .flags = MWI_QUANT_FIXED_OUTPUT,
                                     .fixed_int8 = {16.0f / 256, 127},
                                     .data_inputs = {0, -1}};

static mw_status gradient(mw_ctx *ctx, mwi_gradient_call *call)
{
    return mwi_emit2(ctx, &call->at, &mwi_op_log_softmax_grad, call->at.op->out[0], call->d_out[0],
                     &call->d_in[0]);
}

const mwi_op_desc mwi_op_log_softmax = {
    .name = "LOG_SOFTMAX",
    .tflite_code = 50,
    .options_type = 36,
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_INPLACE,
    .kernels = kernels,
    .quant = &quant,
    .infer = infer,
    .gradient = gradient,
    .version = mwi_version_i8,
};
