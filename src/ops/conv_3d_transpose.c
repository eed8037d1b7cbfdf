/* ops/conv_3d_transpose.c - CONV_3D_TRANSPOSE: output shape [5], weights [kd,kh,kw,out,in], x
 * [n,d,h,w,in], bias [out]?. The gradient of CONV_3D; each output row collects what reaches it, so
 * that rows are apart.
 * Depends: ops/window_3d, ops/dot, ops/fixed.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/dot.h"
#include "ops/fixed.h"
#include "ops/shapes.h"
#include "ops/window_3d.h"

#include <string.h>

enum { SHAPE, WEIGHTS, X, BIAS };

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    mwi_window_3d w;
    int32_t dims[5];

    MWI_TRY(mwi_need_input(ctx, call, SHAPE, 1, 1));
    MWI_TRY(mwi_need_input(ctx, call, WEIGHTS, 5, 5));
    MWI_TRY(mwi_need_input(ctx, call, X, 5, 5));
    const mwi_view *const shape = &call->in[SHAPE], *const f = &call->in[WEIGHTS],
                          *const x = &call->in[X];
    if (shape->dtype != MW_INT32 || shape->dims[0] != 5 || x->dims[4] < 1 ||
        f->dims[4] != x->dims[4] || f->dims[3] < 1)
        return mwi_fail(ctx, MW_EFORMAT,
                        "an output shape of %d values, %d input channels, weights from %d to %d",
                        shape->dims[0], x->dims[4], f->dims[4], f->dims[3]);
    if (call->n_in > BIAS && call->in[BIAS].tensor != NULL) {
        size_t n = 0;
        if (!mwi_dims_count(call->in[BIAS].rank, call->in[BIAS].dims, &n) ||
            n != (size_t)f->dims[3])
            return mwi_fail(ctx, MW_EFORMAT, "bias has %zu values for %d output channels", n,
                            f->dims[3]);
    }
    if (shape->data == NULL) {
        call->unknown = true;
        return MW_OK;
    }
    memcpy(dims, shape->data, sizeof dims);
    for (int i = 0; i < 5; i++)
        if (dims[i] < 0)
            return mwi_fail(ctx, MW_EFORMAT, "dimension %d of the output shape is %d", i, dims[i]);
    MWI_TRY(mwi_window_3d_make(ctx, call->attr, dims, f->dims, &w));
    if (dims[0] != x->dims[0] || dims[4] != f->dims[3] || w.a[0].out != x->dims[1] ||
        w.a[1].out != x->dims[2] || w.a[2].out != x->dims[3])
        return mwi_fail(ctx, MW_EFORMAT,
                        "output shape [%d,%d,%d,%d,%d] does not lead to the input's", dims[0],
                        dims[1], dims[2], dims[3], dims[4]);
    mwi_view_set_dims(&call->out[0], 5, dims);
    return MW_OK;
}

static uint64_t macs(const mwi_shape_call *call)
{
    const int32_t in_c = call->in[X].rank == 5 ? call->in[X].dims[4] : 0;
    return in_c < 1
               ? 0
               : mwi_view_count(&call->in[X]) / (uint64_t)in_c * mwi_view_count(&call->in[WEIGHTS]);
}

/* Axes of the convolution from the output (its `in`) to the input (its `out`). */
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
    MWI_TRY(mwi_window_3d_make(ctx, a, call->out[0].dims, call->in[WEIGHTS].dims, &s->w));
    s->in_c = (size_t)call->in[X].dims[4];
    s->out_c = (size_t)call->in[WEIGHTS].dims[3];
    return mwi_act_range_f32(ctx, a->activation, &s->low, &s->high);
}

/* The input position from which tap k reaches output position `at`; -1: none does. */
static int64_t source(const mwi_axis_3d *a, int64_t at, int32_t k)
{
    const int64_t v = at + a->pad - (int64_t)k * a->dilation;
    return v < 0 || v % a->stride != 0 || v / a->stride >= a->out ? -1 : v / a->stride;
}

/* Adds one row of the input through one row of the filter. */
static void add_row(const state *s, const float *x, const float *f, float *out)
{
    const mwi_axis_3d *const a = &s->w.a[2];

    for (int32_t k = 0; k < a->filter; k++, f += s->out_c * s->in_c)
        for (int32_t i = 0; i < a->out; i++) {
            const int64_t at = mwi_tap_3d(a, i, k);
            if (at < 0) continue;
            for (size_t c = 0; c < s->out_c; c++)
                out[(size_t)at * s->out_c + c] +=
                    mwi_dot_f32(x + (size_t)i * s->in_c, f + c * s->in_c, s->in_c);
        }
}

static void rows(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const mwi_run_call *const call = arg;
    const state *const s = call->state;
    const mwi_axis_3d *const a = s->w.a;
    const float *const bias = call->n_in > BIAS ? call->in[BIAS].data : NULL;
    const size_t n = (size_t)a[2].in * s->out_c,
                 filter_row = (size_t)a[2].filter * s->out_c * s->in_c;

    (void)thread;
    for (size_t row = begin; row < end; row++) {
        const size_t batch = row / (size_t)a[1].in / (size_t)a[0].in;
        const int64_t d = (int64_t)(row / (size_t)a[1].in % (size_t)a[0].in),
                      y = (int64_t)(row % (size_t)a[1].in);
        float *const out = (float *)call->out[0].data + row * n;
        const float *f = call->in[WEIGHTS].data;
        memset(out, 0, n * sizeof *out);
        for (int32_t kd = 0; kd < a[0].filter; kd++)
            for (int32_t ky = 0; ky < a[1].filter; ky++, f += filter_row) {
                const int64_t id = source(&a[0], d, kd), iy = source(&a[1], y, ky);
                if (id < 0 || iy < 0) continue;
                const size_t in_row =
                    (batch * (size_t)a[0].out + (size_t)id) * (size_t)a[1].out + (size_t)iy;
                add_row(s, (const float *)call->in[X].data + in_row * (size_t)a[2].out * s->in_c, f,
                        out);
            }
        for (size_t i = 0; i < n; i++) {
            const float v = out[i] + (bias == NULL ? 0.0f : bias[i % s->out_c]);
            out[i] = v < s->low ? s->low : v > s->high ? s->high : v;
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
                (size_t)call->out[0].dims[0] * (size_t)s->w.a[0].in * (size_t)s->w.a[1].in, 1, rows,
                &copy);
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_conv_3d_transpose__ref",
     .types = "i32,f32,f32,f32?>f32",
     .prepare = prepare,
     .run = run},
    {.name = NULL},
};

static const mwi_linear linear = {
    .value = 2, .weight = 1, .bias = 3, .rank = 5, .out_axis = 3, .in_axis = 4, .transposed = true};

/* It is itself the gradient of CONV_3D by these weights. */
static mw_status gradient(mw_ctx *ctx, mwi_gradient_call *call)
{
    const mwi_conv_3d_attr *const a = call->at.op->attr;
    const int32_t *const in = call->at.op->in;
    const mwi_setting *const window = MWI_SET(
        {"padding", a->padding, NULL}, {"stride_d", a->stride[0], NULL},
        {"stride_h", a->stride[1], NULL}, {"stride_w", a->stride[2], NULL},
        {"dilation_d_factor", a->dilation[0], NULL}, {"dilation_h_factor", a->dilation[1], NULL},
        {"dilation_w_factor", a->dilation[2], NULL});
    int32_t dy;

    MWI_TRY(mwi_gradient_of_sum(ctx, call, &dy));
    if (call->wanted[X])
        MWI_TRY(mwi_emit(ctx, &call->at, &mwi_op_conv_3d, MWI_IN(dy, in[WEIGHTS]), window,
                         &call->d_in[X]));
    if (call->wanted[WEIGHTS])
        MWI_TRY(mwi_emit(ctx, &call->at, &mwi_op_conv_3d_backprop_filter,
                         MWI_IN(dy, in[X], in[WEIGHTS]), window, &call->d_in[WEIGHTS]));
    return mwi_gradient_of_bias(ctx, call, BIAS, dy);
}

const mwi_op_desc mwi_op_conv_3d_transpose = {
    .name = "CONV_3D_TRANSPOSE",
    .tflite_code = 141,
    .options_type = 106,
    .min_in = 3,
    .max_in = 4,
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
