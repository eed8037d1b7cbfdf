/* ops/conv_3d.c - CONV_3D: x [n,d,h,w,in], weights [kd,kh,kw,in,out], bias [out]?. Sums run over
 * blocks of output channels, which lie beside each other in the weights.
 * Depends: ops/window_3d, ops/fixed.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/conv_backprop.h"
#include "ops/fixed.h"
#include "ops/shapes.h"
#include "ops/window_3d.h"

enum { BLOCK = 16 };

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    mwi_window_3d w;

    MWI_TRY(mwi_need_input(ctx, call, 0, 5, 5));
    MWI_TRY(mwi_need_input(ctx, call, 1, 5, 5));
    const mwi_view *const x = &call->in[0], *const f = &call->in[1];
    if (x->dims[4] < 1 || f->dims[3] != x->dims[4] || f->dims[4] < 1)
        return mwi_fail(ctx, MW_EFORMAT, "%d input channels do not fit weights for %d to %d",
                        x->dims[4], f->dims[3], f->dims[4]);
    if (call->n_in > 2 && call->in[2].tensor != NULL) {
        size_t n = 0;
        if (!mwi_dims_count(call->in[2].rank, call->in[2].dims, &n) || n != (size_t)f->dims[4])
            return mwi_fail(ctx, MW_EFORMAT, "bias has %zu values for %d output channels", n,
                            f->dims[4]);
    }
    MWI_TRY(mwi_window_3d_make(ctx, call->attr, x->dims, f->dims, &w));
    mwi_view_set_dims(
        &call->out[0], 5,
        (const int32_t[]){x->dims[0], w.a[0].out, w.a[1].out, w.a[2].out, f->dims[4]});
    return MW_OK;
}

static uint64_t macs(const mwi_shape_call *call)
{
    const mwi_view *const f = &call->in[1];
    const int32_t out_c = f->rank == 5 ? f->dims[4] : 0;
    return out_c < 1 ? 0 : mwi_view_count(&call->out[0]) / (uint64_t)out_c * mwi_view_count(f);
}

typedef struct state {
    mwi_window_3d w;
    size_t in_c, out_c;
    float low, high;
} state;

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    const mwi_conv_3d_attr *const a = call->attr;
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(state), &memory));
    state *const s = call->state = memory;
    MWI_TRY(mwi_window_3d_make(ctx, a, call->in[0].dims, call->in[1].dims, &s->w));
    s->in_c = (size_t)call->in[0].dims[4];
    s->out_c = (size_t)call->in[1].dims[4];
    return mwi_act_range_f32(ctx, a->activation, &s->low, &s->high);
}

/* Adds one tap's input channels to n sums of output channels from `first` on. */
static void add_tap(const state *s, const float *x, const float *weights, size_t n, float *sums)
{
    for (size_t i = 0; i < s->in_c; i++, weights += s->out_c)
        for (size_t c = 0; c < n; c++) sums[c] += x[i] * weights[c];
}

static void pixel(const mwi_run_call *call, const int32_t *at, size_t first, size_t n, float *sums)
{
    const state *const s = call->state;
    const mwi_axis_3d *const a = s->w.a;
    const float *const x = call->in[0].data, *f = (const float *)call->in[1].data + first;
    const size_t batch = (size_t)at[3];

    for (size_t c = 0; c < n; c++) sums[c] = 0;
    for (int32_t d = 0; d < a[0].filter; d++)
        for (int32_t y = 0; y < a[1].filter; y++)
            for (int32_t k = 0; k < a[2].filter; k++, f += s->in_c * s->out_c) {
                const int64_t id = mwi_tap_3d(&a[0], at[0], d), iy = mwi_tap_3d(&a[1], at[1], y);
                const int64_t ix = mwi_tap_3d(&a[2], at[2], k);
                if (id < 0 || iy < 0 || ix < 0) continue;
                const size_t place =
                    ((batch * (size_t)a[0].in + (size_t)id) * (size_t)a[1].in + (size_t)iy) *
                        (size_t)a[2].in +
                    (size_t)ix;
                add_tap(s, x + place * s->in_c, f, n, sums);
            }
}

static void rows(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const mwi_run_call *const call = arg;
    const state *const s = call->state;
    const float *const bias = call->n_in > 2 ? call->in[2].data : NULL;
    const size_t height = (size_t)s->w.a[1].out, depth = (size_t)s->w.a[0].out,
                 width = (size_t)s->w.a[2].out;
    float sums[BLOCK];

    (void)thread;
    for (size_t row = begin; row < end; row++)
        for (size_t x = 0; x < width; x++)
            for (size_t c = 0; c < s->out_c; c += BLOCK) {
                const int32_t at[] = {(int32_t)(row / height % depth), (int32_t)(row % height),
                                      (int32_t)x, (int32_t)(row / height / depth)};
                const size_t n = s->out_c - c < BLOCK ? s->out_c - c : BLOCK;
                float *const out = (float *)call->out[0].data + (row * width + x) * s->out_c + c;
                pixel(call, at, c, n, sums);
                for (size_t k = 0; k < n; k++) {
                    const float v = sums[k] + (bias == NULL ? 0.0f : bias[c + k]);
                    out[k] = v < s->low ? s->low : v > s->high ? s->high : v;
                }
            }
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const state *const s = call->state;
    mwi_run_call copy = *call;

    (void)ctx;
    if (call->out[0].bytes == 0) return MW_OK;
    mwi_par_for(call->pool,
                (size_t)call->out[0].dims[0] * (size_t)s->w.a[0].out * (size_t)s->w.a[1].out, 1,
                rows, &copy);
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_conv_3d__ref", .types = "f32,f32,f32?>f32", .prepare = prepare, .run = run},
    {.name = NULL},
};

static const mwi_linear linear = {
    .value = 0, .weight = 1, .bias = 2, .rank = 5, .out_axis = 4, .in_axis = 3};

static mw_status gradient(mw_ctx *ctx, mwi_gradient_call *call)
{
    return mwi_conv_gradient(ctx, call, &mwi_op_conv_3d_backprop_input,
                             &mwi_op_conv_3d_backprop_filter);
}

const mwi_op_desc mwi_op_conv_3d = {
    .name = "CONV_3D",
    .tflite_code = 132,
    .options_type = 106,
    .min_in = 2,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_FUSES_ACT,
    .attr_size = sizeof(mwi_conv_3d_attr),
    .fields = mwi_conv_3d_fields,
    .kernels = kernels,
    .linear = &linear,
    .windows = &mwi_conv_3d_windows,
    .infer = infer,
    .gradient = gradient,
    .macs = macs,
};
