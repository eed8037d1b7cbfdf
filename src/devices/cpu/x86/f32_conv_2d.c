/* devices/cpu/x86/f32_conv_2d.c - CONV_2D of floats as a matrix product on the input as it lies in
 * memory. Where clipping windows at the border would leave only crumbs, they are read from a padded
 * copy.
 * Depends: f32_conv, ops/fixed.  Used by: the list of kernels only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/f32_conv.h"
#include "devices/device.h"

#include "ops/fixed.h"

enum { MAX_REGIONS = 256 };

typedef struct state {
    mwi_f32_conv conv;
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

static mw_status plan(mw_ctx *ctx, mwi_prepare_call *call, mwi_f32_conv *c)
{
    mwi_window *const w = &c->read;
    mwi_f32_axis y, x;

    if (!window_of(ctx, call, w)) return mw_ctx_error_status(ctx);
    y = (mwi_f32_axis){
        .step = 1, .stride = w->stride_h, .dilation = w->dilation_h, .weight_step = 1};
    x = (mwi_f32_axis){
        .step = 1, .stride = w->stride_w, .dilation = w->dilation_w, .weight_step = 1};
    MWI_TRY(mwi_spans_make(ctx, call->arena, w, &y.spans, &x.spans));
    c->copies = wants_copy(w, &y.spans, &x.spans);
    if (c->copies) {
        c->copied = *w;
        w->in_h = w->padded_h;
        w->in_w = w->padded_w;
        w->pad_top = w->pad_left = 0;
        MWI_TRY(mwi_spans_make(ctx, call->arena, w, &y.spans, &x.spans));
    }
    return mwi_f32_conv_plan(ctx, call, &(mwi_f32_axes){&y, 1}, &(mwi_f32_axes){&x, 1}, c);
}

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call, const mwi_f32_isa *isa)
{
    const mwi_view *const f = &call->in[1];
    const mwi_f32_matrix m = mwi_f32_matrix_of_filter(
        (size_t)f->dims[0], (size_t)f->dims[1] * (size_t)f->dims[2], (size_t)f->dims[3]);
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(state), &memory));
    mwi_f32_conv *const c = &((state *)memory)->conv;
    call->state = memory;
    MWI_TRY(mwi_f32_layer_make(ctx, call, isa, &m, &c->layer));
    MWI_TRY(mwi_act_range_f32(ctx, mwi_op_get_i32(call->op, "fused_activation_function", 0),
                              &c->layer.low, &c->layer.high));
    return plan(ctx, call, c);
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

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    (void)ctx;
    mwi_f32_conv_run(&((const state *)call->state)->conv, call, call->in[0].data,
                     call->out[0].data);
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
