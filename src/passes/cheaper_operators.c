/* passes/cheaper_operators.c - single operators by cheaper equal ones, and pairs by one: x ^ 2 is
 * x * x, x / 4 is x * 0.25, a + -b is a - b, a sum times 1/n is a mean, a CONCATENATION in a
 * CONCATENATION is one. MUL is preferred to SQUARE, which has no integer kernel: the model may yet
 * be quantized.
 * Depends: passes/pass.  Used by: the list of passes only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "passes/pass.h"

#include <math.h>

/* Each rewrites operator i where it can and says so. */
typedef mw_status (*rewrite_fn)(mw_ctx *ctx, mwi_rw *rw, int32_t i, bool *done);

static bool plain(const mwi_op *op) { return mwi_op_activation(op) == MWI_ACT_NONE; }

static mw_status replace(mw_ctx *ctx, mwi_rw *rw, int32_t i, const char *name, int32_t a, int32_t b,
                         bool *done)
{
    const int32_t operands[2] = {a, b}, activation = mwi_op_activation(rw->ops[i]);
    mwi_op *made;

    MWI_TRY(mwi_rw_replace_op(ctx, rw, i, name, operands, b < 0 ? 1 : 2, &made));
    if (activation != MWI_ACT_NONE) mwi_op_set_i32(made, "fused_activation_function", activation);
    *done = true;
    return MW_OK;
}

static mw_status power(mw_ctx *ctx, mwi_rw *rw, int32_t i, bool *done)
{
    const mwi_op *const op = rw->ops[i];
    float e;

    if (!mwi_rw_is_float(rw, op->in[0]) || !mwi_rw_scalar(rw, op->in[1], &e)) return MW_OK;
    if (!mwi_rw_same_shape(rw, op->in[0], op->out[0])) return MW_OK;
    if (e == 2) return replace(ctx, rw, i, "MUL", op->in[0], op->in[0], done);
    if (e == 0.5f) return replace(ctx, rw, i, "SQRT", op->in[0], -1, done);
    if (e == -0.5f) return replace(ctx, rw, i, "RSQRT", op->in[0], -1, done);
    return MW_OK;
}

/* A new constant from each number of an old one. */
static mw_status map_const(mw_ctx *ctx, mwi_rw *rw, int32_t t, float (*fn)(float), int32_t *out)
{
    const mwi_tensor *const x = mwi_rw_tensor_of(rw, t);
    size_t n = 0;
    const float *const v = mwi_rw_floats(rw, t, &n);
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, rw->arena, n, sizeof(float), &memory));
    for (size_t k = 0; k < n; k++) ((float *)memory)[k] = fn(v[k]);
    return mwi_rw_add_const(ctx, rw, t, "", MW_FLOAT32, x->rank, x->dims, memory, out);
}

static float negative(float x) { return -x; }
static float inverse(float x) { return 1 / x; }

/* A power of two whose inverse is an ordinary number. */
static bool inverts_exactly(float x)
{
    int exponent;
    return isfinite(x) && fabsf(frexpf(x, &exponent)) == 0.5f && exponent > -120 && exponent < 120;
}

/* x / c is x * (1 / c) where that is exact; 1 / sqrt(x) is RSQRT, at the rounding of the last bit.
 */
static mw_status division(mw_ctx *ctx, mwi_rw *rw, int32_t i, bool *done)
{
    const mwi_op *const op = rw->ops[i];
    const mwi_op *const root = mwi_rw_inner(rw, op->in[1], "SQRT");
    int32_t constant;
    size_t n;

    if (!mwi_rw_is_float(rw, op->in[0])) return MW_OK;
    if (root != NULL && plain(op) && mwi_rw_is_scalar(rw, op->in[0], 1) &&
        mwi_rw_same_shape(rw, op->in[1], op->out[0]))
        return replace(ctx, rw, i, "RSQRT", root->in[0], -1, done);
    const float *const v = mwi_rw_floats(rw, op->in[1], &n);
    if (v == NULL) return MW_OK;
    for (size_t k = 0; k < n; k++)
        if (!inverts_exactly(v[k])) return MW_OK;
    MWI_TRY(map_const(ctx, rw, op->in[1], inverse, &constant));
    return replace(ctx, rw, i, "MUL", op->in[0], constant, done);
}

/* x - c is x + -c; a - -b is a + b. */
static mw_status difference(mw_ctx *ctx, mwi_rw *rw, int32_t i, bool *done)
{
    const mwi_op *const op = rw->ops[i];
    const mwi_op *const neg = mwi_rw_inner(rw, op->in[1], "NEG");
    int32_t constant;
    size_t n;

    if (!mwi_rw_is_float(rw, op->in[0]) || !mwi_rw_is_float(rw, op->in[1])) return MW_OK;
    if (neg != NULL) return replace(ctx, rw, i, "ADD", op->in[0], neg->in[0], done);
    if (mwi_rw_floats(rw, op->in[1], &n) == NULL || mwi_rw_is_const(rw, op->in[0])) return MW_OK;
    MWI_TRY(map_const(ctx, rw, op->in[1], negative, &constant));
    return replace(ctx, rw, i, "ADD", op->in[0], constant, done);
}

/* a + -b and -b + a are a - b. */
static mw_status sum(mw_ctx *ctx, mwi_rw *rw, int32_t i, bool *done)
{
    const mwi_op *const op = rw->ops[i];

    if (!mwi_rw_is_float(rw, op->in[0]) || !mwi_rw_is_float(rw, op->in[1])) return MW_OK;
    for (int k = 0; k < 2; k++) {
        const mwi_op *const neg = mwi_rw_inner(rw, op->in[k], "NEG");
        if (neg != NULL && !mwi_rw_is_const(rw, op->in[1 - k]))
            return replace(ctx, rw, i, "SUB", op->in[1 - k], neg->in[0], done);
    }
    return MW_OK;
}

/* A negative or absolute value of a negative one. */
static mw_status sign(mw_ctx *ctx, mwi_rw *rw, int32_t i, bool *done)
{
    const mwi_op *const op = rw->ops[i], *const neg = mwi_rw_producer(rw, op->in[0]);

    if (!mwi_rw_is_float(rw, op->in[0]) || !mwi_op_is(neg, "NEG")) return MW_OK;
    if (mwi_op_is(op, "NEG")) {
        *done = mwi_rw_forward(rw, i, neg->in[0]);
        return MW_OK;
    }
    *done = true;
    return mwi_rw_set_input(ctx, rw, i, 0, neg->in[0]);
}

/* (a - b) squared, as SQUARE or as a product. */
static mw_status squared(mw_ctx *ctx, mwi_rw *rw, int32_t i, bool *done)
{
    const mwi_op *const op = rw->ops[i], *const sub = mwi_rw_producer(rw, op->in[0]);

    if (!mwi_op_is(sub, "SUB") || !plain(sub) || !plain(op) || !mwi_rw_is_float(rw, op->in[0]))
        return MW_OK;
    if (op->n_in == 2 && op->in[1] != op->in[0]) return MW_OK;
    if (rw->tensors[op->in[0]].n_reads != op->n_in || rw->tensors[op->in[0]].is_output)
        return MW_OK;
    return replace(ctx, rw, i, "SQUARED_DIFFERENCE", sub->in[0], sub->in[1], done);
}

/* SUM * (1 / n), SUM / n. */
static mw_status mean(mw_ctx *ctx, mwi_rw *rw, int32_t i, bool *done)
{
    const mwi_op *const op = rw->ops[i];
    int32_t value, constant;
    float factor;
    mwi_op *made;

    if (*done || !plain(op) || !mwi_rw_with_const(rw, op, &value, &constant) ||
        !mwi_rw_scalar(rw, constant, &factor))
        return MW_OK;
    const mwi_op *const total = mwi_rw_inner(rw, value, "SUM");
    if (total == NULL || !mwi_rw_is_fixed(rw, total->in[0]) ||
        !mwi_rw_same_shape(rw, value, op->out[0]))
        return MW_OK;
    if (mwi_op_is(op, "DIV") && op->in[0] == constant) return MW_OK;
    const size_t all = mwi_rw_count(rw, total->in[0]), kept = mwi_rw_count(rw, value);
    const double n = kept == 0 ? 0 : (double)all / (double)kept;
    const double wanted = mwi_op_is(op, "MUL") ? 1 / n : n;
    if (n < 1 || fabs((double)factor - wanted) > 1e-7 * wanted) return MW_OK;
    const bool keep = mwi_op_get_bool(total, "keep_dims", false);
    MWI_TRY(mwi_rw_replace_op(ctx, rw, i, "MEAN", total->in, 2, &made));
    mwi_op_set_bool(made, "keep_dims", keep);
    *done = true;
    return MW_OK;
}

/* Squares that come as x * x. */
static mw_status product(mw_ctx *ctx, mwi_rw *rw, int32_t i, bool *done)
{
    MWI_TRY(squared(ctx, rw, i, done));
    return *done ? MW_OK : mean(ctx, rw, i, done);
}

static mw_status quotient(mw_ctx *ctx, mwi_rw *rw, int32_t i, bool *done)
{
    MWI_TRY(mean(ctx, rw, i, done));
    return *done ? MW_OK : division(ctx, rw, i, done);
}

/* ---- types ---- */

/* Whether every value of `a` is one of `b`. */
static bool holds(mw_dtype b, mw_dtype a)
{
    if (a == MW_BOOL || a == MW_UINT8)
        return b == MW_INT16 || b == MW_INT32 || b == MW_INT64 || b == MW_FLOAT32;
    if (a == MW_INT8 || a == MW_INT16) return b == MW_INT32 || b == MW_INT64 || b == MW_FLOAT32;
    return a == MW_INT32 && b == MW_INT64;
}

static mw_status cast(mw_ctx *ctx, mwi_rw *rw, int32_t i, bool *done)
{
    const mwi_op *const op = rw->ops[i], *const before = mwi_rw_producer(rw, op->in[0]);

    if (!mwi_op_is(before, "CAST") || !mwi_rw_is_pure(rw, before)) return MW_OK;
    const mw_dtype from = mwi_rw_tensor_of(rw, before->in[0])->dtype,
                   by = mwi_rw_tensor_of(rw, op->in[0])->dtype;
    const mw_dtype to = mwi_rw_tensor_of(rw, op->out[0])->dtype;
    if (!holds(by, from) || (to != MW_FLOAT32 && to != MW_INT32 && to != MW_INT64)) return MW_OK;
    *done = true;
    const mwi_field *const f = mwi_op_field(op->desc, "in_data_type");
    if (f != NULL) mwi_op_set_i32(rw->ops[i], "in_data_type", (int32_t)from);
    return mwi_rw_set_input(ctx, rw, i, 0, before->in[0]);
}

/* The shape of a value is that of what an elementwise operator makes it from. */
static mw_status shape(mw_ctx *ctx, mwi_rw *rw, int32_t i, bool *done)
{
    const mwi_op *const before = mwi_rw_producer(rw, rw->ops[i]->in[0]);

    if (before == NULL || before->n_in != 1 || !mwi_rw_is_pure(rw, before) ||
        ((before->desc->traits & MWI_OP_POINTWISE) == 0 && !mwi_op_is(before, "CAST")))
        return MW_OK;
    *done = true;
    return mwi_rw_set_input(ctx, rw, i, 0, before->in[0]);
}

/* ---- CONCATENATION ---- */

static int32_t axis_of(const mwi_rw *rw, const mwi_op *op)
{
    const int32_t axis = mwi_op_get_i32(op, "axis", 0);
    return axis < 0 ? axis + mwi_rw_tensor_of(rw, op->out[0])->rank : axis;
}

/* One that is read here alone, along the same axis, of the same numbers. */
static const mwi_op *inner_list(const mwi_rw *rw, const mwi_op *op, size_t k)
{
    const mwi_op *const inner = op->in[k] < 0 ? NULL : mwi_rw_inner(rw, op->in[k], "CONCATENATION");

    if (inner == NULL || !plain(inner) || axis_of(rw, inner) != axis_of(rw, op)) return NULL;
    if (!mwi_rw_same_type(rw, inner->out[0], op->out[0])) return NULL;
    for (size_t j = 0; j < inner->n_in; j++)
        if (inner->in[j] < 0 || !mwi_rw_same_type(rw, inner->in[j], op->out[0])) return NULL;
    return inner;
}

static mw_status concatenation(mw_ctx *ctx, mwi_rw *rw, int32_t i, bool *done)
{
    const mwi_op *const op = rw->ops[i];
    const int32_t axis = mwi_op_get_i32(op, "axis", 0);
    size_t n = 0;
    void *memory;
    mwi_op *made;

    for (size_t k = 0; k < op->n_in; k++) {
        const mwi_op *const inner = inner_list(rw, op, k);
        n += inner == NULL ? 1 : inner->n_in;
        *done = *done || inner != NULL;
    }
    *done = *done && plain(op);
    if (!*done) return MW_OK;
    MWI_TRY(mwi_arena_array(ctx, rw->arena, n, sizeof(int32_t), &memory));
    int32_t *const in = memory;
    n = 0;
    for (size_t k = 0; k < op->n_in; k++) {
        const mwi_op *const inner = inner_list(rw, op, k);
        for (size_t j = 0; j < (inner == NULL ? 1 : inner->n_in); j++)
            in[n++] = inner == NULL ? op->in[k] : inner->in[j];
    }
    MWI_TRY(mwi_rw_replace_op(ctx, rw, i, "CONCATENATION", in, n, &made));
    mwi_op_set_i32(made, "axis", axis);
    return MW_OK;
}

static const struct {
    const char *name;
    size_t n_in; /* 0: any */
    rewrite_fn rewrite;
} rows[] = {
    {"POW", 2, power},
    {"DIV", 2, quotient},
    {"SUB", 2, difference},
    {"ADD", 2, sum},
    {"NEG", 1, sign},
    {"ABS", 1, sign},
    {"SQUARE", 1, squared},
    {"MUL", 2, product},
    {"CAST", 1, cast},
    {"SHAPE", 1, shape},
    {"CONCATENATION", 0, concatenation},
};

static bool has_all(const mwi_op *op)
{
    for (size_t k = 0; k < op->n_in; k++)
        if (op->in[k] < 0) return false;
    return op->n_in > 0;
}

static mw_status run(mw_ctx *ctx, mwi_rw *rw)
{
    const size_t n = rw->n_ops;

    for (int32_t i = 0; i < (int32_t)n; i++) {
        for (size_t k = 0; k < MWI_COUNT(rows); k++) {
            const mwi_op *const op = rw->ops[i];
            bool done = false;
            if (!mwi_op_is(op, rows[k].name) || op->n_out != 1 || !mwi_rw_is_pure(rw, op)) continue;
            if ((rows[k].n_in != 0 && op->n_in != rows[k].n_in) || !has_all(op)) break;
            MWI_TRY(rows[k].rewrite(ctx, rw, i, &done));
            rw->n_changes += done;
            break;
        }
    }
    return MW_OK;
}

const mwi_pass_desc mwi_pass_cheaper_operators = {
    .name = "cheaper_operators",
    .summary = "replaces operators by cheaper equal ones: powers, divisions, negations, sums, "
               "casts, lists",
    .flags = MWI_PASS_OPTIMIZE,
    .run = run,
};
