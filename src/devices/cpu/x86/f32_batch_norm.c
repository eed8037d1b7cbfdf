/* devices/cpu/x86/f32_batch_norm.c - FUSED_BATCH_NORM and its gradient: sums over rows of channels,
 * then one walk with factors of each channel.
 * Depends: f32_row_sums, ops/shapes.  Used by: the list of kernels only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/f32_row_sums.h"
#include "devices/device.h"

#include "base/checked.h"
#include "ops/shapes.h"

#include <math.h>

typedef struct state {
    mwi_f32_row_sums rows;
    double epsilon;
    size_t factors_at; /* bytes into the scratch, after the sums of chunks: [3][channels] */
} state;

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call, const mwi_view *x)
{
    const mwi_field *const f = mwi_op_field(call->op->desc, "epsilon");
    size_t bytes;
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(state), &memory));
    state *const s = memory;
    call->state = s;
    s->epsilon = (double)*(const float *)(const void *)((const char *)call->attr + f->offset);
    MWI_TRY(mwi_f32_row_sums_plan(ctx, x, &s->rows, &s->factors_at));
    if (!mwi_mul(s->rows.channels, 3 * sizeof(float), &bytes) ||
        !mwi_add(s->factors_at, bytes, &call->scratch_bytes))
        return mwi_fail(ctx, MW_ELIMIT, "%zu channels are too many", s->rows.channels);
    return MW_OK;
}

static float *factors_of(const mwi_run_call *call)
{
    const state *const s = call->state;
    return (float *)(void *)((char *)call->scratch + s->factors_at);
}

/* gamma / sqrt(variance + epsilon) */
static double scale_of(const state *s, const float *gamma, const float *variance, size_t c)
{
    return (gamma == NULL ? 1 : (double)gamma[c]) / sqrt((double)variance[c] + s->epsilon);
}

/* ---- FUSED_BATCH_NORM(x, gamma?, beta?) -> y, mean, variance ---- */

static bool accepts_forward(const mwi_prepare_call *call)
{
    return mwi_view_count(&call->in[0]) > 0;
}

static mw_status prepare_forward(mw_ctx *ctx, mwi_prepare_call *call)
{
    return prepare(ctx, call, &call->in[0]);
}

static mw_status run_forward(const mwi_run_call *call, const mwi_f32_rows_isa *isa)
{
    const state *const s = call->state;
    const size_t n = s->rows.channels;
    const float *const gamma = call->in[1].data, *const beta = call->in[2].data;
    float *const mean = call->out[1].data, *const variance = call->out[2].data;
    float *const factors = factors_of(call);
    const mwi_f32_row_operands in = {.x = call->in[0].data, .mean = mean, .factors = factors};

    mwi_f32_row_sums_run(&s->rows, isa, isa->sum, &in, call->pool, call->scratch, mean);
    for (size_t c = 0; c < n; c++) mean[c] = (float)((double)mean[c] / (double)s->rows.n_rows);
    mwi_f32_row_sums_run(&s->rows, isa, isa->squares, &in, call->pool, call->scratch, variance);
    for (size_t c = 0; c < n; c++) {
        variance[c] = (float)((double)variance[c] / (double)s->rows.n_rows);
        factors[c] = (float)scale_of(s, gamma, variance, c);
        factors[n + c] = beta == NULL ? 0.0f : beta[c];
    }
    mwi_f32_row_map_run(&s->rows, isa->shift, &in, call->pool, call->out[0].data);
    return MW_OK;
}

/* ---- FUSED_BATCH_NORM_GRAD(dy, x, gamma?, mean, variance) -> dx, dgamma, dbeta ---- */

static bool accepts_grad(const mwi_prepare_call *call) { return mwi_view_count(&call->in[1]) > 0; }

static mw_status prepare_grad(mw_ctx *ctx, mwi_prepare_call *call)
{
    return prepare(ctx, call, &call->in[1]);
}

static mw_status run_grad(const mwi_run_call *call, const mwi_f32_rows_isa *isa)
{
    const state *const s = call->state;
    const size_t n = s->rows.channels;
    const double count = (double)s->rows.n_rows;
    const float *const gamma = call->in[2].data, *const variance = call->in[4].data;
    float *const d_gamma = call->out[1].data, *const d_beta = call->out[2].data;
    float *const factors = factors_of(call);
    const mwi_f32_row_operands dy = {.x = call->in[0].data};
    const mwi_f32_row_operands both = {
        .x = call->in[1].data, .y = call->in[0].data, .mean = call->in[3].data, .factors = factors};

    mwi_f32_row_sums_run(&s->rows, isa, isa->sum, &dy, call->pool, call->scratch, d_beta);
    mwi_f32_row_sums_run(&s->rows, isa, isa->products, &both, call->pool, call->scratch, d_gamma);
    for (size_t c = 0; c < n; c++) {
        const double inverse = scale_of(s, NULL, variance, c),
                     scale = scale_of(s, gamma, variance, c);
        const double product = (double)d_gamma[c] * inverse;
        factors[c] = (float)(-scale * inverse * product / count);
        factors[n + c] = (float)(-scale * (double)d_beta[c] / count);
        factors[2 * n + c] = (float)scale;
        d_gamma[c] = (float)product;
    }
    mwi_f32_row_map_run(&s->rows, isa->combine, &both, call->pool, call->out[0].data);
    return MW_OK;
}

#define RUN(what, isa)                                                                             \
    static mw_status run_##what##_##isa(mw_ctx *ctx, const mwi_run_call *call)                     \
    {                                                                                              \
        (void)ctx;                                                                                 \
        return run_##what(call, &mwi_f32_row_sums_##isa);                                          \
    }
RUN(forward, avx512)
RUN(forward, avx2)
RUN(grad, avx512)
RUN(grad, avx2)

#define KERNEL(op_id, what, isa, features, list)                                                   \
    {                                                                                              \
        &mwi_op_##op_id,                                                                           \
        {                                                                                          \
            .name = "f32_" #op_id "__" #isa, .types = list, .cpu_features = features,              \
            .accepts = accepts_##what, .prepare = prepare_##what, .run = run_##what##_##isa        \
        }                                                                                          \
    }
#define FORWARD "f32,f32?,f32?>f32,f32,f32"
#define GRAD    "f32,f32,f32?,f32,f32>f32,f32,f32"

const mwi_device_kernel mwi_cpu_f32_batch_norm[] = {
    KERNEL(fused_batch_norm, forward, avx512, MWI_CPU_AVX512, FORWARD),
    KERNEL(fused_batch_norm_grad, grad, avx512, MWI_CPU_AVX512, GRAD),
    KERNEL(fused_batch_norm, forward, avx2, MWI_CPU_AVX2, FORWARD),
    KERNEL(fused_batch_norm_grad, grad, avx2, MWI_CPU_AVX2, GRAD),
    {.op = NULL},
};
