/* ops/fake_quant_grad.c - FAKE_QUANT_GRAD(x, min?, max, on?, dy) -> dx, and where they are asked
 * for d_min, d_max: gradients of FAKE_QUANT_TRAIN. Rounding counts as the identity within the range
 * (the straight-through estimator of Bengio et al. 2013); the range's gradient is that of the
 * clipped and rounded value by the step size (Esser et al. 2020, LSQ; Bhalgat et al. 2020 for
 * asymmetric ranges). Depends: ops/fake_quantizer.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/fake_quantizer.h"

#include <string.h>

enum { DY = 4 };

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    MWI_TRY(mwi_fq_check(ctx, call));
    const mwi_view *const x = &call->in[MWI_FQ_X], *const dy = &call->in[DY];
    if (call->n_out == 2)
        return mwi_fail(ctx, MW_EFORMAT, "2 outputs, allowed 1 (the value's gradient) or 3");
    if (call->in[MWI_FQ_MAX].tensor == NULL)
        return mwi_fail(ctx, MW_EFORMAT, "input %d, the range, is missing", MWI_FQ_MAX);
    MWI_TRY(mwi_need_input(ctx, call, DY, x->rank, x->rank));
    for (int32_t i = 0; i < x->rank; i++)
        if (x->dims[i] != dy->dims[i])
            return mwi_fail(ctx, MW_EFORMAT, "the gradient's dimension %d is %d, the value's %d", i,
                            dy->dims[i], x->dims[i]);
    const int32_t n = (int32_t)mwi_fq_channels_of(call->attr, x).n;
    for (size_t k = 1; k < call->n_out; k++) mwi_view_set_dims(&call->out[k], 1, &n);
    return mwi_infer_same(ctx, call);
}

/* Sums over a channel: of dy below and above the range, and of dy times the rounding error in
 * steps between. */
typedef struct sums {
    double below, above, inside;
} sums;

/* dx alone. */
static void pass_run(const mwi_fq_grid *g, const float *restrict x, const float *restrict dy,
                     float *restrict dx, size_t n)
{
    const float scale = g->scale, low = g->low, high = g->high;

    for (size_t i = 0; i < n; i++) {
        const float v = x[i] / scale;
        dx[i] = v >= low && v <= high ? dy[i] : 0;
    }
}

static void add_run(const mwi_fq_grid *g, const float *x, const float *dy, float *dx, size_t n,
                    sums *s)
{
    for (size_t i = 0; i < n; i++) {
        const float v = x[i] / g->scale;
        const bool inside = v >= g->low && v <= g->high;
        dx[i] = inside ? dy[i] : 0;
        if (inside)
            s->inside += (double)dy[i] * (double)(mwi_fq_nearest(v) - v);
        else if (v > g->high)
            s->above += (double)dy[i];
        else
            s->below += (double)dy[i];
    }
}

/* s NULL: the range's gradient is not asked for. */
static void run_of(const mwi_fq_grid *g, const float *x, const float *dy, float *dx, size_t n,
                   sums *s)
{
    if (!g->on)
        memcpy(dx, dy, n * sizeof *dx);
    else if (s == NULL)
        pass_run(g, x, dy, dx, n);
    else
        add_run(g, x, dy, dx, n, s);
}

/* d_min and d_max of a channel. A range [-r, r] has low * r / high as its least value. */
static void finish(const mwi_fq_attr *a, const mwi_view *in, size_t c, const mwi_fq_grid *g,
                   const sums *s, float *d_min, float *d_max)
{
    const double levels = (double)(g->high - g->low);
    const float max = ((const float *)in[MWI_FQ_MAX].data)[c];

    *d_min = *d_max = 0;
    if (!g->on) return;
    if (!a->symmetric && a->num_bits < 16) {
        *d_min = (float)(s->below - s->inside / levels);
        *d_max = (float)(s->above + s->inside / levels);
        return;
    }
    const double d = s->above + (s->below * (double)g->low + s->inside) / (double)g->high;
    if (in[MWI_FQ_MIN].tensor != NULL && -((const float *)in[MWI_FQ_MIN].data)[c] > max)
        *d_min = (float)-d;
    else
        *d_max = (float)d;
}

struct work {
    const mwi_run_call *call;
    mwi_fq_channels channels;
    size_t n;
    bool ranges; /* their gradients are asked for */
};

static void channels(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const struct work *const w = arg;
    const mwi_view *const in = w->call->in, *const out = w->call->out;
    const mwi_fq_channels k = w->channels;

    (void)thread;
    for (size_t c = begin; c < end; c++) {
        const mwi_fq_grid g = mwi_fq_grid_at(w->call->attr, in, c);
        sums s = {0};
        for (size_t o = 0; o < k.outer; o++) {
            const size_t at = (o * k.n + c) * k.inner;
            run_of(&g, (const float *)in[MWI_FQ_X].data + at, (const float *)in[DY].data + at,
                   (float *)out[0].data + at, k.inner, w->ranges ? &s : NULL);
        }
        if (w->ranges)
            finish(w->call->attr, in, c, &g, &s, (float *)out[1].data + c,
                   (float *)out[2].data + c);
    }
}

static void pieces(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const struct work *const w = arg;
    const mwi_view *const in = w->call->in;
    const mwi_fq_grid g = mwi_fq_grid_at(w->call->attr, in, 0);
    sums *const parts = w->call->scratch;

    (void)thread;
    for (size_t p = begin; p < end; p++) {
        const size_t at = p * MWI_FQ_PIECE;
        parts[p] = (sums){0};
        run_of(&g, (const float *)in[MWI_FQ_X].data + at, (const float *)in[DY].data + at,
               (float *)w->call->out[0].data + at,
               w->n - at < MWI_FQ_PIECE ? w->n - at : MWI_FQ_PIECE, w->ranges ? &parts[p] : NULL);
    }
}

static void whole(const struct work *w, mwi_pool *pool)
{
    const mwi_run_call *const call = w->call;
    const size_t n_pieces = (w->n + MWI_FQ_PIECE - 1) / MWI_FQ_PIECE;
    const mwi_fq_grid g = mwi_fq_grid_at(call->attr, call->in, 0);
    const sums *const parts = call->scratch;
    sums s = {0};

    mwi_par_for(pool, n_pieces, 1, pieces, (void *)(uintptr_t)w);
    for (size_t p = 0; p < n_pieces; p++) {
        s.below += parts[p].below;
        s.above += parts[p].above;
        s.inside += parts[p].inside;
    }
    if (w->ranges) finish(call->attr, call->in, 0, &g, &s, call->out[1].data, call->out[2].data);
}

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    const size_t n = call->in[MWI_FQ_X].bytes / sizeof(float);

    (void)ctx;
    call->scratch_bytes = (n + MWI_FQ_PIECE - 1) / MWI_FQ_PIECE * sizeof(sums);
    return MW_OK;
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const struct work w = {call, mwi_fq_channels_of(call->attr, &call->in[MWI_FQ_X]),
                           call->in[MWI_FQ_X].bytes / sizeof(float), call->n_out > 1};

    (void)ctx;
    if (w.channels.n > 1)
        mwi_par_for(call->pool, w.channels.n, 1, channels, (void *)(uintptr_t)&w);
    else
        whole(&w, call->pool);
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_fake_quant_grad__ref",
     .types = "f32,f32?,f32,f32?,f32>f32,f32?,f32?",
     .prepare = prepare,
     .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_fake_quant_grad = {
    .name = "FAKE_QUANT_GRAD",
    .tflite_code = -1,
    .min_in = 5,
    .max_in = 5,
    .min_out = 1,
    .max_out = 3,
    .traits = MWI_OP_TRAINING_ONLY,
    .attr_size = sizeof(mwi_fq_attr),
    .fields = mwi_fq_fields,
    .kernels = kernels,
    .infer = infer,
};
