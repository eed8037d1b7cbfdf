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
    {NULL, NULL},
};
