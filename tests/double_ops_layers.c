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

/* Of rows and columns. */
typedef struct steps {
    int32_t size[2], stride[2], dilation[2], pad[2];
} steps;

static steps steps_of(const double_call *c, int32_t height, int32_t width, bool dilated)
{
    steps s = {.size = {height, width},
               .stride = {double_i32(c, "stride_h"), double_i32(c, "stride_w")},
               .dilation = {1, 1}};

    if (dilated) {
        s.dilation[0] = double_i32(c, "dilation_h_factor");
        s.dilation[1] = double_i32(c, "dilation_w_factor");
    }
    for (int32_t k = 0; k < 2; k++)
        s.pad[k] = double_pad(c, c->in[0].dims[1 + k], c->out[0].dims[1 + k], s.size[k],
                              s.stride[k], s.dilation[k]);
    return s;
}

/* The place in x of tap (ky, kx) of the window of output `o`, channel c; -1: in the padding. */
static int64_t tap(const double_value *x, const steps *s, const int32_t *o, int32_t ky, int32_t kx,
                   int32_t c)
{
    const int32_t y = o[1] * s->stride[0] - s->pad[0] + ky * s->dilation[0];
    const int32_t w = o[2] * s->stride[1] - s->pad[1] + kx * s->dilation[1];

    if (y < 0 || y >= x->dims[1] || w < 0 || w >= x->dims[2]) return -1;
    return (int64_t)double_place(x, (int32_t[]){o[0], y, w, c});
}

/* depthwise: weights [1,kh,kw,c*m], one input channel for each output channel. */
static void convolve(const double_call *c, bool depthwise)
{
    const double_value *const x = &c->in[0], *const f = &c->in[1], *const out = &c->out[0];
    const steps s = steps_of(c, f->dims[1], f->dims[2], true);
    const int32_t depth = depthwise ? 1 : f->dims[3];
    const int32_t group = out->dims[3] / (x->dims[3] / depth); /* outputs that read the same */
    int32_t o[4];

    for (size_t i = 0; i < out->n; i++) {
        double_coords(out, i, o);
        out->v[i] = c->n_in > 2 && c->in[2].v != NULL ? c->in[2].v[o[3]] : 0;
        for (int32_t ky = 0; ky < f->dims[1]; ky++)
            for (int32_t kx = 0; kx < f->dims[2]; kx++)
                for (int32_t k = 0; k < depth; k++) {
                    const int64_t at = tap(x, &s, o, ky, kx, o[3] / group * depth + k);
                    const int32_t w[] = {depthwise ? 0 : o[3], ky, kx, depthwise ? o[3] : k};
                    if (at >= 0) out->v[i] += x->v[at] * f->v[double_place(f, w)];
                }
    }
}
static void conv_2d(const double_call *c) { convolve(c, false); }
static void depthwise_conv_2d(const double_call *c) { convolve(c, true); }

/* Each input pixel adds its filter to a window of the output. */
static void transpose_conv(const double_call *c)
{
    const double_value *const f = &c->in[1], *const x = &c->in[2], *const out = &c->out[0];
    const int32_t sh = double_i32(c, "stride_h"), sw = double_i32(c, "stride_w");
    const int32_t top = double_pad(c, out->dims[1], x->dims[1], f->dims[1], sh, 1);
    const int32_t left = double_pad(c, out->dims[2], x->dims[2], f->dims[2], sw, 1);
    int32_t i[4], k[4];

    for (size_t n = 0; n < out->n && c->n_in > 3 && c->in[3].v != NULL; n++)
        out->v[n] = c->in[3].v[n % (size_t)out->dims[3]];
    for (size_t n = 0; n < x->n; n++)
        for (size_t m = 0; m < f->n; m++) {
            double_coords(x, n, i);
            double_coords(f, m, k);
            const int32_t at[] = {i[0], i[1] * sh - top + k[1], i[2] * sw - left + k[2], k[0]};
            if (i[3] == k[3] && at[1] >= 0 && at[1] < out->dims[1] && at[2] >= 0 &&
                at[2] < out->dims[2])
                out->v[double_place(out, at)] += x->v[n] * f->v[m];
        }
}

/* Calls for each output position, tap and channel pair: out = sum of x * f where the tap lies
 * inside; transposed: x = sum of out * f. */
static void volumes(const double_call *c, const double_value *x, const double_value *y,
                    const double_value *f, bool transposed)
{
    static const char *const strides[] = {"stride_d", "stride_h", "stride_w"};
    static const char *const dilations[] = {"dilation_d_factor", "dilation_h_factor",
                                            "dilation_w_factor"};
    int32_t stride[3], dilation[3], pad[3], o[5], k[5];

    for (int32_t i = 0; i < 3; i++) {
        stride[i] = double_i32(c, strides[i]);
        dilation[i] = double_i32(c, dilations[i]);
        pad[i] = double_pad(c, x->dims[1 + i], y->dims[1 + i], f->dims[i], stride[i], dilation[i]);
    }
    for (size_t n = 0; n < y->n; n++)
        for (size_t m = 0; m < f->n; m++) {
            bool inside = true;
            double_coords(y, n, o);
            double_coords(f, m, k);
            if (k[4] != o[4]) continue;
            int32_t at[] = {o[0], 0, 0, 0, k[3]};
            for (int32_t i = 0; i < 3; i++) {
                at[1 + i] = o[1 + i] * stride[i] - pad[i] + k[i] * dilation[i];
                inside = inside && at[1 + i] >= 0 && at[1 + i] < x->dims[1 + i];
            }
            if (!inside) continue;
            double *const v = &x->v[double_place(x, at)];
            *(transposed ? v : &y->v[n]) += (transposed ? y->v[n] : *v) * f->v[m];
        }
}
static void add_bias(const double_call *c, size_t input)
{
    const double_value *const y = &c->out[0];

    for (size_t i = 0; i < y->n && c->n_in > input && c->in[input].v != NULL; i++)
        y->v[i] += c->in[input].v[i % double_last(y)];
}
static void conv_3d(const double_call *c)
{
    volumes(c, &c->in[0], &c->out[0], &c->in[1], false);
    add_bias(c, 2);
}
static void conv_3d_transpose(const double_call *c)
{
    volumes(c, &c->out[0], &c->in[2], &c->in[1], true);
    add_bias(c, 3);
}

/* `step` takes elements v of the window that lie inside into r; n: how many there are. */
#define POOL(name, start, step, result)                                                            \
    static void name(const double_call *c)                                                         \
    {                                                                                              \
        const steps s =                                                                            \
            steps_of(c, double_i32(c, "filter_height"), double_i32(c, "filter_width"), false);     \
        int32_t o[4];                                                                              \
        for (size_t i = 0; i < c->out[0].n; i++) {                                                 \
            double r = start, n = 0;                                                               \
            double_coords(&c->out[0], i, o);                                                       \
            for (int32_t ky = 0; ky < s.size[0]; ky++)                                             \
                for (int32_t kx = 0; kx < s.size[1]; kx++) {                                       \
                    const int64_t at = tap(&c->in[0], &s, o, ky, kx, o[3]);                        \
                    if (at < 0) continue;                                                          \
                    const double v = c->in[0].v[at];                                               \
                    r = (step);                                                                    \
                    n++;                                                                           \
                }                                                                                  \
            c->out[0].v[i] = (result);                                                             \
        }                                                                                          \
    }
POOL(max_pool, -HUGE_VAL, fmax(r, v), n > 0 ? r : 0)
POOL(average_pool, 0, r + v, r / n)
POOL(l2_pool, 0, r + v * v, sqrt(r / n))

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

static void log_softmax(const double_call *c)
{
    const size_t n = double_last(&c->in[0]);

    for (size_t i = 0; i < c->in[0].n; i += n) softmax_row(c->in[0].v + i, n, 1, c->out[0].v + i);
    for (size_t i = 0; i < c->out[0].n; i++) c->out[0].v[i] = log(c->out[0].v[i]);
}

static void l2_normalization(const double_call *c)
{
    const size_t n = double_last(&c->in[0]);

    for (size_t i = 0; i < c->in[0].n; i++) {
        double sum = 0;
        for (size_t k = 0; k < n; k++) sum += pow(c->in[0].v[i / n * n + k], 2);
        c->out[0].v[i] = c->in[0].v[i] / sqrt(sum);
    }
}

static void batch_normalization(const double_call *c)
{
    const size_t n = double_last(&c->in[0]);

    for (size_t i = 0; i < c->in[0].n; i++) {
        const double gamma = c->in[1].v == NULL ? 1 : c->in[1].v[i % n];
        const double beta = c->in[2].v == NULL ? 0 : c->in[2].v[i % n];
        c->out[0].v[i] = gamma * (c->in[0].v[i] - c->in[3].v[i % n]) /
                             sqrt(c->in[4].v[i % n] + double_f32(c, "epsilon")) +
                         beta;
    }
}

/* Element (r, c) of the matrix that output element o belongs to. */
static double matrix_at(const double_value *m, const double_value *out, const int32_t *o, int32_t r,
                        int32_t c, bool transposed)
{
    int32_t at[MW_MAX_RANK];

    for (int32_t k = 0; k < m->rank - 2; k++)
        at[k] = m->dims[k] == 1 ? 0 : o[k + out->rank - m->rank];
    at[m->rank - 2] = transposed ? c : r;
    at[m->rank - 1] = transposed ? r : c;
    return m->v[double_place(m, at)];
}

static void batch_matmul(const double_call *c)
{
    const double_value *const x = &c->in[0], *const y = &c->in[1], *const z = &c->out[0];
    const bool adj_x = double_bool(c, "adj_x"), adj_y = double_bool(c, "adj_y");
    const int32_t depth = x->dims[x->rank - (adj_x ? 2 : 1)];
    int32_t o[MW_MAX_RANK];

    for (size_t i = 0; i < z->n; i++) {
        double_coords(z, i, o);
        for (int32_t k = 0; k < depth; k++)
            z->v[i] += matrix_at(x, z, o, o[z->rank - 2], k, adj_x) *
                       matrix_at(y, z, o, k, o[z->rank - 1], adj_y);
    }
}

static void cumsum(const double_call *c)
{
    const double_value *const x = &c->in[0];
    const int32_t axis = (int32_t)(c->in[1].v[0] < 0 ? c->in[1].v[0] + x->rank : c->in[1].v[0]);
    const bool exclusive = double_bool(c, "exclusive"), reverse = double_bool(c, "reverse");
    int32_t at[MW_MAX_RANK];

    for (size_t i = 0; i < x->n; i++) {
        double_coords(x, i, at);
        const int32_t me = at[axis];
        for (int32_t k = 0; k < x->dims[axis]; k++) {
            at[axis] = k;
            if (reverse ? k > me : k < me) c->out[0].v[i] += x->v[double_place(x, at)];
        }
        if (!exclusive) c->out[0].v[i] += x->v[i];
    }
}

typedef double (*combine_fn)(double sum, double x);
static double plus(double sum, double x) { return sum + x; }

/* Takes every input into the result that it belongs to. */
static size_t reduce(const double_call *c, double start, combine_fn fn)
{
    const double_value *const x = &c->in[0], *const y = &c->out[0];
    double_value kept = *x;
    int32_t at[MW_MAX_RANK];

    for (size_t i = 0; i < y->n; i++) y->v[i] = start;
    for (size_t k = 0; k < c->in[1].n; k++) {
        const int32_t axis = (int32_t)c->in[1].v[k];
        kept.dims[axis < 0 ? axis + x->rank : axis] = 1;
    }
    for (size_t i = 0; i < x->n; i++) {
        double_coords(x, i, at);
        for (int32_t k = 0; k < x->rank; k++) at[k] = kept.dims[k] == 1 ? 0 : at[k];
        double *const to = &y->v[double_place(&kept, at)];
        *to = fn(*to, x->v[i]);
    }
    return y->n == 0 ? 1 : x->n / y->n;
}
static void sum(const double_call *c) { (void)reduce(c, 0, plus); }
static void reduce_max(const double_call *c) { (void)reduce(c, -HUGE_VAL, fmax); }
static void reduce_any(const double_call *c) { (void)reduce(c, 0, fmax); }
static void reduce_min(const double_call *c) { (void)reduce(c, HUGE_VAL, fmin); }
static void mean(const double_call *c)
{
    const size_t n = reduce(c, 0, plus);
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
    {"DEPTHWISE_CONV_2D", depthwise_conv_2d},
    {"TRANSPOSE_CONV", transpose_conv},
    {"CONV_3D", conv_3d},
    {"CONV_3D_TRANSPOSE", conv_3d_transpose},
    {"L2_POOL_2D", l2_pool},
    {"LOG_SOFTMAX", log_softmax},
    {"L2_NORMALIZATION", l2_normalization},
    {"BATCH_NORMALIZATION", batch_normalization},
    {"BATCH_MATMUL", batch_matmul},
    {"CUMSUM", cumsum},
    {"REDUCE_MAX", reduce_max},
    {"REDUCE_MIN", reduce_min},
    {"REDUCE_ANY", reduce_any},
    {NULL, NULL},
};
