/* formats/keras/layers/operation_math.c - functions that compute.
 * Depends: layers/operation.  Used by: layers/layer_operation.c.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/layers/operation.h"

#include <math.h>
#include <string.h>

static const char *const second = "y|x2|b";

/* Values are broadcast from the right, which must leave the batch alone. */
static mw_status keep_apart(mwi_keras_call *c, int32_t x, int32_t other)
{
    const mwi_tensor *const t = mwi_keras_tensor(c, x), *const o = mwi_keras_tensor(c, other);

    if (o->data == NULL && t->data != NULL &&
        (t->rank > o->rank || (t->rank == o->rank && t->rank > 0 && t->dims[0] != 1)))
        return mwi_fail(c->ctx, MW_EUNSUPPORTED,
                        "is called with a constant that changes from sample to sample of a batch");
    if (o->data == NULL && t->data == NULL && t->rank != o->rank)
        return mwi_fail(
            c->ctx, MW_EUNSUPPORTED,
            "is called with tensors of %d and %d dimensions, which mixes the samples of "
            "a batch; reshape the smaller one",
            t->rank, o->rank);
    return MW_OK;
}

/* Both arguments in one type: floats win over integers, integers over bools. */
static mw_status two(mwi_keras_call *c, int32_t *a, int32_t *b)
{
    const mwi_keras_operand first = mwi_keras_operand_of(c, 0, "x|x1|a|inputs");
    const mwi_keras_operand other = mwi_keras_operand_of(c, 1, second);

    if (first.n == 1) {
        MWI_TRY(mwi_keras_operand_value(c, &first, -1, a));
        MWI_TRY(mwi_keras_operand_value(c, &other, *a, b));
    } else {
        MWI_TRY(mwi_keras_operand_value(c, &other, -1, b));
        MWI_TRY(mwi_keras_operand_value(c, &first, *b, a));
    }
    MWI_TRY(keep_apart(c, *a, *b));
    MWI_TRY(keep_apart(c, *b, *a));
    if (mwi_keras_tensor(c, *a)->dtype == mwi_keras_tensor(c, *b)->dtype) return MW_OK;
    MWI_TRY(mwi_keras_to_float(c, *a, a));
    return mwi_keras_to_float(c, *b, b);
}

MWI_KERAS_EMIT(unary)
{
    double decimals;
    int32_t x;

    MWI_TRY(mwi_keras_first(call, &x));
    MWI_TRY(mwi_keras_operand_number(call, -1, "decimals", 0, &decimals));
    if (decimals != 0)
        return mwi_fail(call->ctx, MW_EUNSUPPORTED, "rounds to %g decimals, allowed is 0",
                        decimals);
    MWI_TRY(mwi_keras_to_float(call, x, &x));
    MWI_TRY(mwi_keras_unary(call, f->op, x, &x));
    return mwi_keras_return(call, x);
}

MWI_KERAS_EMIT(binary)
{
    int32_t a, b, x;

    MWI_TRY(two(call, &a, &b));
    if (mwi_keras_tensor(call, a)->dtype == MW_BOOL || strcmp(f->op, "DIV") == 0 ||
        strcmp(f->op, "POW") == 0) {
        MWI_TRY(mwi_keras_to_float(call, a, &a));
        MWI_TRY(mwi_keras_to_float(call, b, &b));
    }
    MWI_TRY(mwi_keras_binary(call, f->op, a, b, &x));
    return mwi_keras_return(call, x);
}

MWI_KERAS_EMIT(compare)
{
    int32_t a, b, x;

    MWI_TRY(two(call, &a, &b));
    MWI_TRY(mwi_keras_binary(call, f->op, a, b, &x));
    return mwi_keras_return(call, x);
}

MWI_KERAS_EMIT(logic)
{
    int32_t a, b, x;

    if (strcmp(f->op, "LOGICAL_NOT") == 0) {
        MWI_TRY(mwi_keras_first(call, &a));
        MWI_TRY(mwi_keras_cast(call, a, MW_BOOL, &a));
        MWI_TRY(mwi_keras_unary(call, f->op, a, &x));
        return mwi_keras_return(call, x);
    }
    MWI_TRY(two(call, &a, &b));
    MWI_TRY(mwi_keras_cast(call, a, MW_BOOL, &a));
    MWI_TRY(mwi_keras_cast(call, b, MW_BOOL, &b));
    MWI_TRY(mwi_keras_binary(call, f->op, a, b, &x));
    return mwi_keras_return(call, x);
}

MWI_KERAS_EMIT(activation)
{
    int32_t x;

    MWI_TRY(mwi_keras_first(call, &x));
    MWI_TRY(mwi_keras_to_float(call, x, &x));
    MWI_TRY(mwi_keras_activate_name(call, f->op, x, &x));
    return mwi_keras_return(call, x);
}

/* Activations with a number. */
MWI_KERAS_EMIT(slope)
{
    const bool leaky = strcmp(f->op, "leaky_relu") == 0, gelu = strcmp(f->op, "gelu") == 0;
    const bool elu = strcmp(f->op, "elu") == 0;
    const double usual = leaky || strcmp(f->op, "squareplus") == 0 ? (leaky ? 0.2 : 4)
                         : strstr(f->op, "shrink") != NULL         ? 0.5
                                                                   : 1;
    double v;
    int32_t x;

    MWI_TRY(mwi_keras_first(call, &x));
    MWI_TRY(mwi_keras_to_float(call, x, &x));
    if (gelu) {
        const mwi_keras_operand o = mwi_keras_operand_of(call, 1, "approximate");
        const bool exact =
            json_is_false(o.json) || (o.json == NULL && call->layer->keras_major < 3);
        const mwi_keras_attr attrs[] = {{"approximate", !exact}, {NULL, 0}};
        MWI_TRY(mwi_keras_op(call, "GELU", 1, &x, attrs, &x));
        return mwi_keras_return(call, x);
    }
    MWI_TRY(mwi_keras_operand_number(call, 1, "negative_slope|alpha|threshold|b", usual, &v));
    if (leaky)
        MWI_TRY(mwi_keras_leaky(call, x, v, &x));
    else if (elu)
        MWI_TRY(mwi_keras_elu(call, x, v, &x));
    else if (v == usual)
        MWI_TRY(mwi_keras_activate_name(call, f->op, x, &x));
    else
        return mwi_fail(call->ctx, MW_EUNSUPPORTED, "has the parameter %g, allowed is %g", v,
                        usual);
    return mwi_keras_return(call, x);
}

/* ---- several operators ---- */

static mw_status half_exp(mwi_keras_call *c, int32_t x, const char *op, int32_t *out)
{
    int32_t e, n;

    MWI_TRY(mwi_keras_unary(c, "EXP", x, &e));
    MWI_TRY(mwi_keras_unary(c, "NEG", x, &n));
    MWI_TRY(mwi_keras_unary(c, "EXP", n, &n));
    MWI_TRY(mwi_keras_binary(c, op, e, n, &e));
    return mwi_keras_with(c, "MUL", e, 0.5, out);
}

/* max(a, b) + softplus(-|a - b|) */
static mw_status log_add_exp(mwi_keras_call *c, int32_t *out)
{
    int32_t a, b, d, m;

    MWI_TRY(two(c, &a, &b));
    MWI_TRY(mwi_keras_binary(c, "SUB", a, b, &d));
    MWI_TRY(mwi_keras_unary(c, "ABS", d, &d));
    MWI_TRY(mwi_keras_unary(c, "NEG", d, &d));
    MWI_TRY(mwi_keras_activate_name(c, "softplus", d, &d));
    MWI_TRY(mwi_keras_binary(c, "MAXIMUM", a, b, &m));
    return mwi_keras_binary(c, "ADD", m, d, out);
}

static mw_status compose(mwi_keras_call *c, const char *name, int32_t x, int32_t *out)
{
    int32_t y;

    if (strcmp(name, "reciprocal") == 0) {
        MWI_TRY(mwi_keras_scalar(c, 1.0, &y));
        return mwi_keras_binary(c, "DIV", y, x, out);
    }
    if (strcmp(name, "log1p") == 0) {
        MWI_TRY(mwi_keras_with(c, "ADD", x, 1.0, &y));
        return mwi_keras_unary(c, "LOG", y, out);
    }
    if (strcmp(name, "expm1") == 0) {
        MWI_TRY(mwi_keras_unary(c, "EXP", x, &y));
        return mwi_keras_with(c, "SUB", y, 1.0, out);
    }
    if (strncmp(name, "log", 3) == 0) {
        MWI_TRY(mwi_keras_unary(c, "LOG", x, &y));
        return mwi_keras_with(c, "MUL", y, 1 / log(strcmp(name, "log2") == 0 ? 2 : 10), out);
    }
    if (strcmp(name, "exp2") == 0) {
        MWI_TRY(mwi_keras_with(c, "MUL", x, log(2), &y));
        return mwi_keras_unary(c, "EXP", y, out);
    }
    if (strcmp(name, "sinh") == 0) return half_exp(c, x, "SUB", out);
    if (strcmp(name, "cosh") == 0) return half_exp(c, x, "ADD", out);
    MWI_TRY(mwi_keras_unary(c, "COS", x, &y)); /* tan */
    MWI_TRY(mwi_keras_unary(c, "SIN", x, &x));
    return mwi_keras_binary(c, "DIV", x, y, out);
}

MWI_KERAS_EMIT(composed)
{
    int32_t x;

    if (strcmp(f->op, "logaddexp") == 0) {
        MWI_TRY(log_add_exp(call, &x));
        return mwi_keras_return(call, x);
    }
    MWI_TRY(mwi_keras_first(call, &x));
    MWI_TRY(mwi_keras_to_float(call, x, &x));
    MWI_TRY(compose(call, f->op, x, &x));
    return mwi_keras_return(call, x);
}

/* ---- over axes ---- */

/* The axes as a constant; all when none is given. The batch stays. */
static mw_status read_axes(mwi_keras_call *c, int32_t x, bool *keep, int32_t *out)
{
    const int32_t rank = mwi_keras_tensor(c, x)->rank;
    int32_t axes[MW_MAX_RANK];
    int64_t given[MW_MAX_RANK];
    size_t n;

    MWI_TRY(mwi_keras_operand_ints(c, 1, "axis|reduction_indices", MW_MAX_RANK, given, &n));
    *keep = mwi_keras_operand_flag(c, 2, "keepdims|keep_dims");
    if (n == 0)
        return mwi_fail(c->ctx, MW_EUNSUPPORTED,
                        "reduces over the whole batch; give axes that leave it");
    for (size_t i = 0; i < n; i++) {
        MWI_TRY(mwi_keras_axis(c->ctx, "axis", given[i], rank, &axes[i]));
        if (axes[i] == 0)
            return mwi_fail(c->ctx, MW_EUNSUPPORTED,
                            "reduces over the whole batch; give axes that leave it");
    }
    return mwi_keras_i32s(c, n, axes, out);
}

static mw_status over(mwi_keras_call *c, const char *op, int32_t x, int32_t axes, bool keep,
                      int32_t *out)
{
    const mwi_keras_attr attrs[] = {{"keep_dims", keep}, {NULL, 0}};
    return mwi_keras_op(c, op, 2, (const int32_t[]){x, axes}, attrs, out);
}

MWI_KERAS_EMIT(reduce)
{
    const bool logic = strcmp(f->op, "REDUCE_ANY") == 0 || strcmp(f->op, "REDUCE_ALL") == 0;
    int32_t x, axes;
    bool keep;

    if (mwi_keras_operand_of(call, -1, "weights").json != NULL ||
        mwi_keras_operand_of(call, -1, "weights").n > 0)
        return mwi_fail(call->ctx, MW_EUNSUPPORTED, "is an average with weights");
    MWI_TRY(mwi_keras_first(call, &x));
    if (logic) MWI_TRY(mwi_keras_cast(call, x, MW_BOOL, &x));
    if (!logic && mwi_keras_tensor(call, x)->dtype == MW_BOOL)
        MWI_TRY(mwi_keras_to_float(call, x, &x));
    if (strcmp(f->op, "MEAN") == 0) MWI_TRY(mwi_keras_to_float(call, x, &x));
    MWI_TRY(read_axes(call, x, &keep, &axes));
    MWI_TRY(over(call, f->op, x, axes, keep, &x));
    return mwi_keras_return(call, x);
}

/* log(sum(exp(x - max))) + max */
static mw_status log_sum_exp(mwi_keras_call *c, int32_t x, int32_t axes, bool keep, int32_t *out)
{
    int32_t m, n;

    MWI_TRY(over(c, "REDUCE_MAX", x, axes, true, &m));
    MWI_TRY(mwi_keras_binary(c, "SUB", x, m, &x));
    MWI_TRY(mwi_keras_unary(c, "EXP", x, &x));
    MWI_TRY(over(c, "SUM", x, axes, keep, &x));
    MWI_TRY(mwi_keras_unary(c, "LOG", x, &x));
    n = m;
    const mwi_tensor *const t = mwi_keras_tensor(c, x);
    if (!keep) MWI_TRY(mwi_keras_reshape(c, m, t->rank, t->dims, &n));
    return mwi_keras_binary(c, "ADD", x, n, out);
}

/* Variance, deviation, the norm of vectors, log of sums of exponentials. */
MWI_KERAS_EMIT(moments)
{
    const bool norm = strcmp(f->op, "norm") == 0;
    const mwi_keras_operand order = mwi_keras_operand_of(call, -1, "ord");
    int32_t x, m, axes;
    bool keep;

    MWI_TRY(mwi_keras_first(call, &x));
    MWI_TRY(mwi_keras_to_float(call, x, &x));
    MWI_TRY(read_axes(call, x, &keep, &axes));
    if (strcmp(f->op, "logsumexp") == 0) {
        MWI_TRY(log_sum_exp(call, x, axes, keep, &x));
        return mwi_keras_return(call, x);
    }
    if (norm && order.json != NULL && json_number_value(order.json) != 2 &&
        (json_string_value(order.json) == NULL ||
         strcmp(json_string_value(order.json), "euclidean") != 0))
        return mwi_fail(call->ctx, MW_EUNSUPPORTED, "takes another norm than the euclidean");
    if (!norm) {
        MWI_TRY(over(call, "MEAN", x, axes, true, &m));
        MWI_TRY(mwi_keras_binary(call, "SUB", x, m, &x));
    }
    MWI_TRY(mwi_keras_unary(call, "SQUARE", x, &x));
    MWI_TRY(over(call, norm ? "SUM" : "MEAN", x, axes, keep, &x));
    if (strcmp(f->op, "var") != 0) MWI_TRY(mwi_keras_unary(call, "SQRT", x, &x));
    return mwi_keras_return(call, x);
}

MWI_KERAS_EMIT(softmax)
{
    static const mwi_keras_attr beta[] = {{"beta", 1.0}, {NULL, 0}};
    int32_t x, axis, perm[MW_MAX_RANK];
    int64_t given[MW_MAX_RANK];
    size_t n;

    MWI_TRY(mwi_keras_first(call, &x));
    MWI_TRY(mwi_keras_to_float(call, x, &x));
    MWI_TRY(mwi_keras_operand_ints(call, 1, "axis", MW_MAX_RANK, given, &n));
    const int32_t rank = mwi_keras_tensor(call, x)->rank;
    if (n > 1) return mwi_fail(call->ctx, MW_EUNSUPPORTED, "runs over several axes");
    MWI_TRY(mwi_keras_axis(call->ctx, "axis", n == 0 ? -1 : given[0], rank, &axis));
    for (int32_t i = 0; i < rank; i++) perm[i] = i == axis ? rank - 1 : i == rank - 1 ? axis : i;
    MWI_TRY(mwi_keras_transpose(call, x, perm, &x));
    MWI_TRY(mwi_keras_op(call, f->op, 1, &x, strcmp(f->op, "SOFTMAX") == 0 ? beta : NULL, &x));
    MWI_TRY(mwi_keras_transpose(call, x, perm, &x));
    return mwi_keras_return(call, x);
}

MWI_KERAS_EMIT(arg)
{
    const mwi_keras_attr attrs[] = {{"output_type", MW_INT32}, {NULL, 0}};
    int32_t x, axis, a;
    int64_t given[1];
    size_t n;

    MWI_TRY(mwi_keras_first(call, &x));
    MWI_TRY(mwi_keras_operand_ints(call, 1, "axis", 1, given, &n));
    if (n == 0) return mwi_fail(call->ctx, MW_EUNSUPPORTED, "searches the batch; give an axis");
    MWI_TRY(mwi_keras_axis(call->ctx, "axis", given[0], mwi_keras_tensor(call, x)->rank, &axis));
    MWI_TRY(mwi_keras_const(call, "axis", MW_INT32, 0, NULL, &axis, &a));
    MWI_TRY(mwi_keras_op(call, f->op, 2, (const int32_t[]){x, a}, attrs, &x));
    return mwi_keras_return(call, x);
}

/* ---- the rest ---- */

MWI_KERAS_EMIT(where)
{
    const mwi_keras_operand a = mwi_keras_operand_of(call, 1, "x|x1");
    const mwi_keras_operand b = mwi_keras_operand_of(call, 2, second);
    int32_t operands[3], x;

    (void)f;
    const mwi_keras_operand condition = mwi_keras_operand_of(call, 0, "condition");
    MWI_TRY(mwi_keras_operand_value(call, &condition, -1, &operands[0]));
    MWI_TRY(mwi_keras_cast(call, operands[0], MW_BOOL, &operands[0]));
    MWI_TRY(mwi_keras_operand_value(call, &a, b.n == 1 ? b.in[0] : -1, &operands[1]));
    MWI_TRY(mwi_keras_operand_value(call, &b, operands[1], &operands[2]));
    if (mwi_keras_tensor(call, operands[1])->dtype != mwi_keras_tensor(call, operands[2])->dtype) {
        MWI_TRY(mwi_keras_to_float(call, operands[1], &operands[1]));
        MWI_TRY(mwi_keras_to_float(call, operands[2], &operands[2]));
    }
    MWI_TRY(mwi_keras_op(call, "SELECT_V2", 3, operands, NULL, &x));
    return mwi_keras_return(call, x);
}

MWI_KERAS_EMIT(clip)
{
    const mwi_keras_operand low = mwi_keras_operand_of(call, 1, "x_min|clip_value_min");
    const mwi_keras_operand high = mwi_keras_operand_of(call, 2, "x_max|clip_value_max");
    int32_t x, v;

    (void)f;
    MWI_TRY(mwi_keras_first(call, &x));
    MWI_TRY(mwi_keras_to_float(call, x, &x));
    MWI_TRY(mwi_keras_operand_value(call, &low, x, &v));
    MWI_TRY(mwi_keras_binary(call, "MAXIMUM", x, v, &x));
    MWI_TRY(mwi_keras_operand_value(call, &high, x, &v));
    MWI_TRY(mwi_keras_binary(call, "MINIMUM", x, v, &x));
    return mwi_keras_return(call, x);
}

MWI_KERAS_EMIT(matmul)
{
    const mwi_keras_attr attrs[] = {{"adj_x", mwi_keras_operand_flag(call, -1, "transpose_a")},
                                    {"adj_y", mwi_keras_operand_flag(call, -1, "transpose_b")},
                                    {NULL, 0}};
    int32_t a, b, x;

    const mwi_keras_operand left = mwi_keras_operand_of(call, 0, "x|x1|a|inputs");
    const mwi_keras_operand right = mwi_keras_operand_of(call, 1, second);
    MWI_TRY(mwi_keras_operand_value(call, &left, -1, &a));
    MWI_TRY(mwi_keras_operand_value(call, &right, -1, &b));
    const mwi_tensor *const s = mwi_keras_tensor(call, a), *const t = mwi_keras_tensor(call, b);
    if (s->rank < 2 || t->rank < 2 || (strcmp(f->keras, "ops.Dot") == 0 && t->rank > 2))
        return mwi_fail(call->ctx, MW_EUNSUPPORTED, "multiplies values of rank %d and %d", s->rank,
                        t->rank);
    MWI_TRY(mwi_keras_op(call, "BATCH_MATMUL", 2, (const int32_t[]){a, b}, attrs, &x));
    return mwi_keras_return(call, x);
}
