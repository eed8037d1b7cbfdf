/* tests/double_ops_pointwise.c - elementwise operators in double precision: see double_ops.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "double_ops.h"

#include <math.h>

#define UNARY(name, expression)                                                                    \
    static void name(const double_call *c)                                                         \
    {                                                                                              \
        for (size_t i = 0; i < c->out[0].n; i++) {                                                 \
            const double x = c->in[0].v[i];                                                        \
            c->out[0].v[i] = (expression);                                                         \
        }                                                                                          \
    }
UNARY(relu, fmax(x, 0))
UNARY(relu6, fmin(fmax(x, 0), 6))
UNARY(relu_0_to_1, fmin(fmax(x, 0), 1))
UNARY(relu_n1_to_1, fmin(fmax(x, -1), 1))
UNARY(hyperbolic_tangent, tanh(x))
UNARY(logistic, 1 / (1 + exp(-x)))
UNARY(sine, sin(x))
UNARY(cosine, cos(x))
UNARY(floor_of, floor(x))
UNARY(ceil_of, ceil(x))
UNARY(round_of, rint(x))
UNARY(sign_of, x > 0 ? 1 : x < 0 ? -1 : 0)
UNARY(zeros, 0 * x)

UNARY(elu, x > 0 ? x : exp(x) - 1)
UNARY(exponential, exp(x))
UNARY(logarithm, log(x))
UNARY(square_root, sqrt(x))
UNARY(inverse_root, 1 / sqrt(x))
UNARY(square, x *x)
UNARY(absolute, fabs(x))
UNARY(negative, -x)
UNARY(leaky_relu, x > 0 ? x : x * double_f32(c, "alpha"))
UNARY(hard_swish, x *fmin(fmax(x + 3, 0), 6) / 6)
UNARY(gelu, double_bool(c, "approximate")
                ? x / 2 * (1 + tanh(sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)))
                : x / 2 * (1 + erf(x / sqrt(2))))
UNARY(same, x)
/* What its straight-through gradient is the gradient of: no rounding. */
UNARY(fake_quant, fmin(fmax(x, double_f32(c, "min")), double_f32(c, "max")))

#define BINARY(name, expression)                                                                   \
    static void name(const double_call *c)                                                         \
    {                                                                                              \
        for (size_t i = 0; i < c->out[0].n; i++) {                                                 \
            const double x = c->in[0].v[double_broadcast(&c->in[0], &c->out[0], i)];               \
            const double y = c->in[1].v[double_broadcast(&c->in[1], &c->out[0], i)];               \
            c->out[0].v[i] = (expression);                                                         \
        }                                                                                          \
    }
BINARY(add, x + y)
BINARY(sub, x - y)
BINARY(mul, x *y)
BINARY(divide, x / y)

BINARY(maximum, fmax(x, y))
BINARY(minimum, fmin(x, y))
BINARY(squared_difference, (x - y) * (x - y))
BINARY(power, pow(x, y))
BINARY(prelu, x > 0 ? x : x * y)
BINARY(greater, x > y)
BINARY(greater_equal, x >= y)
BINARY(equal, x == y)
BINARY(not_equal, x != y)
BINARY(both, x != 0 && y != 0)
BINARY(either, x != 0 || y != 0)

static void add_n(const double_call *c)
{
    for (size_t k = 0; k < c->n_in; k++)
        for (size_t i = 0; i < c->out[0].n; i++) c->out[0].v[i] += c->in[k].v[i];
}

static void select_v2(const double_call *c)
{
    for (size_t i = 0; i < c->out[0].n; i++) {
        const bool holds = c->in[0].v[double_broadcast(&c->in[0], &c->out[0], i)] != 0;
        const double_value *const from = &c->in[holds ? 1 : 2];
        c->out[0].v[i] = from->v[double_broadcast(from, &c->out[0], i)];
    }
}

/* A condition of rank 1 chooses rows. */
static void select_v1(const double_call *c)
{
    for (size_t i = 0; i < c->out[0].n; i++)
        c->out[0].v[i] = c->in[c->in[0].v[i / (c->out[0].n / c->in[0].n)] != 0 ? 1 : 2].v[i];
}

const double_op double_ops_pointwise[] = {
    {"RELU", relu},
    {"RELU6", relu6},
    {"RELU_0_TO_1", relu_0_to_1},
    {"RELU_N1_TO_1", relu_n1_to_1},
    {"TANH", hyperbolic_tangent},
    {"LOGISTIC", logistic},
    {"SIN", sine},
    {"COS", cosine},
    {"FLOOR", floor_of},
    {"CEIL", ceil_of},
    {"ROUND", round_of},
    {"SIGN", sign_of},
    {"ZEROS_LIKE", zeros},
    {"ADD", add},
    {"SUB", sub},
    {"MUL", mul},
    {"DIV", divide},
    {"ELU", elu},
    {"EXP", exponential},
    {"LOG", logarithm},
    {"SQRT", square_root},
    {"RSQRT", inverse_root},
    {"SQUARE", square},
    {"ABS", absolute},
    {"NEG", negative},
    {"LEAKY_RELU", leaky_relu},
    {"HARD_SWISH", hard_swish},
    {"GELU", gelu},
    {"DROPOUT", same},
    {"CAST", same},
    {"FAKE_QUANT", fake_quant},
    {"MAXIMUM", maximum},
    {"MINIMUM", minimum},
    {"SQUARED_DIFFERENCE", squared_difference},
    {"POW", power},
    {"PRELU", prelu},
    {"GREATER", greater},
    {"GREATER_EQUAL", greater_equal},
    {"EQUAL", equal},
    {"NOT_EQUAL", not_equal},
    {"LOGICAL_AND", both},
    {"LOGICAL_OR", either},
    {"ADD_N", add_n},
    {"SELECT", select_v1},
    {"SELECT_V2", select_v2},
    {NULL, NULL},
};
