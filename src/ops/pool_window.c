/* ops/pool_window.c - see pool.h.
 * Depends: ops/window.  Used by: pooling operators.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/pool.h"

#include <string.h>

const mwi_field mwi_pool_fields[] = {
    {"padding", offsetof(mwi_pool_attr, padding), MWI_FIELD_ENUM, 0, 0, 0, 1, mwi_padding_names},
    {"stride_w", offsetof(mwi_pool_attr, stride_w), MWI_FIELD_I32, 1, 0, 1, INT32_MAX, NULL},
    {"stride_h", offsetof(mwi_pool_attr, stride_h), MWI_FIELD_I32, 2, 0, 1, INT32_MAX, NULL},
    {"filter_width", offsetof(mwi_pool_attr, filter_w), MWI_FIELD_I32, 3, 0, 1, INT32_MAX, NULL},
    {"filter_height", offsetof(mwi_pool_attr, filter_h), MWI_FIELD_I32, 4, 0, 1, INT32_MAX, NULL},
    {"fused_activation_function", offsetof(mwi_pool_attr, activation), MWI_FIELD_ENUM, 5, 0, 0, 5,
     mwi_activation_names},
    MWI_FIELDS_END,
};

const mwi_windows mwi_pool_windows = {
    .n = 2, .size = {"filter_height", "filter_width"}, .stride = {"stride_h", "stride_w"}};

static mw_status window_of(mw_ctx *ctx, const mwi_pool_attr *a, const mwi_view *x, mwi_window *w)
{
    *w = (mwi_window){.filter_h = a->filter_h,
                      .filter_w = a->filter_w,
                      .stride_h = a->stride_h,
                      .stride_w = a->stride_w,
                      .dilation_h = 1,
                      .dilation_w = 1};
    return mwi_window_make(ctx, x, a->padding, w);
}

mw_status mwi_pool_infer(mw_ctx *ctx, mwi_shape_call *call)
{
    mwi_window w;

    MWI_TRY(mwi_need_input(ctx, call, 0, 4, 4));
    MWI_TRY(window_of(ctx, call->attr, &call->in[0], &w));
    mwi_view_set_dims(&call->out[0], 4, (const int32_t[]){w.batch, w.out_h, w.out_w, w.in_c});
    return MW_OK;
}

uint64_t mwi_pool_macs(const mwi_shape_call *call)
{
    const mwi_pool_attr *const a = call->attr;
    return mwi_view_count(&call->out[0]) * (uint64_t)a->filter_h * (uint64_t)a->filter_w;
}

mw_status mwi_pool_infer_grad(mw_ctx *ctx, mwi_shape_call *call, size_t x, size_t y)
{
    mwi_window w;

    MWI_TRY(mwi_need_input(ctx, call, x, 4, 4));
    MWI_TRY(mwi_need_input(ctx, call, y, 4, 4));
    MWI_TRY(window_of(ctx, call->attr, &call->in[x], &w));
    const int32_t dims[] = {w.batch, w.out_h, w.out_w, w.in_c};
    if (memcmp(call->in[y].dims, dims, sizeof dims) != 0)
        return mwi_fail(ctx, MW_EFORMAT, "input %zu is not a result for input %zu", y, x);
    mwi_view_set_dims(&call->out[0], 4, call->in[x].dims);
    return MW_OK;
}

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call, size_t i, mwi_pool_state **out)
{
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof **out, &memory));
    call->state = *out = memory;
    return window_of(ctx, call->attr, &call->in[i], &(*out)->w);
}

mw_status mwi_pool_prepare_grad(mw_ctx *ctx, mwi_prepare_call *call, size_t i)
{
    mwi_pool_state *s;
    return prepare(ctx, call, i, &s);
}

mw_status mwi_pool_prepare_f32(mw_ctx *ctx, mwi_prepare_call *call)
{
    mwi_pool_state *s;

    MWI_TRY(prepare(ctx, call, 0, &s));
    return mwi_act_range_f32(ctx, ((const mwi_pool_attr *)call->attr)->activation, &s->low_f,
                             &s->high_f);
}

mw_status mwi_pool_prepare_int(mw_ctx *ctx, mwi_prepare_call *call)
{
    mwi_pool_state *s;
    float in, out;
    int32_t in_zero, out_zero;

    MWI_TRY(prepare(ctx, call, 0, &s));
    MWI_TRY(mwi_need_quant(ctx, &call->in[0], "input", &in, &in_zero));
    MWI_TRY(mwi_need_quant(ctx, &call->out[0], "output", &out, &out_zero));
    return mwi_act_range(ctx, ((const mwi_pool_attr *)call->attr)->activation, &call->out[0],
                         &s->low, &s->high);
}

typedef struct task {
    const mwi_run_call *call;
    const mwi_pool_state *s;
    void (*pixel)(const mwi_pool_pixel *p);
} task;

static int32_t clip(int64_t v, int32_t high) { return v < 0 ? 0 : v > high ? high : (int32_t)v; }

static void rows(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const task *const t = arg;
    const mwi_window *const w = &t->s->w;

    (void)thread;
    for (size_t row = begin; row < end; row++) {
        const size_t b = row / (size_t)w->out_h;
        const int64_t y = (int64_t)(row % (size_t)w->out_h) * w->stride_h - w->pad_top;
        for (int32_t c = 0; c < w->out_w; c++) {
            const int64_t x = (int64_t)c * w->stride_w - w->pad_left;
            const mwi_pool_pixel p = {
                .call = t->call,
                .s = t->s,
                .item = b * (size_t)w->in_h * (size_t)w->in_w * (size_t)w->in_c,
                .y0 = clip(y, w->in_h),
                .y1 = clip(y + w->filter_h, w->in_h),
                .x0 = clip(x, w->in_w),
                .x1 = clip(x + w->filter_w, w->in_w),
                .out = (row * (size_t)w->out_w + (size_t)c) * (size_t)w->in_c};
            t->pixel(&p);
        }
    }
}

static void run_pieces(const mwi_run_call *call, size_t rows_a_piece,
                       void (*pixel)(const mwi_pool_pixel *p))
{
    const mwi_pool_state *const s = call->state;
    task t = {.call = call, .s = s, .pixel = pixel};
    mwi_par_for(call->pool, (size_t)s->w.batch * (size_t)s->w.out_h, rows_a_piece, rows, &t);
}

void mwi_pool_run(const mwi_run_call *call, void (*pixel)(const mwi_pool_pixel *p))
{
    run_pieces(call, 1, pixel);
}

void mwi_pool_run_items(const mwi_run_call *call, void (*pixel)(const mwi_pool_pixel *p))
{
    const mwi_pool_state *const s = call->state;
    if (s->w.out_h > 0) run_pieces(call, (size_t)s->w.out_h, pixel);
}
