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
                    mwi_fq_lanes *lanes)
{
    for (size_t i = 0; i < n; i++) mwi_fq_add_one(g, x[i], dy[i], &dx[i], i % MWI_FQ_LANES, lanes);
}

static void add_lanes(const mwi_fq_lanes *lanes, mwi_fq_sums *s)
{
    for (size_t k = 0; k < MWI_FQ_LANES; k++) {
        s->below += (double)lanes->below[k];
        s->above += (double)lanes->above[k];
        s->inside += (double)lanes->inside[k];
    }
}

/* s NULL: the range's gradient is not asked for. */
static void run_of(const mwi_fq_loops *loops, const mwi_fq_grid *g, const float *x, const float *dy,
                   float *dx, size_t n, mwi_fq_sums *s)
{
    if (!g->on) {
        memcpy(dx, dy, n * sizeof *dx);
        return;
    }
    if (s == NULL) {
        loops->pass(g, x, dy, dx, n);
        return;
    }
    for (size_t i = 0; i < n; i += MWI_FQ_PIECE) {
        mwi_fq_lanes lanes = {0};
        loops->add(g, x + i, dy + i, dx + i, n - i < MWI_FQ_PIECE ? n - i : MWI_FQ_PIECE, &lanes);
        add_lanes(&lanes, s);
    }
}

/* d_min and d_max of a channel. A range [-r, r] has low * r / high as its least value. */
static void finish(const mwi_fq_attr *a, const mwi_view *in, size_t c, const mwi_fq_grid *g,
                   const mwi_fq_sums *s, float *d_min, float *d_max)
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
    const mwi_fq_loops *loops;
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
        mwi_fq_sums s = {0};
        for (size_t o = 0; o < k.outer; o++) {
            const size_t at = (o * k.n + c) * k.inner;
            run_of(w->loops, &g, (const float *)in[MWI_FQ_X].data + at,
                   (const float *)in[DY].data + at, (float *)out[0].data + at, k.inner,
                   w->ranges ? &s : NULL);
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
    mwi_fq_sums *const parts = w->call->scratch;

    (void)thread;
    for (size_t p = begin; p < end; p++) {
        const size_t at = p * MWI_FQ_PIECE;
        parts[p] = (mwi_fq_sums){0};
        run_of(w->loops, &g, (const float *)in[MWI_FQ_X].data + at, (const float *)in[DY].data + at,
               (float *)w->call->out[0].data + at,
               w->n - at < MWI_FQ_PIECE ? w->n - at : MWI_FQ_PIECE, w->ranges ? &parts[p] : NULL);
    }
}

static void whole(const struct work *w, mwi_pool *pool)
{
    const mwi_run_call *const call = w->call;
    const size_t n_pieces = (w->n + MWI_FQ_PIECE - 1) / MWI_FQ_PIECE;
    const mwi_fq_grid g = mwi_fq_grid_at(call->attr, call->in, 0);
    const mwi_fq_sums *const parts = call->scratch;
    mwi_fq_sums s = {0};

    mwi_par_for(pool, n_pieces, 1, pieces, (void *)(uintptr_t)w);
    for (size_t p = 0; p < n_pieces; p++) {
        s.below += parts[p].below;
        s.above += parts[p].above;
        s.inside += parts[p].inside;
    }
    if (w->ranges) finish(call->attr, call->in, 0, &g, &s, call->out[1].data, call->out[2].data);
}

mw_status mwi_fq_grad_prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    const size_t n = call->in[MWI_FQ_X].bytes / sizeof(float);

    (void)ctx;
    call->scratch_bytes = (n + MWI_FQ_PIECE - 1) / MWI_FQ_PIECE * sizeof(mwi_fq_sums);
    return MW_OK;
}

mw_status mwi_fq_grad_run(const mwi_run_call *call, const mwi_fq_loops *loops)
{
    const struct work w = {call, loops, mwi_fq_channels_of(call->attr, &call->in[MWI_FQ_X]),
                           call->in[MWI_FQ_X].bytes / sizeof(float), call->n_out > 1};

    if (w.channels.n > 1)
        mwi_par_for(call->pool, w.channels.n, 1, channels, (void *)(uintptr_t)&w);
    else
        whole(&w, call->pool);
    return MW_OK;
}

static const mwi_fq_loops reference = {.pass = pass_run, .add = add_run};

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    (void)ctx;
    return mwi_fq_grad_run(call, &reference);
}

static const mwi_kernel kernels[] = {
    {.name = "f32_fake_quant_grad__ref",
     .types = "f32,f32?,f32,f32?,f32>f32,f32?,f32?",
     .prepare = mwi_fq_grad_prepare,
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
