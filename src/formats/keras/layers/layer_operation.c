/* formats/keras/layers/layer_operation.c - the table of functions that stand in graphs of layers:
 * keras.ops in Keras 3, TensorFlow's in Keras 2 (TFOpLambda); and how their arguments are read.
 * Depends: layers/operation.  Used by: the list of layers only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/layers/operation.h"

#include <string.h>

#define F(id) mwi_keras_emit_##id
/* keras, tf, emit, op */
#define FUNCTIONS(X)                                                                               \
    X("Absolute", "math.abs|abs", unary, "ABS")                                                    \
    X("Exp", "math.exp|exp", unary, "EXP")                                                         \
    X("Log", "math.log", unary, "LOG")                                                             \
    X("Sqrt", "math.sqrt|sqrt", unary, "SQRT")                                                     \
    X("Rsqrt", "math.rsqrt", unary, "RSQRT")                                                       \
    X("Square", "math.square|square", unary, "SQUARE")                                             \
    X("Negative", "math.negative|negative|__operators__.neg", unary, "NEG")                        \
    X("Sin", "math.sin|sin", unary, "SIN")                                                         \
    X("Cos", "math.cos|cos", unary, "COS")                                                         \
    X("Floor", "math.floor|floor", unary, "FLOOR")                                                 \
    X("Ceil", "math.ceil", unary, "CEIL")                                                          \
    X("Round", "math.round|round", unary, "ROUND")                                                 \
    X("Sign", "math.sign|sign", unary, "SIGN")                                                     \
    X("Add", "math.add|__operators__.add|add", binary, "ADD")                                      \
    X("Subtract", "math.subtract|__operators__.sub|subtract", binary, "SUB")                       \
    X("Multiply", "math.multiply|__operators__.mul|multiply", binary, "MUL")                       \
    X("Divide", "math.divide|divide", binary, "DIV")                                               \
    X("TrueDivide", "math.truediv|__operators__.truediv|truediv", binary, "DIV")                   \
    X("Maximum", "math.maximum|maximum", binary, "MAXIMUM")                                        \
    X("Minimum", "math.minimum|minimum", binary, "MINIMUM")                                        \
    X("Power", "math.pow|pow", binary, "POW")                                                      \
    X("FloorDivide", "math.floordiv|__operators__.floordiv", binary, "FLOOR_DIV")                  \
    X("Mod", "math.floormod|math.mod", binary, "FLOOR_MOD")                                        \
    X("SquaredDifference", "math.squared_difference", binary, "SQUARED_DIFFERENCE")                \
    X("Equal", "math.equal|equal|__operators__.eq", compare, "EQUAL")                              \
    X("NotEqual", "math.not_equal|not_equal|__operators__.ne", compare, "NOT_EQUAL")               \
    X("Greater", "math.greater|greater", compare, "GREATER")                                       \
    X("GreaterEqual", "math.greater_equal|greater_equal", compare, "GREATER_EQUAL")                \
    X("Less", "math.less|less", compare, "LESS")                                                   \
    X("LessEqual", "math.less_equal|less_equal", compare, "LESS_EQUAL")                            \
    X("LogicalAnd", "math.logical_and|logical_and", logic, "LOGICAL_AND")                          \
    X("LogicalOr", "math.logical_or|logical_or", logic, "LOGICAL_OR")                              \
    X("LogicalNot", "math.logical_not|logical_not", logic, "LOGICAL_NOT")                          \
    X("Relu", "nn.relu", activation, "relu")                                                       \
    X("Relu6", "nn.relu6", activation, "relu6")                                                    \
    X("Sigmoid", "math.sigmoid|nn.sigmoid|sigmoid", activation, "sigmoid")                         \
    X("Tanh", "math.tanh|nn.tanh|tanh", activation, "tanh")                                        \
    X("Softplus", "math.softplus|nn.softplus", activation, "softplus")                             \
    X("Softsign", "nn.softsign", activation, "softsign")                                           \
    X("Silu", "nn.silu|nn.swish", activation, "silu")                                              \
    X("Selu", "nn.selu", activation, "selu")                                                       \
    X("HardSigmoid", NULL, activation, "hard_sigmoid")                                             \
    X("HardSilu", NULL, activation, "hard_silu")                                                   \
    X("LogSigmoid", "math.log_sigmoid", activation, "log_sigmoid")                                 \
    X("HardTanh", NULL, activation, "hard_tanh")                                                   \
    X("TanhShrink", NULL, activation, "tanh_shrink")                                               \
    X("Squareplus", NULL, slope, "squareplus")                                                     \
    X("SoftShrink", NULL, slope, "soft_shrink")                                                    \
    X("HardShrink", NULL, slope, "hard_shrink")                                                    \
    X("LeakyRelu", "nn.leaky_relu", slope, "leaky_relu")                                           \
    X("Elu", "nn.elu", slope, "elu")                                                               \
    X("Celu", NULL, slope, "celu")                                                                 \
    X("Gelu", "nn.gelu", slope, "gelu")                                                            \
    X("Softmax", "nn.softmax", softmax, "SOFTMAX")                                                 \
    X("LogSoftmax", "nn.log_softmax", softmax, "LOG_SOFTMAX")                                      \
    X("Reciprocal", "math.reciprocal", composed, "reciprocal")                                     \
    X("Log1p", "math.log1p", composed, "log1p")                                                    \
    X("Expm1", "math.expm1", composed, "expm1")                                                    \
    X("Log2", NULL, composed, "log2")                                                              \
    X("Log10", NULL, composed, "log10")                                                            \
    X("Exp2", NULL, composed, "exp2")                                                              \
    X("Tan", "math.tan", composed, "tan")                                                          \
    X("Sinh", "math.sinh", composed, "sinh")                                                       \
    X("Cosh", "math.cosh", composed, "cosh")                                                       \
    X("Logaddexp", NULL, composed, "logaddexp")                                                    \
    X("Sum", "math.reduce_sum|reduce_sum", reduce, "SUM")                                          \
    X("Mean", "math.reduce_mean|reduce_mean", reduce, "MEAN")                                      \
    X("Average", NULL, reduce, "MEAN")                                                             \
    X("Max", "math.reduce_max|reduce_max", reduce, "REDUCE_MAX")                                   \
    X("Amax", NULL, reduce, "REDUCE_MAX")                                                          \
    X("Min", "math.reduce_min|reduce_min", reduce, "REDUCE_MIN")                                   \
    X("Amin", NULL, reduce, "REDUCE_MIN")                                                          \
    X("Prod", "math.reduce_prod|reduce_prod", reduce, "REDUCE_PROD")                               \
    X("Any", "math.reduce_any|reduce_any", reduce, "REDUCE_ANY")                                   \
    X("All", "math.reduce_all|reduce_all", reduce, "REDUCE_ALL")                                   \
    X("Var", "math.reduce_variance", moments, "var")                                               \
    X("Std", "math.reduce_std", moments, "std")                                                    \
    X("Norm", "norm|linalg.norm", moments, "norm")                                                 \
    X("Logsumexp", "math.reduce_logsumexp|reduce_logsumexp", moments, "logsumexp")                 \
    X("Argmax", "math.argmax|argmax", arg, "ARG_MAX")                                              \
    X("Argmin", "math.argmin|argmin", arg, "ARG_MIN")                                              \
    X("Where", "where", where, NULL)                                                               \
    X("Clip", "clip_by_value", clip, NULL)                                                         \
    X("Matmul", "linalg.matmul|matmul", matmul, NULL)                                              \
    X("Dot", NULL, matmul, NULL)                                                                   \
    X("StopGradient", "stop_gradient|identity", same, NULL)                                        \
    X("ConvertToTensor", "convert_to_tensor", same, NULL)                                          \
    X("Copy", NULL, same, NULL)                                                                    \
    X("Cast", "cast", cast, NULL)                                                                  \
    X("Reshape", "reshape", reshape, NULL)                                                         \
    X("Ravel", NULL, reshape, NULL)                                                                \
    X("Transpose", "transpose", transpose, "axes")                                                 \
    X("Swapaxes", NULL, transpose, "swap")                                                         \
    X("Moveaxis", NULL, transpose, "move")                                                         \
    X("ExpandDims", "expand_dims", expand_dims, NULL)                                              \
    X("Squeeze", "squeeze", squeeze, NULL)                                                         \
    X("Stack", "stack", join, "PACK")                                                              \
    X("Concatenate", "concat", join, "CONCATENATION")                                              \
    X("Split", "split", split, "SPLIT")                                                            \
    X("Unstack", "unstack", split, "UNPACK")                                                       \
    X("GetItem", "__operators__.getitem", get_item, NULL)                                          \
    X("Repeat", "repeat", repeat, NULL)                                                            \
    X("Tile", "tile", tile, NULL)                                                                  \
    X("Flip", "reverse", flip, NULL)                                                               \
    X("Cumsum", "math.cumsum|cumsum", cumsum, NULL)                                                \
    X("Pad", "pad", pad, NULL)                                                                     \
    X("Take", "gather", take, NULL)                                                                \
    X("ZerosLike", "zeros_like", fill_like, "0")                                                   \
    X("OnesLike", "ones_like", fill_like, "1")                                                     \
    X("FullLike", NULL, fill_like, NULL)

#define ROW(keras, tf, emit, op) {"ops." keras, tf, F(emit), op},
static const mwi_keras_function functions[] = {FUNCTIONS(ROW)};

static const mwi_keras_function *find(const mwi_keras_layer *l)
{
    static const char old[] = "compat.v1."; /* the same functions */
    const char *tf = json_string_value(mwi_keras_key(l, "function"));

    if (tf != NULL && strncmp(tf, old, sizeof old - 1) == 0) tf += sizeof old - 1;
    for (size_t i = 0; i < MWI_COUNT(functions); i++) {
        const mwi_keras_function *const f = &functions[i];
        if (strncmp(l->class_name, "ops.", 4) == 0
                ? strcmp(f->keras, l->class_name) == 0
                : tf != NULL && f->tf != NULL && mwi_keras_name_in(f->tf, tf, strlen(tf)))
            return f;
    }
    return NULL;
}

/* ---- arguments ---- */

/* How many values a structure holds, counted as the config's reader does. */
static size_t count_values(const json_t *json, unsigned depth)
{
    const char *const class_name = json_string_value(json_object_get(json, "class_name"));
    size_t n = 0;

    if (class_name != NULL) return strcmp(class_name, "__keras_tensor__") == 0;
    for (size_t i = 0; i < json_array_size(json) && depth < 32; i++)
        n += count_values(json_array_get(json, i), depth + 1);
    return n;
}

static bool has_key(const mwi_keras_call *c, size_t i, const char *names)
{
    const char *const key = c->in_keys[i];
    return key != NULL && mwi_keras_name_in(names, key, strlen(key));
}

static const json_t *named(const mwi_keras_call *c, const char *names)
{
    char one[40];

    for (const char *p = names; *p != '\0';) {
        const size_t n = strcspn(p, "|");
        if (n < sizeof one) {
            memcpy(one, p, n);
            one[n] = '\0';
            const json_t *const v = mwi_keras_argument(c, one);
            if (v != NULL) return v;
        }
        p += n + (p[n] == '|');
    }
    return mwi_keras_key(c->layer, names);
}

/* Keras 2 writes the first argument as the reference itself, or a constant in its place. */
static mwi_keras_operand first_of_old(const mwi_keras_call *c)
{
    mwi_keras_operand o = {.json = c->args, .in = c->in};
    const char *const name = json_string_value(json_array_get(c->args, 0));

    if (name != NULL && strcmp(name, "_CONSTANT_VALUE") == 0) {
        o.json = json_array_get(c->args, 2);
        return o;
    }
    while (o.n < c->n_in && c->in_keys[o.n] == NULL) o.n++;
    return o;
}

mwi_keras_operand mwi_keras_operand_of(const mwi_keras_call *c, int position, const char *names)
{
    const json_t *const args = json_object_get(c->args, "args");
    mwi_keras_operand o = {0};

    if (!json_is_object(c->args) && position == 0) return first_of_old(c);
    if (position >= 0 && (size_t)position < json_array_size(args)) {
        size_t before = 0;
        for (int i = 0; i < position; i++)
            before += count_values(json_array_get(args, (size_t)i), 0);
        o.json = json_array_get(args, (size_t)position);
        o.n = count_values(o.json, 0);
        o.in = c->in + before;
        if (before + o.n > c->n_in) o.n = 0;
        return o;
    }
    for (size_t i = 0; i < c->n_in; i++) {
        if (!has_key(c, i, names)) continue;
        if (o.n++ == 0) o.in = c->in + i;
    }
    o.json = named(c, names);
    if (json_is_null(o.json)) o.json = NULL;
    return o;
}

/* ---- constants ---- */

static const json_t *plain(const json_t *v)
{
    const json_t *const inner = json_object_get(json_object_get(v, "config"), "value");
    return inner != NULL ? inner : v; /* {"class_name": "__numpy__", "config": {"value": ...}} */
}

static mw_status constant(mwi_keras_call *c, const json_t *v, int32_t like, int32_t *out)
{
    const mw_dtype dtype = like < 0 ? MW_FLOAT32 : mwi_keras_tensor(c, like)->dtype;

    if (dtype == MW_INT32 && json_is_integer(plain(v))) {
        const int32_t i = (int32_t)json_integer_value(plain(v));
        return mwi_keras_const(c, "integer", MW_INT32, 0, NULL, &i, out);
    }
    if (dtype == MW_INT64 && json_is_integer(plain(v))) {
        const int64_t i = json_integer_value(plain(v));
        return mwi_keras_const(c, "integer", MW_INT64, 0, NULL, &i, out);
    }
    return mwi_keras_constant(c, v, out);
}

mw_status mwi_keras_operand_value(mwi_keras_call *c, const mwi_keras_operand *o, int32_t like,
                                  int32_t *out)
{
    if (o->n == 1) return *out = o->in[0], MW_OK;
    if (o->n > 1 || o->json == NULL)
        return mwi_fail(c->ctx, MW_EFORMAT, "is called with %zu inputs%s", c->n_in,
                        o->n > 1 ? " where it takes one" : ", takes more");
    return constant(c, o->json, like, out);
}

mw_status mwi_keras_first(mwi_keras_call *c, int32_t *out)
{
    const mwi_keras_operand o = mwi_keras_operand_of(c, 0, "x|inputs|input|tensor|a|x1|features");
    return mwi_keras_operand_value(c, &o, -1, out);
}

mw_status mwi_keras_operand_ints(mwi_keras_call *c, int position, const char *names, size_t max,
                                 int64_t *out, size_t *n)
{
    const mwi_keras_operand o = mwi_keras_operand_of(c, position, names);
    const json_t *const v = plain(o.json);

    *n = 0;
    if (o.n > 0)
        return mwi_fail(c->ctx, MW_EUNSUPPORTED, "takes '%s' from a value, allowed are constants",
                        names);
    if (v == NULL || json_is_null(v)) return MW_OK;
    const size_t count = json_is_array(v) ? json_array_size(v) : 1;
    for (size_t i = 0; i < count; i++) {
        const json_t *const item = json_is_array(v) ? json_array_get(v, i) : v;
        if (*n >= max || (!json_is_null(item) && !mwi_keras_json_int(item, &out[*n])))
            return mwi_fail(c->ctx, MW_EUNSUPPORTED, "takes a '%s' that is no list of integers",
                            names);
        if (json_is_null(item)) out[*n] = -1;
        (*n)++;
    }
    return MW_OK;
}

mw_status mwi_keras_operand_number(mwi_keras_call *c, int position, const char *names, double def,
                                   double *out)
{
    const mwi_keras_operand o = mwi_keras_operand_of(c, position, names);
    const json_t *const v = plain(o.json);

    *out = def;
    if (o.n == 0 && (v == NULL || json_is_null(v))) return MW_OK;
    if (o.n > 0 || !(json_is_number(v) || json_is_boolean(v)))
        return mwi_fail(c->ctx, MW_EUNSUPPORTED, "takes a '%s' that is no number", names);
    *out = json_is_boolean(v) ? json_is_true(v) : json_number_value(v);
    return MW_OK;
}

bool mwi_keras_operand_flag(const mwi_keras_call *c, int position, const char *names)
{
    const json_t *const v = mwi_keras_operand_of(c, position, names).json;
    return json_is_true(v);
}

mw_status mwi_keras_cast(mwi_keras_call *c, int32_t x, mw_dtype to, int32_t *out)
{
    const mw_dtype from = mwi_keras_tensor(c, x)->dtype;
    const mwi_keras_attr attrs[] = {
        {"in_data_type", (double)from}, {"out_data_type", (double)to}, {NULL, 0}};

    if (from == to) return *out = x, MW_OK;
    return mwi_keras_op(c, "CAST", 1, &x, attrs, out);
}

/* ---- rows ---- */

static mw_status build(mwi_keras_call *c)
{
    const mwi_keras_function *const f = find(c->layer);

    if (f == NULL) return mwi_fail(c->ctx, MW_EUNSUPPORTED, "has no lowering");
    return f->emit(c, f);
}

static mw_status check(mw_ctx *ctx, const mwi_keras_layer *l)
{
    const char *const tf = json_string_value(mwi_keras_key(l, "function"));

    if (find(l) != NULL) return MW_OK;
    return mwi_fail(ctx, MW_EUNSUPPORTED, "calls tf.%s, which has no lowering here",
                    tf == NULL ? "?" : tf);
}

#define CLASS(keras, tf, emit, op) "ops." keras,
static const char *const classes[] = {FUNCTIONS(CLASS) "TFOpLambda", "SlicingOpLambda", NULL};
const mwi_keras_row mwi_keras_layer_operation = {
    .classes = classes,
    .summary = "the operator of the function, or several",
    .flags = MWI_KERAS_ANY_TYPE | MWI_KERAS_TAKES_CONSTANTS,
    .check = check,
    .build = build,
};
