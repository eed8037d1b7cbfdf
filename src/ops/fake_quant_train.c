/* ops/fake_quant_train.c - FAKE_QUANT_TRAIN(x, min?, max?, on?) -> y, seen_min, seen_max: x rounded
 * to the integers that the quantizer would make of this range, and the range that x has (one a
 * channel), which training watches.
 * Depends: ops/fake_quantizer.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/fake_quantizer.h"
#include "ops/gradient.h"

#include <math.h>
#include <string.h>

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    MWI_TRY(mwi_fq_check(ctx, call));
    const int32_t n = (int32_t)mwi_fq_channels_of(call->attr, &call->in[MWI_FQ_X]).n;
    mwi_view_set_dims(&call->out[1], 1, &n);
    mwi_view_set_dims(&call->out[2], 1, &n);
    return mwi_infer_same(ctx, call);
}

/* ---- loops ---- */

static void round_run(const mwi_fq_grid *g, const float *restrict x, float *restrict y, size_t n)
{
    const float scale = g->scale, low = g->low, high = g->high;

    for (size_t i = 0; i < n; i++) {
        const float v = x[i] / scale;
        const float above = v > low ? v : low, held = above < high ? above : high;
        const float rounded = scale * mwi_fq_nearest(held);
        y[i] = v == v ? rounded : v; /* what is not a number stays visible */
    }
}

static void widen(const float *x, size_t n, float *min, float *max)
{
    float low = *min, high = *max;

    for (size_t i = 0; i < n; i++) {
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
    }
    *min = low;
    *max = high;
}

static const mwi_fq_loops loops = {.round = round_run, .widen = widen};

/* ---- runs of one range ---- */

struct work {
    const mwi_run_call *call;
    const mwi_fq_loops *loops;
    const float *x;
    float *y, *seen_min, *seen_max;
    mwi_fq_channels channels;
    size_t n;
    bool own, watch; /* one range for all: what a walk over the pieces does */
    mwi_fq_grid grid;
};

static mwi_fq_grid grid_of(const struct work *w, size_t c)
{
    const mwi_fq_attr *const a = w->call->attr;

    if (w->own && !mwi_fq_is_on(w->call->in)) return (mwi_fq_grid){.on = false};
    if (w->own) return mwi_fq_grid_of(a, w->seen_min[c], w->seen_max[c]);
    return mwi_fq_grid_at(a, w->call->in, c);
}

static void quantize_run(const struct work *w, const mwi_fq_grid *g, size_t at, size_t n)
{
    if (g->on)
        w->loops->round(g, w->x + at, w->y + at, n);
    else
        memcpy(w->y + at, w->x + at, n * sizeof *w->y);
}

static void channel(struct work *w, size_t c)
{
    const mwi_fq_channels k = w->channels;

    w->seen_min[c] = INFINITY;
    w->seen_max[c] = -INFINITY;
    for (size_t o = 0; o < k.outer; o++)
        w->loops->widen(w->x + (o * k.n + c) * k.inner, k.inner, &w->seen_min[c], &w->seen_max[c]);
    const mwi_fq_grid g = grid_of(w, c);
    for (size_t o = 0; o < k.outer; o++) quantize_run(w, &g, (o * k.n + c) * k.inner, k.inner);
}

static void channels(void *arg, size_t begin, size_t end, uint32_t thread)
{
    (void)thread;
    for (size_t c = begin; c < end; c++) channel(arg, c);
}

/* ---- one range ---- */

static void pieces(void *arg, size_t begin, size_t end, uint32_t thread)
{
    struct work *const w = arg;
    float *const seen = w->call->scratch;

    (void)thread;
    for (size_t p = begin; p < end; p++) {
        const size_t at = p * MWI_FQ_PIECE;
        const size_t n = w->n - at < MWI_FQ_PIECE ? w->n - at : MWI_FQ_PIECE;
        if (w->watch) {
            seen[2 * p] = INFINITY;
            seen[2 * p + 1] = -INFINITY;
            w->loops->widen(w->x + at, n, &seen[2 * p], &seen[2 * p + 1]);
        }
        if (!w->own || !w->watch) quantize_run(w, &w->grid, at, n);
    }
}

static void whole(struct work *w, mwi_pool *pool)
{
    const size_t n_pieces = (w->n + MWI_FQ_PIECE - 1) / MWI_FQ_PIECE;
    const float *const seen = w->call->scratch;

    if (!w->own) w->grid = grid_of(w, 0);
    w->watch = true;
    mwi_par_for(pool, n_pieces, 1, pieces, w);
    w->seen_min[0] = INFINITY;
    w->seen_max[0] = -INFINITY;
    for (size_t p = 0; p < n_pieces; p++) {
        w->seen_min[0] = fminf(w->seen_min[0], seen[2 * p]);
        w->seen_max[0] = fmaxf(w->seen_max[0], seen[2 * p + 1]);
    }
    if (!w->own) return;
    w->grid = grid_of(w, 0);
    w->watch = false;
    mwi_par_for(pool, n_pieces, 1, pieces, w);
}

mw_status mwi_fq_train_prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    const size_t n = call->in[MWI_FQ_X].bytes / sizeof(float);

    (void)ctx;
    call->scratch_bytes = (n + MWI_FQ_PIECE - 1) / MWI_FQ_PIECE * 2 * sizeof(float);
    return MW_OK;
}

mw_status mwi_fq_train_run(const mwi_run_call *call, const mwi_fq_loops *with)
{
    struct work w = {
        .call = call,
        .loops = with,
        .x = call->in[MWI_FQ_X].data,
        .y = call->out[0].data,
        .seen_min = call->out[1].data,
        .seen_max = call->out[2].data,
        .channels = mwi_fq_channels_of(call->attr, &call->in[MWI_FQ_X]),
        .n = call->in[MWI_FQ_X].bytes / sizeof(float),
        .own = call->in[MWI_FQ_MAX].tensor == NULL,
    };

    if (w.channels.n > 1)
        mwi_par_for(call->pool, w.channels.n, 1, channels, &w);
    else
        whole(&w, call->pool);
    return MW_OK;
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    (void)ctx;
    return mwi_fq_train_run(call, &loops);
}

static const mwi_kernel kernels[] = {
    {.name = "f32_fake_quant_train__ref",
     .types = "f32,f32?,f32?,f32?>f32,f32,f32",
     .prepare = mwi_fq_train_prepare,
     .run = run},
    {.name = NULL},
};

/* No value lies outside of its own range: there the gradient passes as it is. */
static mw_status gradient(mw_ctx *ctx, mwi_gradient_call *call)
{
    const int32_t *const in = call->at.op->in;
    const int32_t dy = call->d_out[0];
    int32_t out[3] = {dy, -1, -1};

    if (dy < 0) return MW_OK;
    const bool ranges = (in[MWI_FQ_MIN] >= 0 && call->wanted[MWI_FQ_MIN]) ||
                        (in[MWI_FQ_MAX] >= 0 && call->wanted[MWI_FQ_MAX]);
    if (in[MWI_FQ_MAX] >= 0)
        MWI_TRY(mwi_emit_n(ctx, &call->at, &mwi_op_fake_quant_grad,
                           MWI_IN(in[MWI_FQ_X], in[MWI_FQ_MIN], in[MWI_FQ_MAX], in[MWI_FQ_ON], dy),
                           mwi_same_settings, out, ranges ? 3 : 1));
    for (size_t k = 0; k < 3; k++)
        if (in[k] >= 0 && call->wanted[k]) call->d_in[k] = out[k];
    return MW_OK;
}

const mwi_op_desc mwi_op_fake_quant_train = {
    .name = "FAKE_QUANT_TRAIN",
    .tflite_code = -1,
    .min_in = 4,
    .max_in = 4,
    .min_out = 3,
    .max_out = 3,
    .traits = MWI_OP_TRAINING_ONLY,
    .attr_size = sizeof(mwi_fq_attr),
    .fields = mwi_fq_fields,
    .kernels = kernels,
    .infer = infer,
    .gradient = gradient,
};
