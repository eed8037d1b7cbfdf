/* passes/recognize_normalizations.c - softmax, log-softmax, L2 normalisation and PRELU that are
 * written out become one operator. Layer normalisation has none: it is put into the form with the
 * fewest operators, scale and offset last, where they go on into the layer behind it.
 * Depends: passes/pass.  Used by: the list of passes only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "passes/pass.h"

/* Each looks at operator i as the last of a pattern. */
typedef mw_status (*recognize_fn)(mw_ctx *ctx, mwi_rw *rw, int32_t i, bool *done);

static bool plain(const mwi_op *op) { return mwi_op_activation(op) == MWI_ACT_NONE; }

/* The operator of that name, without an activation, that makes t; whoever else reads it. */
static const mwi_op *made_by(const mwi_rw *rw, int32_t t, const char *name)
{
    const mwi_op *const op = mwi_rw_producer(rw, t);
    return mwi_op_is(op, name) && op->n_out == 1 && plain(op) ? op : NULL;
}

/* A reduction of `value` along its last axis that keeps the dimension. */
static bool reduces_last(const mwi_rw *rw, const mwi_op *op, int32_t value)
{
    int64_t axis;
    size_t n;

    if (op == NULL || op->n_in != 2 || (value >= 0 && op->in[0] != value) ||
        !mwi_op_get_bool(op, "keep_dims", false))
        return false;
    const int32_t rank = mwi_rw_tensor_of(rw, op->in[0])->rank;
    return rank > 0 && mwi_rw_ints(rw, op->in[1], 1, &axis, &n) && n == 1 &&
           (axis == -1 || axis == rank - 1);
}

/* x of x - max(x), else the value itself: softmax does not see the difference. */
static int32_t without_maximum(const mwi_rw *rw, int32_t value)
{
    const mwi_op *const sub = made_by(rw, value, "SUB");

    if (sub == NULL) return value;
    return reduces_last(rw, made_by(rw, sub->in[1], "REDUCE_MAX"), sub->in[0]) ? sub->in[0] : value;
}

/* Whether t is the sum of `terms` along the last axis. */
static bool is_sum_of(const mwi_rw *rw, int32_t t, int32_t terms)
{
    return reduces_last(rw, made_by(rw, t, "SUM"), terms);
}

static mw_status one_operand(mw_ctx *ctx, mwi_rw *rw, int32_t i, const char *name, int32_t value,
                             mwi_op **made)
{
    return mwi_rw_replace_op(ctx, rw, i, name, &value, 1, made);
}

/* ---- softmax ---- */

static mw_status softmax(mw_ctx *ctx, mwi_rw *rw, int32_t i, int32_t exponentials, bool *done)
{
    const mwi_op *const e = made_by(rw, exponentials, "EXP");
    mwi_op *made;

    if (e == NULL || rw->tensors[exponentials].n_reads != 2 || rw->tensors[exponentials].is_output)
        return MW_OK;
    const int32_t value = without_maximum(rw, e->in[0]);
    if (!mwi_rw_is_float(rw, value) || !mwi_rw_same_shape(rw, value, rw->ops[i]->out[0]))
        return MW_OK;
    MWI_TRY(one_operand(ctx, rw, i, "SOFTMAX", value, &made));
    mwi_op_set_f32(made, "beta", 1);
    *done = true;
    return MW_OK;
}

/* exp(x) / sum(exp(x)) */
static mw_status quotient(mw_ctx *ctx, mwi_rw *rw, int32_t i, bool *done)
{
    const mwi_op *const op = rw->ops[i];

    if (!is_sum_of(rw, op->in[1], op->in[0]) || !mwi_rw_single(rw, op->in[1])) return MW_OK;
    return softmax(ctx, rw, i, op->in[0], done);
}

/* exp(x) * (1 / sum(exp(x))) */
static mw_status product_softmax(mw_ctx *ctx, mwi_rw *rw, int32_t i, bool *done)
{
    const mwi_op *const op = rw->ops[i];

    for (int k = 0; k < 2 && !*done; k++) {
        const mwi_op *const inverse = mwi_rw_inner(rw, op->in[k], "DIV");
        if (inverse == NULL || !plain(inverse) || !mwi_rw_is_scalar(rw, inverse->in[0], 1))
            continue;
        if (is_sum_of(rw, inverse->in[1], op->in[1 - k]))
            MWI_TRY(softmax(ctx, rw, i, op->in[1 - k], done));
    }
    return MW_OK;
}

/* d - log(sum(exp(d))), d = x or x - max(x) */
static mw_status log_softmax(mw_ctx *ctx, mwi_rw *rw, int32_t i, bool *done)
{
    const mwi_op *const op = rw->ops[i];
    const mwi_op *const log = mwi_rw_inner(rw, op->in[1], "LOG");
    const mwi_op *const sum = log == NULL ? NULL : mwi_rw_inner(rw, log->in[0], "SUM");
    const mwi_op *const e = sum == NULL ? NULL : mwi_rw_inner(rw, sum->in[0], "EXP");
    mwi_op *made;

    if (e == NULL || e->in[0] != op->in[0] || !reduces_last(rw, sum, sum->in[0])) return MW_OK;
    const int32_t value = without_maximum(rw, op->in[0]);
    if (mwi_op_by_name("LOG_SOFTMAX") == NULL || !mwi_rw_same_shape(rw, value, op->out[0]))
        return MW_OK;
    *done = true;
    return one_operand(ctx, rw, i, "LOG_SOFTMAX", value, &made);
}

/* log(softmax(x)) */
static mw_status log_of_softmax(mw_ctx *ctx, mwi_rw *rw, int32_t i, bool *done)
{
    const mwi_op *const s = mwi_rw_inner(rw, rw->ops[i]->in[0], "SOFTMAX");
    mwi_op *made;

    if (s == NULL || mwi_op_get_f32(s, "beta", 0) != 1 || mwi_op_by_name("LOG_SOFTMAX") == NULL)
        return MW_OK;
    *done = true;
    return one_operand(ctx, rw, i, "LOG_SOFTMAX", s->in[0], &made);
}

/* ---- L2 normalisation ---- */

/* x when t is the sum of its squares along the last axis, perhaps held above the square of the
 * kernel's 1e-6. */
static int32_t sum_of_squares(const mwi_rw *rw, int32_t t)
{
    const mwi_op *const floor = mwi_rw_inner(rw, t, "MAXIMUM");

    if (floor != NULL) {
        const bool first = mwi_rw_is_scalar(rw, floor->in[0], 1e-12),
                   second = mwi_rw_is_scalar(rw, floor->in[1], 1e-12);
        if (first == second) return -1;
        t = floor->in[first ? 1 : 0];
    }
    const mwi_op *const sum = mwi_rw_inner(rw, t, "SUM");
    if (sum == NULL || !reduces_last(rw, sum, -1) || !mwi_rw_single(rw, t)) return -1;
    const mwi_op *const square = mwi_rw_inner(rw, sum->in[0], "SQUARE"), *const mul = mwi_rw_inner(
                                                                             rw, sum->in[0], "MUL");
    if (square != NULL) return square->in[0];
    return mul != NULL && plain(mul) && mul->in[0] == mul->in[1] ? mul->in[0] : -1;
}

static mw_status l2(mw_ctx *ctx, mwi_rw *rw, int32_t i, int32_t value, int32_t squares, bool *done)
{
    mwi_op *made;

    if (squares != value || value < 0 || mwi_op_by_name("L2_NORMALIZATION") == NULL) return MW_OK;
    if (mwi_rw_tensor_of(rw, value)->rank > 4 || !mwi_rw_same_shape(rw, value, rw->ops[i]->out[0]))
        return MW_OK;
    *done = true;
    return one_operand(ctx, rw, i, "L2_NORMALIZATION", value, &made);
}

/* x * rsqrt(sum(x * x)) */
static mw_status product_l2(mw_ctx *ctx, mwi_rw *rw, int32_t i, bool *done)
{
    const mwi_op *const op = rw->ops[i];

    for (int k = 0; k < 2 && !*done; k++) {
        const mwi_op *const root = mwi_rw_inner(rw, op->in[k], "RSQRT");
        if (root != NULL)
            MWI_TRY(l2(ctx, rw, i, op->in[1 - k], sum_of_squares(rw, root->in[0]), done));
    }
    return MW_OK;
}

/* x / sqrt(sum(x * x)) */
static mw_status quotient_l2(mw_ctx *ctx, mwi_rw *rw, int32_t i, bool *done)
{
    const mwi_op *const root = mwi_rw_inner(rw, rw->ops[i]->in[1], "SQRT");
    return root == NULL ? MW_OK
                        : l2(ctx, rw, i, rw->ops[i]->in[0], sum_of_squares(rw, root->in[0]), done);
}

/* ---- PRELU ---- */

/* The constant c and x of c * relu(-x), or of relu(-x) with c = 1; false: another form. */
static bool negative_part(const mwi_rw *rw, int32_t t, int32_t *x, int32_t *constant)
{
    const mwi_op *const mul = mwi_rw_inner(rw, t, "MUL");
    int32_t value;

    if (mul == NULL || !plain(mul) || !mwi_rw_with_const(rw, mul, &value, constant)) return false;
    const mwi_op *const relu = mwi_rw_inner(rw, value, "RELU");
    const mwi_op *const neg = relu == NULL ? NULL : mwi_rw_inner(rw, relu->in[0], "NEG");
    if (neg == NULL || !mwi_rw_same_shape(rw, t, neg->in[0])) return false;
    *x = neg->in[0];
    return true;
}

static mw_status prelu(mw_ctx *ctx, mwi_rw *rw, int32_t i, int32_t positive, int32_t negative,
                       double sign, bool *done)
{
    const mwi_op *const relu = mwi_rw_inner(rw, positive, "RELU");
    int32_t x, constant, operands[2];
    size_t n;
    void *memory;

    if (relu == NULL || !negative_part(rw, negative, &x, &constant) || relu->in[0] != x)
        return MW_OK;
    const float *const c = mwi_rw_floats(rw, constant, &n);
    if (c == NULL) return MW_OK;
    MWI_TRY(mwi_arena_array(ctx, rw->arena, n, sizeof(double), &memory));
    for (size_t k = 0; k < n; k++) ((double *)memory)[k] = sign * (double)c[k];
    const mwi_tensor *const t = mwi_rw_tensor_of(rw, constant);
    operands[0] = x;
    MWI_TRY(mwi_rw_add_floats(ctx, rw, constant, "_alpha", t->rank, t->dims, memory, &operands[1]));
    *done = true;
    return mwi_rw_replace_op(ctx, rw, i, "PRELU", operands, 2, NULL);
}

/* relu(x) + c * relu(-x) */
static mw_status sum_prelu(mw_ctx *ctx, mwi_rw *rw, int32_t i, bool *done)
{
    const mwi_op *const op = rw->ops[i];

    for (int k = 0; k < 2 && !*done; k++)
        MWI_TRY(prelu(ctx, rw, i, op->in[k], op->in[1 - k], -1, done));
    return MW_OK;
}

/* relu(x) - c * relu(-x) */
static mw_status difference_prelu(mw_ctx *ctx, mwi_rw *rw, int32_t i, bool *done)
{
    return prelu(ctx, rw, i, rw->ops[i]->in[0], rw->ops[i]->in[1], 1, done);
}

/* max(x, c * x), every c between 0 and 1 */
static mw_status maximum_prelu(mw_ctx *ctx, mwi_rw *rw, int32_t i, bool *done)
{
    const mwi_op *const op = rw->ops[i];
    int32_t value, constant;
    size_t n;

    for (int k = 0; k < 2; k++) {
        const mwi_op *const mul = mwi_rw_inner(rw, op->in[k], "MUL");
        if (mul == NULL || !plain(mul) || !mwi_rw_with_const(rw, mul, &value, &constant) ||
            value != op->in[1 - k])
            continue;
        const float *const c = mwi_rw_floats(rw, constant, &n);
        bool fits = c != NULL && mwi_rw_same_shape(rw, value, op->out[0]);
        for (size_t j = 0; fits && j < n; j++) fits = c[j] >= 0 && c[j] <= 1;
        if (!fits) continue;
        *done = true;
        return mwi_rw_replace_op(ctx, rw, i, "PRELU", (const int32_t[]){value, constant}, 2, NULL);
    }
    return MW_OK;
}

/* ---- layer normalisation ---- */

/* The other operand when one of the two is `t`. */
static int32_t other_than(const mwi_op *op, int32_t t)
{
    return op == NULL ? -1 : mwi_rw_other(op, t);
}

/* A new operator on two values, whose result is of the type and shape of `like`. */
typedef struct pair {
    const char *op;
    int32_t a, b, like;
    const char *suffix; /* of the result's name */
} pair;

static mw_status add_pair(mw_ctx *ctx, mwi_rw *rw, pair p, int32_t *out)
{
    int32_t id;

    MWI_TRY(mwi_rw_add_op(ctx, rw, mwi_op_by_name(p.op), 2, 1, &id));
    MWI_TRY(mwi_rw_set_input(ctx, rw, id, 0, p.a));
    MWI_TRY(mwi_rw_set_input(ctx, rw, id, 1, p.b));
    MWI_TRY(mwi_rw_add_value(ctx, rw, p.like, p.suffix, out));
    rw->ops[id]->out[0] = *out;
    rw->tensors[*out].producer = id;
    return MW_OK;
}

/* x * g + (b - m * g) is (x - m) * g + b. */
static mw_status centre(mw_ctx *ctx, mwi_rw *rw, int32_t i, bool *done)
{
    const mwi_op *const op = rw->ops[i];
    const int32_t out = op->out[0], activation = mwi_op_activation(op);

    for (int k = 0; k < 2; k++) {
        const mwi_op *const scaled = mwi_rw_inner(rw, op->in[k], "MUL"), *const rest = mwi_rw_inner(
                                                                             rw, op->in[1 - k],
                                                                             "SUB");
        const mwi_op *const shift = rest == NULL ? NULL : mwi_rw_inner(rw, rest->in[1], "MUL");
        if (scaled == NULL || shift == NULL || !plain(scaled) || !plain(rest) || !plain(shift))
            continue;
        for (int j = 0; j < 4; j++) {
            const int32_t g = scaled->in[j & 1], x = other_than(scaled, g),
                          m = shift->in[j >> 1] == g ? other_than(shift, g) : -1;
            if (m < 0 || x < 0 || rw->tensors[g].n_reads != 2 || rw->tensors[g].is_output) continue;
            if (!mwi_rw_same_shape(rw, x, out) || mwi_rw_is_const(rw, x) || mwi_rw_is_const(rw, m))
                continue;
            int32_t centred, product, scale = -1;
            const mwi_op *const inner = mwi_rw_producer(rw, g);
            int32_t factor = g, value;
            if (mwi_op_is(inner, "MUL") && plain(inner) &&
                mwi_rw_with_const(rw, inner, &value, &scale))
                factor = value;
            const int32_t b = rest->in[0];
            MWI_TRY(add_pair(ctx, rw, (pair){"SUB", x, m, out, "_centred"}, &centred));
            MWI_TRY(add_pair(ctx, rw, (pair){"MUL", centred, factor, out, "_normal"}, &product));
            if (scale >= 0)
                MWI_TRY(add_pair(ctx, rw, (pair){"MUL", product, scale, out, "_scaled"}, &product));
            mwi_op *made;
            MWI_TRY(mwi_rw_replace_op(ctx, rw, i, "ADD", (const int32_t[]){product, b}, 2, &made));
            mwi_op_set_i32(made, "fused_activation_function", activation);
            *done = true;
            return MW_OK;
        }
    }
    return MW_OK;
}

static const struct {
    const char *name;
    bool activated; /* the pattern's own activation may stay */
    recognize_fn recognize;
} rows[] = {
    {"DIV", false, quotient},   {"DIV", false, quotient_l2},      {"MUL", false, product_softmax},
    {"MUL", false, product_l2}, {"SUB", false, log_softmax},      {"LOG", false, log_of_softmax},
    {"ADD", false, sum_prelu},  {"SUB", false, difference_prelu}, {"MAXIMUM", false, maximum_prelu},
    {"ADD", true, centre},
};

static bool is_float(const mwi_rw *rw, const mwi_op *op)
{
    for (size_t k = 0; k < op->n_in; k++)
        if (!mwi_rw_is_float(rw, op->in[k])) return false;
    return op->n_out == 1 && op->n_in > 0 && mwi_rw_is_float(rw, op->out[0]);
}

static mw_status run(mw_ctx *ctx, mwi_rw *rw)
{
    const size_t n = rw->n_ops;

    for (int32_t i = 0; i < (int32_t)n; i++) {
        bool done =
            rw->ops[i] == NULL || !mwi_rw_is_pure(rw, rw->ops[i]) || !is_float(rw, rw->ops[i]);
        const bool skip = done;
        for (size_t k = 0; k < MWI_COUNT(rows) && !done; k++) {
            if (!mwi_op_is(rw->ops[i], rows[k].name) || (!rows[k].activated && !plain(rw->ops[i])))
                continue;
            MWI_TRY(rows[k].recognize(ctx, rw, i, &done));
        }
        rw->n_changes += done && !skip;
    }
    return MW_OK;
}

const mwi_pass_desc mwi_pass_recognize_normalizations = {
    .name = "recognize_normalizations",
    .summary = "makes written-out softmax, log-softmax, L2 normalisation and PRELU one operator",
    .flags = MWI_PASS_OPTIMIZE,
    .run = run,
};
