/* devices/cpu/x86/f32_conv.c - see f32_conv.h.
 * Depends: f32_layer, spans, base/checked.  Used by: the kernels of this folder.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/f32_conv.h"

#include "base/checked.h"

enum {
    SMALL_MACS = 400000,  /* fewer: waking threads takes longer */
    SAMPLES_A_THREAD = 4, /* fewer: threads share each sample */
};

/* Outputs with the same pieces, row by row. Places and steps count floats. */
struct mwi_f32_region {
    size_t n, w; /* pixels; of a row */
    const mwi_f32_piece *pieces;
    size_t n_pieces;
    size_t in, in_row, in_step;    /* the first output's first tap; from window to window */
    size_t out, out_row, out_step; /* the first output; from one to the next */
    size_t first_strip;            /* strips of all regions are numbered */
};

/* ---- planning ---- */

/* One for each tap inside; neighbours in memory are one. */
static mw_status make_pieces(mw_ctx *ctx, mwi_arena *arena, const mwi_f32_conv *c,
                             const mwi_f32_axis *rows, const mwi_span *y,
                             const mwi_f32_axis *columns, const mwi_span *x, mwi_f32_region *out)
{
    const size_t in_c = (size_t)c->read.in_c, in_row = (size_t)c->read.in_w * in_c;
    const size_t filter_w = (size_t)c->read.filter_w;
    void *memory;
    size_t n = 0;

    MWI_TRY(mwi_arena_array(ctx, arena,
                            (size_t)(y->tap_end - y->tap) * (size_t)(x->tap_end - x->tap),
                            sizeof(mwi_f32_piece), &memory));
    mwi_f32_piece *const pieces = memory;
    for (int32_t i = y->tap; i < y->tap_end; i++) {
        for (int32_t k = x->tap; k < x->tap_end; k++) {
            const size_t row = (size_t)(rows->weight + i * rows->weight_step);
            const size_t column = (size_t)(columns->weight + k * columns->weight_step);
            const mwi_f32_piece p = {
                .at = (ptrdiff_t)((size_t)(i - y->tap) * (size_t)rows->dilation * in_row +
                                  (size_t)(k - x->tap) * (size_t)columns->dilation * in_c),
                .weight = (row * filter_w + column) * in_c,
                .n = in_c};
            mwi_f32_piece *const last = &pieces[n == 0 ? 0 : n - 1];
            if (n > 0 && last->at + (ptrdiff_t)last->n == p.at &&
                last->weight + last->n == p.weight)
                last->n += p.n;
            else
                pieces[n++] = p;
        }
    }
    out->pieces = pieces;
    out->n_pieces = n;
    return MW_OK;
}

/* The regions of one pair of axes. */
static mw_status add_regions(mw_ctx *ctx, mwi_arena *arena, mwi_f32_conv *c,
                             const mwi_f32_axis *rows, const mwi_f32_axis *columns)
{
    const size_t in_c = (size_t)c->read.in_c, in_row = (size_t)c->read.in_w * in_c;
    const size_t out_c = c->layer.out_c, out_row = (size_t)c->read.out_w * out_c;

    for (size_t i = 0; i < rows->spans.n; i++) {
        for (size_t k = 0; k < columns->spans.n; k++) {
            const mwi_span *const y = &rows->spans.v[i], *const x = &columns->spans.v[k];
            mwi_f32_region *const r = &c->regions[c->n_regions++];
            const size_t first_y = (size_t)(rows->first + y->from * rows->step);
            const size_t first_x = (size_t)(columns->first + x->from * columns->step);
            *r = (mwi_f32_region){.n = (size_t)(y->to - y->from) * (size_t)(x->to - x->from),
                                  .w = (size_t)(x->to - x->from),
                                  .in = (size_t)y->at * in_row + (size_t)x->at * in_c,
                                  .in_row = (size_t)rows->stride * in_row,
                                  .in_step = (size_t)columns->stride * in_c,
                                  .out = first_y * out_row + first_x * out_c,
                                  .out_row = (size_t)rows->step * out_row,
                                  .out_step = (size_t)columns->step * out_c,
                                  .first_strip = c->n_strips};
            c->n_strips += (r->n + c->strip - 1) / c->strip;
            MWI_TRY(make_pieces(ctx, arena, c, rows, y, columns, x, r));
        }
    }
    return MW_OK;
}

/* Strips of 48 pixels; of fewer where one sample has several threads to feed. */
static size_t strip_of(const mwi_f32_conv *c, uint32_t n_threads)
{
    const size_t n = (size_t)c->read.out_h * (size_t)c->read.out_w;

    if (c->by_sample) return MWI_F32_MAX_PIXELS;
    const size_t share = (n / (n_threads * 4) + 7) / 8 * 8;
    return share < 8 ? 8 : share > MWI_F32_MAX_PIXELS ? MWI_F32_MAX_PIXELS : share;
}

/* Room for a copy of one sample for each thread that makes one. */
static mw_status plan_copies(mw_ctx *ctx, mwi_prepare_call *call, mwi_f32_conv *c)
{
    const size_t n = c->by_sample && call->n_threads > 1 ? call->n_threads : 1;
    size_t bytes;

    if (!mwi_window_padded_count(&c->copied, &c->area) || !mwi_align_up(c->area, 16, &c->area) ||
        !mwi_mul(c->area, n * sizeof(float), &bytes) ||
        !mwi_align_up(call->scratch_bytes, 64, &c->area_at) ||
        !mwi_add(c->area_at, bytes, &call->scratch_bytes))
        return mwi_fail(ctx, MW_ELIMIT, "the window is too large");
    return MW_OK;
}

static size_t count_spans(const mwi_f32_axes *axes)
{
    size_t n = 0;
    for (size_t i = 0; i < axes->n; i++) n += axes->v[i].spans.n;
    return n;
}

mw_status mwi_f32_conv_plan(mw_ctx *ctx, mwi_prepare_call *call, const mwi_f32_axes *rows,
                            const mwi_f32_axes *columns, mwi_f32_conv *conv)
{
    const mwi_window *const w = &conv->read;
    void *memory;

    conv->is_small =
        (double)w->batch * w->out_h * w->out_w * (double)(conv->layer.taps * conv->layer.out_c) <
        SMALL_MACS;
    conv->by_sample = conv->is_small || call->n_threads < 2 ||
                      (uint32_t)w->batch >= SAMPLES_A_THREAD * call->n_threads;
    conv->strip = strip_of(conv, call->n_threads);
    if (conv->copies) MWI_TRY(plan_copies(ctx, call, conv));
    MWI_TRY(mwi_arena_array(ctx, call->arena, count_spans(rows) * count_spans(columns),
                            sizeof(mwi_f32_region), &memory));
    conv->regions = memory;
    for (size_t i = 0; i < rows->n; i++)
        for (size_t k = 0; k < columns->n; k++)
            MWI_TRY(add_regions(ctx, call->arena, conv, &rows->v[i], &columns->v[k]));
    return MW_OK;
}

/* ---- running ---- */

typedef struct job {
    const mwi_f32_conv *c;
    mwi_f32_layer layer;
    const float *in;
    float *out, *areas;
    size_t sample; /* that is run by strips */
} job;

static void run_strip(const job *j, const mwi_f32_region *r, size_t begin, size_t end,
                      const float *area, float *item)
{
    const float *pixels[MWI_F32_MAX_PIXELS];
    float *out[MWI_F32_MAX_PIXELS];
    size_t y = begin / r->w, x = begin % r->w;

    for (size_t i = 0; i < end - begin; i++) {
        pixels[i] = area + r->in + y * r->in_row + x * r->in_step;
        out[i] = item + r->out + y * r->out_row + x * r->out_step;
        if (++x == r->w) x = 0, y++;
    }
    j->layer.isa->run(&j->layer, r->pieces, r->n_pieces, pixels, out, end - begin);
}

/* Strips [begin, end) of sample b. */
static void run_sample(const job *j, size_t b, size_t begin, size_t end, const float *area)
{
    const mwi_f32_conv *const c = j->c;
    float *const item = j->out + b * (size_t)c->read.out_h * (size_t)c->read.out_w * c->layer.out_c;
    const mwi_f32_region *r = c->regions;

    for (size_t i = begin; i < end; i++) {
        while (r + 1 < c->regions + c->n_regions && r[1].first_strip <= i) r++;
        const size_t first = (i - r->first_strip) * c->strip;
        run_strip(j, r, first, r->n - first < c->strip ? r->n : first + c->strip, area, item);
    }
}

static const float *sample_at(const job *j, size_t b)
{
    const mwi_window *const w = j->c->copies ? &j->c->copied : &j->c->read;
    return j->in + b * (size_t)w->in_h * (size_t)w->in_w * (size_t)w->in_c;
}

/* Whole samples, each copied first where that is wanted. */
static void run_samples(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const job *const j = arg;
    const mwi_f32_conv *const c = j->c;
    float *const area = j->areas + thread * c->area;

    for (size_t b = begin; b < end; b++) {
        if (c->copies) mwi_window_pad_f32(&c->copied, sample_at(j, b), area);
        run_sample(j, b, 0, c->n_strips, c->copies ? area : sample_at(j, b));
    }
}

/* Strips of one sample, which has been copied where that is wanted. */
static void run_strips(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const job *const j = arg;

    (void)thread;
    run_sample(j, j->sample, begin, end, j->c->copies ? j->areas : sample_at(j, j->sample));
}

void mwi_f32_conv_run(const mwi_f32_conv *conv, const mwi_run_call *call, const float *in,
                      float *out)
{
    mwi_pool *const pool = conv->is_small ? NULL : call->pool;
    job j = {.c = conv,
             .layer = mwi_f32_layer_at_run(&conv->layer, call),
             .in = in,
             .out = out,
             .areas = (float *)(void *)((char *)call->scratch + conv->area_at)};

    if (conv->by_sample) {
        mwi_par_for(pool, (size_t)conv->read.batch, 1, run_samples, &j);
        return;
    }
    for (; j.sample < (size_t)conv->read.batch; j.sample++) {
        if (conv->copies) mwi_window_pad_f32(&conv->copied, sample_at(&j, j.sample), j.areas);
        mwi_par_for(pool, conv->n_strips, 1, run_strips, &j);
    }
}
