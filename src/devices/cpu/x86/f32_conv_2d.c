/* devices/cpu/x86/f32_conv_2d.c - CONV_2D of floats as a matrix product on the input as it lies in
 * memory. Outputs are cut into regions whose windows are clipped by the border in the same way:
 * what lies outside is left out of the sum. Where that would leave only crumbs, windows are read
 * from a padded copy.
 * Depends: f32_layer, spans, ops/fixed.  Used by: the list of kernels only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/f32_layer.h"
#include "devices/cpu/x86/spans.h"
#include "devices/device.h"

#include "base/checked.h"
#include "ops/fixed.h"

enum {
    MAX_REGIONS = 256,
    SMALL_MACS = 400000,  /* fewer: waking threads takes longer */
    SAMPLES_A_THREAD = 4, /* fewer: threads share each sample */
};

/* Outputs with the same pieces. */
typedef struct region {
    int32_t y, x, h, w;
    const mwi_f32_piece *pieces;
    size_t n_pieces;
    size_t corner;      /* floats before the first output's first tap */
    size_t first_strip; /* strips of all regions are numbered */
} region;

typedef struct state {
    mwi_f32_layer layer;
    mwi_window w; /* of the area that is read: without borders when it is a copy */
    mwi_window padded;
    bool copies, is_small;
    bool by_sample;                    /* threads take whole samples, else strips of one */
    size_t area, area_at;              /* copies: floats of one, bytes into the scratch */
    size_t n_regions, n_strips, strip; /* pixels of a strip */
    region *regions;
} state;

static bool window_of(mw_ctx *ctx, const mwi_prepare_call *call, mwi_window *w)
{
    *w = (mwi_window){.filter_h = call->in[1].dims[1],
                      .filter_w = call->in[1].dims[2],
                      .stride_h = mwi_op_get_i32(call->op, "stride_h", 1),
                      .stride_w = mwi_op_get_i32(call->op, "stride_w", 1),
                      .dilation_h = mwi_op_get_i32(call->op, "dilation_h_factor", 1),
                      .dilation_w = mwi_op_get_i32(call->op, "dilation_w_factor", 1)};
    return mwi_window_make(ctx, &call->in[0], mwi_op_get_i32(call->op, "padding", 0), w) == MW_OK;
}

static bool accepts(const mwi_prepare_call *call)
{
    const int32_t *const f = call->in[1].dims, *const x = call->in[0].dims;

    return f[3] == x[3] && f[0] > 0 && f[1] > 0 && f[2] > 0 && f[3] > 0; /* no groups */
}

/* Pieces of a window clipped to taps of `rows` and `columns`; neighbours in memory are one. */
static mw_status make_pieces(mw_ctx *ctx, mwi_arena *arena, const mwi_window *w,
                             const mwi_span *rows, const mwi_span *columns, region *out)
{
    const size_t in_c = (size_t)w->in_c, in_row = (size_t)w->in_w * in_c;
    const int32_t n_columns = columns->tap_end - columns->tap;
    const bool is_whole = w->dilation_w == 1;
    const int32_t n_cuts = is_whole ? 1 : n_columns;
    void *memory;
    size_t n = 0;

    if (n_columns == 0 || rows->tap == rows->tap_end) return MW_OK;
    MWI_TRY(mwi_arena_array(ctx, arena, (size_t)(rows->tap_end - rows->tap) * (size_t)n_cuts,
                            sizeof(mwi_f32_piece), &memory));
    mwi_f32_piece *const pieces = memory;
    for (int32_t y = rows->tap; y < rows->tap_end; y++) {
        for (int32_t k = 0; k < n_cuts; k++) {
            const mwi_f32_piece p = {
                .at = (ptrdiff_t)((size_t)(y - rows->tap) * (size_t)w->dilation_h * in_row +
                                  (size_t)k * (size_t)w->dilation_w * in_c),
                .weight = ((size_t)y * (size_t)w->filter_w + (size_t)(columns->tap + k)) * in_c,
                .n = in_c * (is_whole ? (size_t)n_columns : 1)};
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

static mw_status make_regions(mw_ctx *ctx, mwi_arena *arena, state *s, const mwi_spans *rows,
                              const mwi_spans *columns)
{
    const mwi_window *const w = &s->w;
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, arena, rows->n * columns->n, sizeof(region), &memory));
    s->regions = memory;
    for (size_t i = 0; i < rows->n; i++) {
        for (size_t k = 0; k < columns->n; k++) {
            const mwi_span *const y = &rows->v[i], *const x = &columns->v[k];
            region *const r = &s->regions[s->n_regions++];
            *r = (region){.y = y->from, .x = x->from, .h = y->to - y->from, .w = x->to - x->from};
            r->corner = ((size_t)y->at * (size_t)w->in_w + (size_t)x->at) * (size_t)w->in_c;
            r->first_strip = s->n_strips;
            s->n_strips += ((size_t)r->h * (size_t)r->w + s->strip - 1) / s->strip;
            MWI_TRY(make_pieces(ctx, arena, w, y, x, r));
        }
    }
    return MW_OK;
}

/* A copy costs a few operations a value; small regions leave registers empty. */
static bool wants_copy(const mwi_window *w, const mwi_spans *rows, const mwi_spans *columns)
{
    const double all = (double)w->out_h * w->out_w;
    const double whole =
        (double)mwi_spans_whole(rows, w->filter_h) * mwi_spans_whole(columns, w->filter_w);

    if (rows->n == 1 && columns->n == 1 && whole > 0) return false;
    return rows->n * columns->n > MAX_REGIONS || whole < all / 3 ||
           (w->in_c < 8 && whole < all * 3 / 4);
}

/* Strips of 48 pixels; of fewer where one sample has several threads to feed. */
static size_t strip_of(const state *s, uint32_t n_threads)
{
    const size_t n = (size_t)s->w.out_h * (size_t)s->w.out_w;

    if (s->by_sample) return MWI_F32_MAX_PIXELS;
    const size_t share = (n / (n_threads * 4) + 7) / 8 * 8;
    return share < 8 ? 8 : share > MWI_F32_MAX_PIXELS ? MWI_F32_MAX_PIXELS : share;
}

/* Room for a copy of one sample for each thread that makes one. */
static mw_status plan_copies(mw_ctx *ctx, mwi_prepare_call *call, state *s)
{
    const size_t n = s->by_sample && call->n_threads > 1 ? call->n_threads : 1;
    size_t bytes;

    if (!mwi_window_padded_count(&s->w, &s->area) || !mwi_align_up(s->area, 16, &s->area) ||
        !mwi_mul(s->area, n * sizeof(float), &bytes) ||
        !mwi_align_up(call->scratch_bytes, 64, &s->area_at) ||
        !mwi_add(s->area_at, bytes, &call->scratch_bytes))
        return mwi_fail(ctx, MW_ELIMIT, "the window is too large");
    s->w.in_h = s->w.padded_h;
    s->w.in_w = s->w.padded_w;
    s->w.pad_top = s->w.pad_left = 0;
    return MW_OK;
}

static mw_status plan_window(mw_ctx *ctx, mwi_prepare_call *call, state *s)
{
    mwi_spans rows, columns;

    if (!window_of(ctx, call, &s->w)) return mw_ctx_error_status(ctx);
    s->padded = s->w;
    s->is_small =
        (double)s->w.batch * s->w.out_h * s->w.out_w * (double)(s->layer.taps * s->layer.out_c) <
        SMALL_MACS;
    s->by_sample = s->is_small || call->n_threads < 2 ||
                   (uint32_t)s->w.batch >= SAMPLES_A_THREAD * call->n_threads;
    s->strip = strip_of(s, call->n_threads);
    MWI_TRY(mwi_spans_make(ctx, call->arena, &s->w, &rows, &columns));
    s->copies = wants_copy(&s->w, &rows, &columns);
    if (s->copies) {
        MWI_TRY(plan_copies(ctx, call, s));
        MWI_TRY(mwi_spans_make(ctx, call->arena, &s->w, &rows, &columns));
    }
    return make_regions(ctx, call->arena, s, &rows, &columns);
}

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call, const mwi_f32_isa *isa)
{
    const mwi_view *const f = &call->in[1];
    const mwi_f32_matrix m = mwi_f32_matrix_of_filter(
        (size_t)f->dims[0], (size_t)f->dims[1] * (size_t)f->dims[2], (size_t)f->dims[3]);
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(state), &memory));
    state *const s = memory;
    call->state = s;
    MWI_TRY(mwi_f32_layer_make(ctx, call, isa, &m, &s->layer));
    MWI_TRY(mwi_act_range_f32(ctx, mwi_op_get_i32(call->op, "fused_activation_function", 0),
                              &s->layer.low, &s->layer.high));
    return plan_window(ctx, call, s);
}

static mw_status prepare_avx2(mw_ctx *ctx, mwi_prepare_call *call)
{
    return prepare(ctx, call, &mwi_f32_layer_avx2);
}

/* Up to 8 channels would leave half of a wide vector empty. */
static mw_status prepare_avx512(mw_ctx *ctx, mwi_prepare_call *call)
{
    const bool is_narrow = (size_t)call->in[1].dims[0] <= mwi_f32_layer_avx2.lanes;
    return prepare(ctx, call, is_narrow ? &mwi_f32_layer_avx2 : &mwi_f32_layer_avx512);
}

typedef struct job {
    const state *s;
    mwi_f32_layer layer;
    const float *in;
    float *out, *areas;
    size_t sample; /* that is run by strips */
} job;

static void run_strip(const job *j, const region *r, size_t begin, size_t end, const float *area,
                      float *item)
{
    const state *const s = j->s;
    const size_t in_c = (size_t)s->w.in_c, out_c = s->layer.out_c, w = (size_t)r->w;
    const size_t step_x = (size_t)s->w.stride_w * in_c;
    const size_t step_y = (size_t)s->w.stride_h * (size_t)s->w.in_w * in_c;
    const float *pixels[MWI_F32_MAX_PIXELS];
    float *out[MWI_F32_MAX_PIXELS];
    size_t y = begin / w, x = begin % w;

    for (size_t i = 0; i < end - begin; i++) {
        pixels[i] = area + r->corner + y * step_y + x * step_x;
        out[i] = item + (((size_t)r->y + y) * (size_t)s->w.out_w + (size_t)r->x + x) * out_c;
        if (++x == w) x = 0, y++;
    }
    j->layer.isa->run(&j->layer, r->pieces, r->n_pieces, pixels, out, end - begin);
}

/* Strips [begin, end) of sample b. */
static void run_sample(const job *j, size_t b, size_t begin, size_t end, const float *area)
{
    const state *const s = j->s;
    float *const item = j->out + b * (size_t)s->w.out_h * (size_t)s->w.out_w * s->layer.out_c;
    const region *r = s->regions;

    for (size_t i = begin; i < end; i++) {
        while (r + 1 < s->regions + s->n_regions && r[1].first_strip <= i) r++;
        const size_t n = (size_t)r->h * (size_t)r->w, first = (i - r->first_strip) * s->strip;
        run_strip(j, r, first, n - first < s->strip ? n : first + s->strip, area, item);
    }
}

static const float *sample_at(const job *j, size_t b)
{
    const mwi_window *const w = &j->s->padded;
    return j->in + b * (size_t)w->in_h * (size_t)w->in_w * (size_t)w->in_c;
}

/* Whole samples, each copied first where that is wanted. */
static void run_samples(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const job *const j = arg;
    const state *const s = j->s;
    float *const area = j->areas + thread * s->area;

    for (size_t b = begin; b < end; b++) {
        if (s->copies) mwi_window_pad_f32(&s->padded, sample_at(j, b), area);
        run_sample(j, b, 0, s->n_strips, s->copies ? area : sample_at(j, b));
    }
}

/* Strips of one sample, which has been copied where that is wanted. */
static void run_strips(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const job *const j = arg;

    (void)thread;
    run_sample(j, j->sample, begin, end, j->s->copies ? j->areas : sample_at(j, j->sample));
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const state *const s = call->state;
    mwi_pool *const pool = s->is_small ? NULL : call->pool;
    job j = {.s = s,
             .layer = mwi_f32_layer_at_run(&s->layer, call),
             .in = call->in[0].data,
             .out = call->out[0].data,
             .areas = (float *)(void *)((char *)call->scratch + s->area_at)};

    (void)ctx;
    if (s->by_sample) {
        mwi_par_for(pool, (size_t)s->padded.batch, 1, run_samples, &j);
        return MW_OK;
    }
    for (; j.sample < (size_t)s->padded.batch; j.sample++) {
        if (s->copies) mwi_window_pad_f32(&s->padded, sample_at(&j, j.sample), j.areas);
        mwi_par_for(pool, s->n_strips, 1, run_strips, &j);
    }
    return MW_OK;
}

const mwi_device_kernel mwi_cpu_f32_conv_2d[] = {
    {&mwi_op_conv_2d,
     {.name = "f32_conv_2d__avx512",
      .types = "f32,f32,f32?>f32",
      .cpu_features = MWI_CPU_AVX512,
      .accepts = accepts,
      .prepare = prepare_avx512,
      .run = run}},
    {&mwi_op_conv_2d,
     {.name = "f32_conv_2d__avx2",
      .types = "f32,f32,f32?>f32",
      .cpu_features = MWI_CPU_AVX2,
      .accepts = accepts,
      .prepare = prepare_avx2,
      .run = run}},
    {.op = NULL},
};
