/* tests/double_ops_training.c - losses and layers in training form, in double precision: see
 * double_ops.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "double_ops.h"

#include "ops/philox.h"

#include <math.h>

/* A loss: `expression` of row i of n values x and labels t. */
#define LOSS(name, expression)                                                                     \
    static void name(const double_call *c)                                                         \
    {                                                                                              \
        const size_t n = double_last(&c->in[0]);                                                   \
        for (size_t i = 0; i < c->out[0].n; i++) {                                                 \
            const double *const x = c->in[0].v + i * n, *const t = c->in[1].v + i * n;             \
            c->out[0].v[i] = (expression);                                                         \
        }                                                                                          \
    }

static double log_softmax(const double *x, size_t n, size_t k, double scale)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++) sum += exp(scale * x[i]);
    return scale * x[k] - log(sum);
}

static void softmax_cross_entropy(const double_call *c)
{
    const size_t n = double_last(&c->in[0]);
    const bool dense = c->in[1].n == c->in[0].n;
    const double s = double_f32(c, "label_smoothing");

    for (size_t i = 0; i < c->out[0].n; i++)
        for (size_t k = 0; k < n; k++) {
            const double p = dense ? c->in[1].v[i * n + k] : c->in[1].v[i] == (double)k;
            c->out[0].v[i] -=
                (p * (1 - s) + s / (double)n) * log_softmax(c->in[0].v + i * n, n, k, 1);
        }
}

static double binary(const double *x, const double *t, size_t n, double s)
{
    double sum = 0;

    for (size_t k = 0; k < n; k++) {
        const double p = t[k] * (1 - s) + s / 2, q = 1 / (1 + exp(-x[k]));
        sum -= p * log(q) + (1 - p) * log(1 - q);
    }
    return sum / (double)n;
}
LOSS(sigmoid_cross_entropy, binary(x, t, n, double_f32(c, "label_smoothing")))

static double huber_row(const double *x, const double *t, size_t n, double delta)
{
    double sum = 0;

    for (size_t k = 0; k < n; k++) {
        const double e = fabs(x[k] - t[k]);
        sum += e > delta ? delta * (e - delta / 2) : e * e / 2;
    }
    return sum / (double)n;
}
LOSS(huber, huber_row(x, t, n, double_f32(c, "delta")))
LOSS(squared_error, 2 * huber_row(x, t, n, HUGE_VAL))

static double kl_row(const double *x, const double *t, size_t n, double temperature)
{
    double sum = 0;

    for (size_t k = 0; k < n; k++) {
        const double p = log_softmax(t, n, k, 1 / temperature);
        sum += exp(p) * (p - log_softmax(x, n, k, 1 / temperature));
    }
    return sum * temperature * temperature;
}
LOSS(kl_divergence, kl_row(x, t, n, double_f32(c, "temperature")))

static void dropout(const double_call *c)
{
    const double_value *const x = &c->in[0];
    const double rate = double_f32(c, "rate");
    const uint32_t key[] = {(uint32_t)c->in[1].v[0], (uint32_t)c->in[1].v[1]};
    uint32_t bits[4];

    for (size_t i = 0; i < x->n; i++) {
        size_t at = i;
        if (double_bool(c, "per_channel"))
            at = i / (x->n / (size_t)x->dims[0]) * double_last(x) + i % double_last(x);
        mwi_philox(key, (uint32_t[]){(uint32_t)(at / 4), 0, (uint32_t)double_i32(c, "id"), 0},
                   bits);
        c->out[0].v[i] = (double)bits[at % 4] / 0x1p32 < rate ? 0 : x->v[i] / (1 - rate);
    }
}

static void fused_batch_norm(const double_call *c)
{
    const double_value *const x = &c->in[0];
    const size_t n = double_last(x);
    const double count = (double)(x->n / n), epsilon = double_f32(c, "epsilon");
    double *const mean = c->out[1].v, *const variance = c->out[2].v;

    for (size_t i = 0; i < x->n; i++) mean[i % n] += x->v[i] / count;
    for (size_t i = 0; i < x->n; i++) variance[i % n] += pow(x->v[i] - mean[i % n], 2) / count;
    for (size_t i = 0; i < x->n; i++) {
        const size_t k = i % n;
        const double gamma = c->in[1].v == NULL ? 1 : c->in[1].v[k];
        const double beta = c->in[2].v == NULL ? 0 : c->in[2].v[k];
        c->out[0].v[i] = gamma * (x->v[i] - mean[k]) / sqrt(variance[k] + epsilon) + beta;
    }
}

const double_op double_ops_training[] = {
    {"SOFTMAX_CROSS_ENTROPY", softmax_cross_entropy},
    {"SIGMOID_CROSS_ENTROPY", sigmoid_cross_entropy},
    {"HUBER", huber},
    {"SQUARED_ERROR", squared_error},
    {"KL_DIVERGENCE", kl_divergence},
    {"DROPOUT_TRAIN", dropout},
    {"FUSED_BATCH_NORM", fused_batch_norm},
    {NULL, NULL},
};
