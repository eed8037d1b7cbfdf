/* formats/keras/activations.c - Keras's activation functions as operators.
 * Depends: formats/keras/build.  Used by: layers.   SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/build.h"

#include <string.h>

typedef mw_status (*activation_fn)(mwi_keras_call *c, int32_t x, int32_t *out);

#define ONE_OP(id, op)                                                                             \
    static mw_status id(mwi_keras_call *c, int32_t x, int32_t *out)                                \
    {                                                                                              \
        return mwi_keras_unary(c, op, x, out);                                                     \
    }
ONE_OP(relu, "RELU")
ONE_OP(relu6, "RELU6")
ONE_OP(sigmoid, "LOGISTIC")
ONE_OP(hyperbolic, "TANH")
ONE_OP(elu, "ELU")
ONE_OP(exponential, "EXP")
ONE_OP(hard_swish, "HARD_SWISH")
ONE_OP(log_softmax, "LOG_SOFTMAX")
ONE_OP(hard_tanh, "RELU_N1_TO_1")
ONE_OP(gelu, "GELU")

static mw_status linear(mwi_keras_call *c, int32_t x, int32_t *out)
{
    (void)c;
    *out = x;
    return MW_OK;
}

static mw_status softmax(mwi_keras_call *c, int32_t x, int32_t *out)
{
    static const mwi_keras_attr attrs[] = {{"beta", 1.0}, {NULL, 0}};
    return mwi_keras_op(c, "SOFTMAX", 1, &x, attrs, out);
}

static mw_status swish(mwi_keras_call *c, int32_t x, int32_t *out)
{
    int32_t s;

    MWI_TRY(sigmoid(c, x, &s));
    return mwi_keras_binary(c, "MUL", x, s, out);
}

/* log(1 + e^x) = max(x, 0) - log(sigmoid(|x|)): neither overflows nor loses the small values' sign.
 */
static mw_status softplus(mwi_keras_call *c, int32_t x, int32_t *out)
{
    int32_t a, r;

    MWI_TRY(mwi_keras_unary(c, "ABS", x, &a));
    MWI_TRY(sigmoid(c, a, &a));
    MWI_TRY(mwi_keras_unary(c, "LOG", a, &a));
    MWI_TRY(relu(c, x, &r));
    return mwi_keras_binary(c, "SUB", r, a, out);
}

/* -softplus(-x) */
static mw_status log_sigmoid(mwi_keras_call *c, int32_t x, int32_t *out)
{
    int32_t n;

    MWI_TRY(mwi_keras_unary(c, "NEG", x, &n));
    MWI_TRY(softplus(c, n, &n));
    return mwi_keras_unary(c, "NEG", n, out);
}

static mw_status softsign(mwi_keras_call *c, int32_t x, int32_t *out)
{
    int32_t a;

    MWI_TRY(mwi_keras_unary(c, "ABS", x, &a));
    MWI_TRY(mwi_keras_with(c, "ADD", a, 1.0, &a));
    return mwi_keras_binary(c, "DIV", x, a, out);
}

/* scale * (max(x, 0) + alpha * (e^min(x, 0) - 1)) */
static mw_status scaled_elu(mwi_keras_call *c, int32_t x, double alpha, double scale, int32_t *out)
{
    int32_t r, n;

    MWI_TRY(elu(c, x, &n));
    MWI_TRY(mwi_keras_with(c, "MINIMUM", n, 0.0, &n));
    MWI_TRY(mwi_keras_with(c, "MUL", n, alpha * scale, &n));
    MWI_TRY(relu(c, x, &r));
    if (scale != 1.0) MWI_TRY(mwi_keras_with(c, "MUL", r, scale, &r));
    return mwi_keras_binary(c, "ADD", r, n, out);
}

static mw_status selu(mwi_keras_call *c, int32_t x, int32_t *out)
{
    return scaled_elu(c, x, 1.6732632423543772848170429916717, 1.0507009873554804934193349852946,
                      out);
}

mw_status mwi_keras_elu(mwi_keras_call *c, int32_t x, double alpha, int32_t *out)
{
    return alpha == 1.0 ? elu(c, x, out) : scaled_elu(c, x, alpha, 1.0, out);
}

static mw_status mish(mwi_keras_call *c, int32_t x, int32_t *out)
{
    int32_t s;

    MWI_TRY(softplus(c, x, &s));
    MWI_TRY(hyperbolic(c, s, &s));
    return mwi_keras_binary(c, "MUL", x, s, out);
}

/* Keras 1 and 2: clip(0.2x + 0.5, 0, 1); Keras 3: relu6(x + 3) / 6. */
static mw_status hard_sigmoid(mwi_keras_call *c, int32_t x, int32_t *out)
{
    if (c->layer->keras_major < 3) {
        MWI_TRY(mwi_keras_with(c, "MUL", x, 0.2, &x));
        MWI_TRY(mwi_keras_with(c, "ADD", x, 0.5, &x));
        return mwi_keras_unary(c, "RELU_0_TO_1", x, out);
    }
    MWI_TRY(mwi_keras_with(c, "ADD", x, 3.0, &x));
    MWI_TRY(relu6(c, x, &x));
    return mwi_keras_with(c, "MUL", x, 1.0 / 6.0, out);
}

mw_status mwi_keras_leaky(mwi_keras_call *c, int32_t x, double slope, int32_t *out)
{
    const mwi_keras_attr attrs[] = {{"alpha", slope}, {NULL, 0}};
    return mwi_keras_op(c, "LEAKY_RELU", 1, &x, attrs, out);
}

static mw_status leaky_relu(mwi_keras_call *c, int32_t x, int32_t *out)
{
    return mwi_keras_leaky(c, x, 0.2, out);
}

static mw_status tanh_shrink(mwi_keras_call *c, int32_t x, int32_t *out)
{
    int32_t t;

    MWI_TRY(hyperbolic(c, x, &t));
    return mwi_keras_binary(c, "SUB", x, t, out);
}

/* relu(x - 0.5) - relu(-x - 0.5) */
static mw_status soft_shrink(mwi_keras_call *c, int32_t x, int32_t *out)
{
    int32_t above, below;

    MWI_TRY(mwi_keras_with(c, "SUB", x, 0.5, &above));
    MWI_TRY(relu(c, above, &above));
    MWI_TRY(mwi_keras_unary(c, "NEG", x, &below));
    MWI_TRY(mwi_keras_with(c, "SUB", below, 0.5, &below));
    MWI_TRY(relu(c, below, &below));
    return mwi_keras_binary(c, "SUB", above, below, out);
}

/* x where |x| > 0.5, else 0 */
static mw_status hard_shrink(mwi_keras_call *c, int32_t x, int32_t *out)
{
    int32_t operands[3] = {-1, x, -1}, a;

    MWI_TRY(mwi_keras_unary(c, "ABS", x, &a));
    MWI_TRY(mwi_keras_with(c, "GREATER", a, 0.5, &operands[0]));
    MWI_TRY(mwi_keras_scalar(c, 0.0, &operands[2]));
    return mwi_keras_op(c, "SELECT_V2", 3, operands, NULL, out);
}

/* (x + sqrt(x^2 + 4)) / 2 */
static mw_status squareplus(mwi_keras_call *c, int32_t x, int32_t *out)
{
    int32_t s;

    MWI_TRY(mwi_keras_unary(c, "SQUARE", x, &s));
    MWI_TRY(mwi_keras_with(c, "ADD", s, 4.0, &s));
    MWI_TRY(mwi_keras_unary(c, "SQRT", s, &s));
    MWI_TRY(mwi_keras_binary(c, "ADD", x, s, &s));
    return mwi_keras_with(c, "MUL", s, 0.5, out);
}

static const struct {
    const char *name;
    activation_fn emit;
} activations[] = {
    {"linear", linear},
    {"relu", relu},
    {"relu6", relu6},
    {"sigmoid", sigmoid},
    {"tanh", hyperbolic},
    {"softmax", softmax},
    {"softplus", softplus},
    {"softsign", softsign},
    {"elu", elu},
    {"selu", selu},
    {"gelu", gelu},
    {"swish", swish},
    {"silu", swish},
    {"exponential", exponential},
    {"hard_sigmoid", hard_sigmoid},
    {"hard_swish", hard_swish},
    {"hard_silu", hard_swish},
    {"leaky_relu", leaky_relu},
    {"log_softmax", log_softmax},
    {"mish", mish},
    {"celu", elu},
    {"log_sigmoid", log_sigmoid},
    {"hard_tanh", hard_tanh},
    {"tanh_shrink", tanh_shrink},
    {"soft_shrink", soft_shrink},
    {"hard_shrink", hard_shrink},
    {"squareplus", squareplus},
};

/* ---- as a config gives them ---- */

/* "relu"; {"class_name": "function", "config": "relu"}; NULL for an object that is a layer. */
static const char *name_of(const json_t *v)
{
    if (v == NULL || json_is_null(v)) return "linear";
    if (json_is_string(v)) return json_string_value(v);
    return json_string_value(json_object_get(v, "config"));
}

static activation_fn find(const char *name)
{
    const char *const last = name == NULL ? NULL : strrchr(name, '>'); /* "keras>relu" */

    if (last != NULL) name = last + 1;
    for (size_t i = 0; name != NULL && i < MWI_COUNT(activations); i++)
        if (strcmp(activations[i].name, name) == 0) return activations[i].emit;
    return NULL;
}

/* An activation may be a layer: {"class_name": "LeakyReLU", "config": {...}}. */
static const mwi_keras_row *layer_row(const json_t *v)
{
    const char *const class_name = json_string_value(json_object_get(v, "class_name"));
    const mwi_keras_row *const row = class_name == NULL ? NULL : mwi_keras_row_of(class_name);

    return row == NULL || row->weights != NULL ||
                   (row->flags & (MWI_KERAS_MODEL | MWI_KERAS_WRAPPER | MWI_KERAS_NO_DATA)) != 0
               ? NULL
               : row;
}

static mw_status refuse(mw_ctx *ctx, const json_t *v)
{
    char text[120];
    return mwi_fail(ctx, MW_EUNSUPPORTED,
                    "has the activation %s, which is not supported; use a built-in one",
                    mwi_keras_show(v, text, sizeof text));
}

mw_status mwi_keras_check_activation(mw_ctx *ctx, const mwi_keras_layer *l, const char *keys)
{
    const json_t *const v = mwi_keras_key(l, keys);

    if (find(name_of(v)) != NULL || layer_row(v) != NULL) return MW_OK;
    return refuse(ctx, v);
}

mw_status mwi_keras_activate_value(mwi_keras_call *c, const json_t *v, int32_t in, int32_t *out)
{
    const activation_fn emit = find(name_of(v));
    mwi_keras_layer *layer;
    const int32_t *results;
    size_t n;

    if (emit != NULL) return emit(c, in, out);
    if (layer_row(v) == NULL) return refuse(c->ctx, v);
    MWI_TRY(mwi_keras_child(c->ctx, &c->build->model->arena, v, "activation",
                            (mwi_keras_layer *)(uintptr_t)c->layer, &layer));
    MWI_TRY(mwi_keras_run(c, layer, 1, &in, &n, &results));
    *out = results[0];
    return MW_OK;
}

mw_status mwi_keras_activate(mwi_keras_call *c, const char *keys, int32_t in, int32_t *out)
{
    return mwi_keras_activate_value(c, mwi_keras_key(c->layer, keys), in, out);
}

mw_status mwi_keras_activate_name(mwi_keras_call *c, const char *name, int32_t in, int32_t *out)
{
    const activation_fn emit = find(name);

    if (emit == NULL)
        return mwi_fail(c->ctx, MW_EUNSUPPORTED, "uses %s, which is not supported", name);
    return emit(c, in, out);
}
