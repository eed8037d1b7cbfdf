/* passes/recognize_activations.c - a function of one value that is written out in elementwise
 * operators and scalars becomes the operator that computes it. What is recognised is the function,
 * not how it was written: the written-out operators are run on a grid of numbers, dense where
 * activations bend, and so is each operator that they might be. Covers hard-swish, GELU (both
 * forms), LEAKY_RELU, ELU, LOGISTIC, TANH, the RELU family and ABS in all shapes that converters
 * write.
 * Depends: passes/pass.  Used by: the list of passes only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "passes/pass.h"

#include <math.h>

enum {
    MAX_NODES = 24, /* operators of one function */
    MAX_POINTS = 4096,
    FEW_POINTS = 64, /* tried first */
};
/* Of the largest of 1, |x| and |f(x)|: some roundings of float32. Forms that differ on purpose (the
 * two GELUs) are further apart by three orders. */
static const double tolerance = 1e-6;

/* ---- the written-out function ---- */

typedef struct function {
    int32_t nodes[MAX_NODES]; /* operators, each after what it reads; the last makes the result */
    size_t n;
    int32_t argument;
} function;

static bool is_scalar_const(const mwi_rw *rw, int32_t t)
{
    float v;
    return mwi_rw_scalar(rw, t, &v);
}

/* Computes each element from those in the same place, as far as types and shapes say. */
static bool is_elementwise(const mwi_rw *rw, const mwi_op *op)
{
    if (op == NULL || op->n_out != 1 || !mwi_rw_is_pure(rw, op)) return false;
    const mw_dtype out = mwi_rw_tensor_of(rw, op->out[0])->dtype;
    if (out != MW_FLOAT32 && out != MW_BOOL) return false;
    for (size_t k = 0; k < op->n_in; k++)
        if (op->in[k] < 0) return false;
    return (op->desc->traits & (MWI_OP_POINTWISE | MWI_OP_BINARY_BROADCAST)) != 0 ||
           mwi_op_is(op, "PRELU") || mwi_op_is(op, "SELECT") || mwi_op_is(op, "SELECT_V2");
}

static bool contains(const function *f, int32_t op)
{
    for (size_t i = 0; i < f->n; i++)
        if (f->nodes[i] == op) return true;
    return false;
}

/* Adds the operators that compute t from f->argument; false: something else comes in. */
static bool collect(const mwi_rw *rw, function *f, int32_t t, int32_t depth)
{
    const int32_t p = t < 0 ? -1 : rw->tensors[t].producer;

    if (t == f->argument || is_scalar_const(rw, t)) return true;
    if (p < 0 || depth > MAX_NODES || !is_elementwise(rw, rw->ops[p])) return false;
    if (contains(f, p)) return true;
    if (!mwi_rw_same_shape(rw, t, f->argument)) return false;
    for (size_t k = 0; k < rw->ops[p]->n_in; k++)
        if (!collect(rw, f, rw->ops[p]->in[k], depth + 1)) return false;
    if (f->n == MAX_NODES || contains(f, p)) return f->n < MAX_NODES;
    f->nodes[f->n++] = p;
    return true;
}

/* All but the result are read within the function: then they go with it. */
static bool is_closed(const mwi_rw *rw, const function *f)
{
    for (size_t i = 0; i + 1 < f->n; i++) {
        const int32_t t = rw->ops[f->nodes[i]]->out[0];
        if (rw->tensors[t].is_output) return false;
        for (int32_t u = rw->tensors[t].first; u >= 0; u = rw->uses[u].next)
            if (!contains(f, rw->uses[u].op)) return false;
    }
    return true;
}

/* Values from which the result might be computed, the farthest first. */
static size_t arguments_of(const mwi_rw *rw, int32_t root, int32_t *out)
{
    int32_t queue[MAX_NODES] = {root};
    size_t n = 0, n_queue = 1;

    for (size_t i = 0; i < n_queue; i++) {
        const mwi_op *const op = rw->ops[queue[i]];
        for (size_t k = 0; k < op->n_in; k++) {
            const int32_t t = op->in[k], p = rw->tensors[t].producer;
            bool seen = is_scalar_const(rw, t) || !mwi_rw_is_float(rw, t);
            for (size_t j = 0; j < n; j++) seen = seen || out[j] == t;
            if (!seen && n < 2 * MAX_NODES) out[n++] = t;
            seen = p < 0 || !is_elementwise(rw, rw->ops[p]);
            for (size_t j = 0; j < n_queue; j++) seen = seen || queue[j] == p;
            if (!seen && n_queue < MAX_NODES) queue[n_queue++] = p;
        }
    }
    for (size_t i = 0; i < n / 2; i++) {
        const int32_t t = out[i];
        out[i] = out[n - 1 - i];
        out[n - 1 - i] = t;
    }
    return n;
}

/* ---- the grid ---- */

typedef struct grid {
    size_t n;
    float *x;
} grid;

static void add_point(grid *g, double x)
{
    if (g->n < MAX_POINTS && isfinite(x)) g->x[g->n++] = (float)x;
}

/* Spread numbers first, so that the first few tell most functions apart. */
static mw_status make_grid(mw_ctx *ctx, mwi_rw *rw, const function *f, grid *out)
{
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, rw->arena, MAX_POINTS, sizeof(float), &memory));
    *out = (grid){0, memory};
    add_point(out, 0);
    for (int i = 0; i < FEW_POINTS - 1; i++)
        add_point(out, -8 + 16.0 * (i * 29 % 63) / 62.0 + 0.01);
    for (size_t i = 0; i < f->n; i++) { /* where a scalar might make it bend */
        const mwi_op *const op = rw->ops[f->nodes[i]];
        for (size_t k = 0; k < op->n_in; k++) {
            float c;
            if (!mwi_rw_scalar(rw, op->in[k], &c)) continue;
            for (int s = -1; s <= 1; s += 2)
                for (int d = -1; d <= 1; d++) add_point(out, s * (double)c * (1 + d * 1e-3));
            if (c != 0) add_point(out, 1 / (double)c);
        }
    }
    for (int i = -768; i <= 768; i++) add_point(out, i / 64.0);
    for (int e = -16; e <= 24; e++) /* 1e-4 to 1e6 */
        for (int s = -1; s <= 1; s += 2) add_point(out, s * pow(10, e / 4.0));
    return MW_OK;
}

/* ---- running ---- */

/* One operator on vectors of n numbers; `in` are views of the operands. */
static mw_status run_op(mw_ctx *ctx, mwi_rw *rw, const mwi_op *op, const mwi_view *in, size_t n_in,
                        mw_dtype out_type, size_t n, mwi_view *out)
{
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, rw->arena, 1, sizeof(mwi_tensor), &memory));
    mwi_tensor *const t = memory;
    *t = (mwi_tensor){.name = "",
                      .dtype = out_type,
                      .has_rank = true,
                      .rank = 1,
                      .dims = {(int32_t)n},
                      .signature = {(int32_t)n},
                      .source = -1};
    mwi_view_of(t, out);
    mwi_shape_call call = {
        .op = op, .attr = op->attr, .n_in = n_in, .n_out = 1, .in = in, .out = out};
    return mwi_op_eval(ctx, &call, rw->arena);
}

/* A vector as an operand: a tensor and a view of it. */
static mw_status vector(mw_ctx *ctx, mwi_rw *rw, const float *x, size_t n, mwi_view *out)
{
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, rw->arena, 1, sizeof(mwi_tensor), &memory));
    mwi_tensor *const t = memory;
    *t = (mwi_tensor){.name = "",
                      .dtype = MW_FLOAT32,
                      .has_rank = true,
                      .rank = 1,
                      .dims = {(int32_t)n},
                      .signature = {(int32_t)n},
                      .data = x,
                      .bytes = n * sizeof(float),
                      .source = -1};
    mwi_view_of(t, out);
    return MW_OK;
}

/* The function on the first n points. MW_EUNSUPPORTED: an operator does not run on vectors. */
static mw_status run_function(mw_ctx *ctx, mwi_rw *rw, const function *f, const grid *g, size_t n,
                              const float **out)
{
    mwi_view values[MAX_NODES], argument, in[3];

    MWI_TRY(vector(ctx, rw, g->x, n, &argument));
    for (size_t i = 0; i < f->n; i++) {
        const mwi_op *const op = rw->ops[f->nodes[i]];
        if (op->n_in > MWI_COUNT(in)) return MW_EUNSUPPORTED;
        for (size_t k = 0; k < op->n_in; k++) {
            const int32_t t = op->in[k];
            size_t from = 0;
            while (from < i && rw->ops[f->nodes[from]]->out[0] != t) from++;
            size_t count;
            if (t == f->argument)
                in[k] = argument;
            else if (from < i)
                in[k] = values[from];
            else
                MWI_TRY(vector(ctx, rw, mwi_rw_floats(rw, t, &count), 1, &in[k]));
        }
        MWI_TRY(run_op(ctx, rw, op, in, op->n_in, mwi_rw_tensor_of(rw, op->out[0])->dtype, n,
                       &values[i]));
    }
    *out = values[f->n - 1].data;
    return MW_OK;
}

/* ---- what it might be ---- */

typedef struct candidate {
    const char *name;
    bool approximate; /* GELU's attribute */
    bool leaky;       /* LEAKY_RELU: alpha is -f(-1) */
} candidate;
static const candidate candidates[] = {
    {"RELU", false, false},        {"RELU6", false, false}, {"RELU_N1_TO_1", false, false},
    {"RELU_0_TO_1", false, false}, {"ABS", false, false},   {"LEAKY_RELU", false, true},
    {"LOGISTIC", false, false},    {"TANH", false, false},  {"HARD_SWISH", false, false},
    {"GELU", false, false},        {"GELU", true, false},   {"ELU", false, false},
};

static void set_attributes(mwi_op *op, const candidate *c, float alpha)
{
    mwi_op_set_bool(op, "approximate", c->approximate);
    if (c->leaky) mwi_op_set_f32(op, "alpha", alpha);
}

/* A stand-in for the operator, to run and to compare. */
static mw_status make_candidate(mw_ctx *ctx, mwi_rw *rw, const candidate *c, float alpha,
                                mwi_op **out)
{
    const mwi_op_desc *const desc = mwi_op_by_name(c->name);
    void *memory;

    *out = NULL;
    if (desc == NULL) return MW_OK;
    MWI_TRY(mwi_arena_array(ctx, rw->arena, 1, sizeof(mwi_op), &memory));
    mwi_op *const op = memory;
    *op = (mwi_op){.desc = desc, .code = desc->tflite_code, .n_in = 1, .n_out = 1};
    MWI_TRY(mwi_arena_array(ctx, rw->arena, 1, desc->attr_size, &op->attr));
    mwi_attr_defaults(desc, op->attr);
    set_attributes(op, c, alpha);
    *out = op;
    return MW_OK;
}

static bool agree(const float *x, const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const double size = fmax(1, fmax(fabs((double)x[i]), fabs((double)b[i])));
        if (!(fabs((double)a[i] - (double)b[i]) <= tolerance * size)) return false;
    }
    return true;
}

/* f(-1) as the function gives it: 0 where the grid has no -1. */
static float at_minus_one(const grid *g, const float *y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (g->x[i] == -1) return y[i];
    return 0;
}

/* Whether the operator gives y on the first n points. */
static mw_status fits(mw_ctx *ctx, mwi_rw *rw, const mwi_op *op, const grid *g, const float *y,
                      size_t n, bool *out)
{
    mwi_view argument, result;

    MWI_TRY(vector(ctx, rw, g->x, n, &argument));
    MWI_TRY(run_op(ctx, rw, op, &argument, 1, MW_FLOAT32, n, &result));
    *out = agree(g->x, y, result.data, n);
    return MW_OK;
}

/* The operator that is the function; candidate NULL: none. */
typedef struct match {
    const candidate *candidate;
    float alpha;
} match;

static mw_status try_all(mw_ctx *ctx, mwi_rw *rw, const function *f, match *out)
{
    const float *few, *all = NULL;
    grid g;

    MWI_TRY(make_grid(ctx, rw, f, &g));
    g.x[1] = -1; /* among the few, for alpha */
    MWI_TRY(run_function(ctx, rw, f, &g, FEW_POINTS, &few));
    const float alpha = -at_minus_one(&g, few, FEW_POINTS);
    for (size_t i = 0; i < MWI_COUNT(candidates); i++) {
        bool good = false;
        mwi_op *op;
        if (candidates[i].leaky && (alpha == 0 || alpha == 1 || !isfinite(alpha))) continue;
        MWI_TRY(make_candidate(ctx, rw, &candidates[i], alpha, &op));
        if (op == NULL) continue;
        MWI_TRY(fits(ctx, rw, op, &g, few, FEW_POINTS, &good));
        if (!good) continue;
        if (all == NULL) MWI_TRY(run_function(ctx, rw, f, &g, g.n, &all));
        MWI_TRY(fits(ctx, rw, op, &g, all, g.n, &good));
        if (!good) continue;
        *out = (match){&candidates[i], alpha};
        return MW_OK;
    }
    return MW_OK;
}

/* In memory of its own, since there may be many tries. */
static mw_status identify(mw_ctx *ctx, mwi_rw *rw, const function *f, match *out)
{
    mwi_arena *const kept = rw->arena;
    mwi_arena arena;

    *out = (match){NULL, 0};
    mwi_arena_init(ctx, &arena);
    rw->arena = &arena;
    const mw_status st = try_all(ctx, rw, f, out);
    rw->arena = kept;
    mwi_arena_deinit(&arena);
    return st;
}

/* One operator alone is recognised only where it is a clamp or a choice. */
static bool is_worth(const mwi_rw *rw, const function *f)
{
    const mwi_op *const op = rw->ops[f->nodes[f->n - 1]];

    return f->n > 1 || mwi_op_is(op, "MAXIMUM") || mwi_op_is(op, "MINIMUM") ||
           mwi_op_is(op, "PRELU");
}

/* A fused activation is part of the function, and of no operator that it might become. */
static mw_status recognize(mw_ctx *ctx, mwi_rw *rw, int32_t root)
{
    int32_t arguments[2 * MAX_NODES];
    const int32_t out = rw->ops[root]->out[0];
    const size_t n = arguments_of(rw, root, arguments);
    mwi_error error;

    for (size_t i = 0; i < n; i++) {
        function f = {.argument = arguments[i]};
        match found;
        mwi_op *made;
        if (mwi_rw_is_const(rw, f.argument) || !mwi_rw_same_shape(rw, f.argument, out)) continue;
        if (!collect(rw, &f, out, 0) || f.n == 0 || !is_worth(rw, &f) || !is_closed(rw, &f))
            continue;
        mwi_error_save(ctx, &error);
        const mw_status st = identify(ctx, rw, &f, &found);
        if (st == MW_ENOMEM || st == MW_ELIMIT || st == MW_ECANCELLED) return st;
        mwi_error_restore(ctx, &error); /* what does not run on vectors stays as it is */
        if (st != MW_OK || found.candidate == NULL) continue;
        MWI_TRY(mwi_rw_replace_op(ctx, rw, root, found.candidate->name, &f.argument, 1, &made));
        set_attributes(made, found.candidate, found.alpha);
        for (size_t k = f.n - 1; k-- > 0;) mwi_rw_remove(rw, f.nodes[k]);
        rw->n_changes++;
        return MW_OK;
    }
    return MW_OK;
}

/* The last operator of a chain may be the end of a function that its inputs are not. */
static mw_status run(mw_ctx *ctx, mwi_rw *rw)
{
    for (int32_t i = (int32_t)rw->n_ops; i-- > 0;) {
        const mwi_op *const op = rw->ops[i];
        if (!is_elementwise(rw, op) || !mwi_rw_is_float(rw, op->out[0])) continue;
        MWI_TRY(recognize(ctx, rw, i));
    }
    return MW_OK;
}

const mwi_pass_desc mwi_pass_recognize_activations = {
    .name = "recognize_activations",
    .summary =
        "makes activations that are written out (hard-swish, GELU, leaky RELU, ...) one operator",
    .flags = MWI_PASS_OPTIMIZE,
    .run = run,
};
