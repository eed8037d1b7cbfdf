/* tests/double_ops_layers.c - layers, pools and reductions in double precision: see double_ops.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "double_ops.h"

#include <math.h>

static void fully_connected(const double_call *c)
{
    const double_value *const x = &c->in[0], *const w = &c->in[1];
    const size_t n_in = (size_t)w->dims[1], n_out = (size_t)w->dims[0];

    for (size_t i = 0; i < c->out[0].n; i++) {
        const size_t row = i / n_out, unit = i % n_out;
        double sum = c->n_in > 2 && c->in[2].v != NULL ? c->in[2].v[unit] : 0;
        for (size_t k = 0; k < n_in; k++) sum += x->v[row * n_in + k] * w->v[unit * n_in + k];
        c->out[0].v[i] = sum;
    }
}

static double conv_at(const double_call *c, const int32_t *o, const int32_t *pad)
{
    const double_value *const x = &c->in[0], *const f = &c->in[1];
    const int32_t group = o[3] / (f->dims[0] / (x->dims[3] / f->dims[3]));
    double sum = c->n_in > 2 && c->in[2].v != NULL ? c->in[2].v[o[3]] : 0;

    for (int32_t ky = 0; ky < f->dims[1]; ky++)
        for (int32_t kx = 0; kx < f->dims[2]; kx++)
            for (int32_t k = 0; k < f->dims[3]; k++) {
                const int32_t y = o[1] * double_i32(c, "stride_h") - pad[0] +
                                  ky * double_i32(c, "dilation_h_factor");
                const int32_t w = o[2] * double_i32(c, "stride_w") - pad[1] +
                                  kx * double_i32(c, "dilation_w_factor");
                if (y < 0 || y >= x->dims[1] || w < 0 || w >= x->dims[2]) continue;
                sum += x->v[double_place(x, (int32_t[]){o[0], y, w, group * f->dims[3] + k})] *
                       f->v[double_place(f, (int32_t[]){o[3], ky, kx, k})];
            }
    return sum;
}

static void conv_2d(const double_call *c)
{
    const double_value *const y = &c->out[0];
    const int32_t pad[] = {
        double_pad(c, c->in[0].dims[1], y->dims[1], c->in[1].dims[1], double_i32(c, "stride_h"),
                   double_i32(c, "dilation_h_factor")),
        double_pad(c, c->in[0].dims[2], y->dims[2], c->in[1].dims[2], double_i32(c, "stride_w"),
                   double_i32(c, "dilation_w_factor"))};
    int32_t at[4];

    for (size_t i = 0; i < y->n; i++) {
        double_coords(y, i, at);
        y->v[i] = conv_at(c, at, pad);
    }
}

/* Elements of the window of output `o` that lie inside, in `out`; returns how many. */
static size_t window(const double_call *c, const int32_t *o, double *out)
{
    const double_value *const x = &c->in[0], *const y = &c->out[0];
    const int32_t h = double_i32(c, "filter_height"), w = double_i32(c, "filter_width");
    const int32_t sh = double_i32(c, "stride_h"), sw = double_i32(c, "stride_w");
    const int32_t top = double_pad(c, x->dims[1], y->dims[1], h, sh, 1);
    const int32_t left = double_pad(c, x->dims[2], y->dims[2], w, sw, 1);
    size_t n = 0;

    for (int32_t i = o[1] * sh - top; i < o[1] * sh - top + h; i++)
        for (int32_t k = o[2] * sw - left; k < o[2] * sw - left + w; k++)
            if (i >= 0 && i < x->dims[1] && k >= 0 && k < x->dims[2])
                out[n++] = x->v[double_place(x, (int32_t[]){o[0], i, k, o[3]})];
    return n;
}

#define POOL(name, start, step, result)                                                            \
    static void name(const double_call *c)                                                         \
    {                                                                                              \
        double v[256];                                                                             \
        int32_t at[4];                                                                             \
        for (size_t i = 0; i < c->out[0].n; i++) {                                                 \
            double_coords(&c->out[0], i, at);                                                      \
            const size_t n = window(c, at, v);                                                     \
            double r = start;                                                                      \
            for (size_t k = 0; k < n; k++) r = (step);                                             \
            c->out[0].v[i] = (result);                                                             \
        }                                                                                          \
    }
POOL(max_pool, -HUGE_VAL, fmax(r, v[k]), n > 0 ? r : 0)
POOL(average_pool, 0, r + v[k], r / (double)n)

static void softmax_row(const double *x, size_t n, double beta, double *y)
{
    double sum = 0;

    for (size_t k = 0; k < n; k++) sum += exp(beta * x[k]);
    for (size_t k = 0; k < n; k++) y[k] = exp(beta * x[k]) / sum;
}

static void softmax(const double_call *c)
{
    const size_t n = double_last(&c->in[0]);

    for (size_t i = 0; i < c->in[0].n; i += n)
        softmax_row(c->in[0].v + i, n, double_f32(c, "beta"), c->out[0].v + i);
}

/* Adds every input to the result that it belongs to. */
static size_t reduce_sum(const double_call *c)
{
    const double_value *const x = &c->in[0], *const y = &c->out[0];
    double_value kept = *x;
    int32_t at[MW_MAX_RANK];

    for (size_t k = 0; k < c->in[1].n; k++) {
        const int32_t axis = (int32_t)c->in[1].v[k];
        kept.dims[axis < 0 ? axis + x->rank : axis] = 1;
    }
    for (size_t i = 0; i < x->n; i++) {
        double_coords(x, i, at);
        for (int32_t k = 0; k < x->rank; k++) at[k] = kept.dims[k] == 1 ? 0 : at[k];
        y->v[double_place(&kept, at)] += x->v[i];
    }
    return y->n == 0 ? 1 : x->n / y->n;
}
static void sum(const double_call *c) { (void)reduce_sum(c); }
static void mean(const double_call *c)
{
    const size_t n = reduce_sum(c);
    for (size_t i = 0; i < c->out[0].n; i++) c->out[0].v[i] /= (double)n;
}

const double_op double_ops_layers[] = {
    {"FULLY_CONNECTED", fully_connected},
    {"CONV_2D", conv_2d},
    {"MAX_POOL_2D", max_pool},
    {"AVERAGE_POOL_2D", average_pool},
    {"SOFTMAX", softmax},
    {"SUM", sum},
    {"MEAN", mean},
    {NULL, NULL},
};
