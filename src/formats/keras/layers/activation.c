/* formats/keras/layers/activation.c - activations, as layers and as the `activation` of others.
 * Depends: build.h.  Used by: layers.   SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/build.h"

#include <math.h>
#include <string.h>

typedef mw_status (*act_fn)(kr_builder *b, const kr_layer *l, int32_t x, int32_t *out);

static mw_status with_scalar(kr_builder *b, const kr_layer *l, const char *op, int32_t x, float value, int32_t *out)
{
    int32_t s;
    MWI_TRY(kr_scalar(b, value, &s));
    return kr_emit2(b, l, op, x, s, out);
}

static mw_status linear(kr_builder *b, const kr_layer *l, int32_t x, int32_t *out)
{
    (void)b;
    (void)l;
    *out = x;
    return MW_OK;
}

#define ONE_OP(id, op)                                                                              \
    static mw_status id(kr_builder *b, const kr_layer *l, int32_t x, int32_t *out) { return kr_emit1(b, l, op, x, out); }
ONE_OP(relu, "RELU")
ONE_OP(relu6, "RELU6")
ONE_OP(sigmoid, "LOGISTIC")
ONE_OP(tanh_, "TANH")
ONE_OP(elu, "ELU")
ONE_OP(exponential, "EXP")
ONE_OP(hard_swish, "HARD_SWISH")
ONE_OP(log_softmax, "LOG_SOFTMAX")

static mw_status softmax_on_last(kr_builder *b, const kr_layer *l, int32_t x, int32_t *out)
{
    mwi_op *op;
    MWI_TRY(kr_begin(b, l, "SOFTMAX", &x, 1, &op));
    kr_set_float(op, "beta", 1.0f);
    return kr_end(b, op, out);
}

static mw_status swish(kr_builder *b, const kr_layer *l, int32_t x, int32_t *out)
{
    int32_t s;
    MWI_TRY(kr_emit1(b, l, "LOGISTIC", x, &s));
    return kr_emit2(b, l, "MUL", x, s, out);
}

/* log(1 + e^x) = max(x, 0) + log(1 + e^-|x|): never overflows. */
static mw_status softplus(kr_builder *b, const kr_layer *l, int32_t x, int32_t *out)
{
    int32_t a, r;
    MWI_TRY(kr_emit1(b, l, "ABS", x, &a));
    MWI_TRY(kr_emit1(b, l, "NEG", a, &a));
    MWI_TRY(kr_emit1(b, l, "EXP", a, &a));
    MWI_TRY(with_scalar(b, l, "ADD", a, 1.0f, &a));
    MWI_TRY(kr_emit1(b, l, "LOG", a, &a));
    MWI_TRY(kr_emit1(b, l, "RELU", x, &r));
    return kr_emit2(b, l, "ADD", r, a, out);
}

static mw_status softsign(kr_builder *b, const kr_layer *l, int32_t x, int32_t *out)
{
    int32_t a;
    MWI_TRY(kr_emit1(b, l, "ABS", x, &a));
    MWI_TRY(with_scalar(b, l, "ADD", a, 1.0f, &a));
    return kr_emit2(b, l, "DIV", x, a, out);
}

/* scale * (max(x,0) + alpha * (e^min(x,0) - 1)) = scale * relu(x) + scale * alpha * elu's negative part. */
static mw_status selu(kr_builder *b, const kr_layer *l, int32_t x, int32_t *out)
{
    const float alpha = 1.67326324f, scale = 1.05070098f;
    int32_t r, n;
    MWI_TRY(kr_emit1(b, l, "RELU", x, &r));
    MWI_TRY(with_scalar(b, l, "MINIMUM", x, 0.0f, &n));
    MWI_TRY(kr_emit1(b, l, "EXP", n, &n));
    MWI_TRY(with_scalar(b, l, "SUB", n, 1.0f, &n));
    MWI_TRY(with_scalar(b, l, "MUL", n, alpha, &n));
    MWI_TRY(kr_emit2(b, l, "ADD", r, n, &r));
    return with_scalar(b, l, "MUL", r, scale, out);
}

static mw_status mish(kr_builder *b, const kr_layer *l, int32_t x, int32_t *out)
{
    int32_t s;
    MWI_TRY(softplus(b, l, x, &s));
    MWI_TRY(kr_emit1(b, l, "TANH", s, &s));
    return kr_emit2(b, l, "MUL", x, s, out);
}

static mw_status gelu(kr_builder *b, const kr_layer *l, int32_t x, int32_t *out) { return kr_emit1(b, l, "GELU", x, out); }

static bool is_keras3(const kr_builder *b) { return b->archive->keras_version[0] >= '3'; }

/* Keras 2: clip(0.2x + 0.5); Keras 3: relu6(x + 3) / 6. */
static mw_status hard_sigmoid(kr_builder *b, const kr_layer *l, int32_t x, int32_t *out)
{
    if (is_keras3(b)) {
        MWI_TRY(with_scalar(b, l, "ADD", x, 3.0f, &x));
        MWI_TRY(kr_emit1(b, l, "RELU6", x, &x));
        return with_scalar(b, l, "MUL", x, 1.0f / 6.0f, out);
    }
    MWI_TRY(with_scalar(b, l, "MUL", x, 0.2f, &x));
    MWI_TRY(with_scalar(b, l, "ADD", x, 0.5f, &x));
    MWI_TRY(with_scalar(b, l, "MAXIMUM", x, 0.0f, &x));
    return with_scalar(b, l, "MINIMUM", x, 1.0f, out);
}

static mw_status leaky(kr_builder *b, const kr_layer *l, int32_t x, float alpha, int32_t *out)
{
    mwi_op *op;
    MWI_TRY(kr_begin(b, l, "LEAKY_RELU", &x, 1, &op));
    kr_set_float(op, "alpha", alpha);
    return kr_end(b, op, out);
}

static mw_status leaky_relu(kr_builder *b, const kr_layer *l, int32_t x, int32_t *out) { return leaky(b, l, x, 0.2f, out); }

static const struct {
    const char *name;
    act_fn emit;
} activations[] = {
    {"linear", linear}, {"relu", relu}, {"relu6", relu6}, {"sigmoid", sigmoid}, {"tanh", tanh_},
    {"softmax", softmax_on_last}, {"swish", swish}, {"silu", swish}, {"elu", elu}, {"selu", selu},
    {"exponential", exponential}, {"softplus", softplus}, {"softsign", softsign}, {"hard_sigmoid", hard_sigmoid},
    {"hard_swish", hard_swish}, {"hard_silu", hard_swish}, {"gelu", gelu}, {"leaky_relu", leaky_relu}, {"mish", mish},
    {"log_softmax", log_softmax},
};

/* "relu", {"config": "relu"}, {"class_name": "ReLU", ...}: the name of the function. */
static const char *name_of(json_t *spec)
{
    if (spec == NULL || json_is_null(spec)) return "linear";
    if (json_is_string(spec)) return json_string_value(spec);
    json_t *const config = json_object_get(spec, "config");
    if (json_is_string(config)) return json_string_value(config);
    return json_string_value(json_object_get(spec, "class_name"));
}

static const char *lookup(json_t *spec, act_fn *out)
{
    const char *const name = name_of(spec);

    *out = NULL;
    if (name == NULL) return "its activation has no name";
    for (size_t i = 0; i < MWI_COUNT(activations); i++)
        if (strcmp(activations[i].name, name) == 0) *out = activations[i].emit;
    if (strcmp(name, "ReLU") == 0 && json_object_size(json_object_get(spec, "config")) <= 3) *out = relu;
    return *out == NULL ? "its activation is unknown" : NULL;
}

const char *kr_activation_refuses(json_t *spec)
{
    act_fn emit;
    return lookup(spec, &emit);
}

mw_status kr_activation(kr_builder *b, const kr_layer *l, json_t *spec, int32_t in, int32_t *out)
{
    act_fn emit;
    const char *const why = lookup(spec, &emit);
    if (why != NULL) return kr_fail(b, l, MW_EUNSUPPORTED, "%s", why);
    return emit(b, l, in, out);
}

/* ---- layers ---- */

static const char *refuses_activation(const kr_layer *l) { return kr_activation_refuses(kr_value(l, "activation")); }

static mw_status build_activation(kr_builder *b, kr_layer *l, const int32_t *in, size_t n_in, int32_t *out)
{
    (void)n_in;
    return kr_activation(b, l, kr_value(l, "activation"), in[0], out);
}

/* f(x) = max_value for x >= max_value, x between, negative_slope * (x - threshold) below the threshold. */
static mw_status build_relu(kr_builder *b, kr_layer *l, const int32_t *in, size_t n_in, int32_t *out)
{
    const float slope = (float)kr_number(l, "negative_slope", 0), threshold = (float)kr_number(l, "threshold", 0);
    const double max = kr_number(l, "max_value", (double)INFINITY);
    int32_t x = in[0], below, above;

    (void)n_in;
    if (threshold == 0 && slope == 0 && max == 6) return relu6(b, l, x, out);
    if (threshold == 0) {
        if (slope == 0) MWI_TRY(relu(b, l, x, out));
        else MWI_TRY(leaky(b, l, x, slope, out));
        return isinf(max) ? MW_OK : with_scalar(b, l, "MINIMUM", *out, (float)max, out);
    }
    /* x where x >= threshold: relu(x - t) steps from 0 at t, so the step of t is added by comparing. */
    MWI_TRY(with_scalar(b, l, "GREATER_EQUAL", x, threshold, &above));
    MWI_TRY(with_scalar(b, l, "SUB", x, threshold, &below));
    MWI_TRY(with_scalar(b, l, "MUL", below, slope, &below));
    MWI_TRY(kr_emit(b, l, "SELECT_V2", (const int32_t[]){above, x, below}, 3, out));
    return isinf(max) ? MW_OK : with_scalar(b, l, "MINIMUM", *out, (float)max, out);
}

static mw_status build_leaky(kr_builder *b, kr_layer *l, const int32_t *in, size_t n_in, int32_t *out)
{
    (void)n_in;
    return leaky(b, l, in[0], (float)kr_number(l, "negative_slope", kr_number(l, "alpha", 0.3)), out);
}

static mw_status transpose(kr_builder *b, kr_layer *l, int32_t x, int32_t axis, int32_t *out)
{
    const int32_t rank = kr_tensor(b, x)->rank;
    int32_t perm[MW_MAX_RANK], p;

    for (int32_t i = 0; i < rank; i++) perm[i] = i == axis ? rank - 1 : i == rank - 1 ? axis : i;
    MWI_TRY(kr_const_ints(b, l, perm, (size_t)rank, &p));
    return kr_emit2(b, l, "TRANSPOSE", x, p, out);
}

static const char *refuses_softmax(const kr_layer *l)
{
    json_t *const v = kr_value(l, "axis");
    return json_is_array(v) && json_array_size(v) != 1 ? "over several axes" : NULL;
}

static mw_status build_softmax(kr_builder *b, kr_layer *l, const int32_t *in, size_t n_in, int32_t *out)
{
    json_t *const v = kr_value(l, "axis");
    const json_t *const item = json_is_array(v) ? json_array_get(v, 0) : v;
    const int32_t rank = kr_tensor(b, in[0])->rank;
    int32_t axis = item == NULL ? -1 : (int32_t)json_integer_value(item), x = in[0];

    (void)n_in;
    if (axis < 0) axis += rank;
    if (axis < 0 || axis >= rank) return kr_fail(b, l, MW_EFORMAT, "axis %d of an input of rank %d", axis, rank);
    if (axis == rank - 1) return softmax_on_last(b, l, x, out);
    MWI_TRY(transpose(b, l, x, axis, &x));
    MWI_TRY(softmax_on_last(b, l, x, &x));
    return transpose(b, l, x, axis, out);
}

const kr_row kr_activation_ = {.classes = "Activation", .summary = "RELU, LOGISTIC, TANH, SOFTMAX, ...",
                               .refuses = refuses_activation, .build = build_activation};
const kr_row kr_relu = {.classes = "ReLU", .summary = "RELU, RELU6, LEAKY_RELU, MINIMUM", .build = build_relu};
const kr_row kr_leaky_relu = {.classes = "LeakyReLU", .summary = "LEAKY_RELU", .build = build_leaky};
const kr_row kr_softmax = {.classes = "Softmax", .summary = "SOFTMAX", .refuses = refuses_softmax, .build = build_softmax};
