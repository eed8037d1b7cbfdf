/* passes/fold_channels.c - see fold_channels.h.
 * Depends: passes/rewriter.  Used by: passes.   SPDX-License-Identifier: Apache-2.0 */
#include "passes/fold_channels.h"

#include <math.h>
#include <string.h>

/* Weights that others read too are copied only up to this size. */
enum { MAX_COPIED_BYTES = 4096 };

/* ---- channels ---- */

mw_status mwi_channels_make(mw_ctx *ctx, mwi_rw *rw, size_t n, mwi_channels *out)
{
    void *s, *o;

    MWI_TRY(mwi_arena_array(ctx, rw->arena, n, sizeof(double), &s));
    MWI_TRY(mwi_arena_array(ctx, rw->arena, n, sizeof(double), &o));
    *out = (mwi_channels){.n = n, .scale = s, .offset = o};
    for (size_t i = 0; i < n; i++) out->scale[i] = 1;
    return MW_OK;
}

bool mwi_channels_settle(mwi_channels *c)
{
    c->scales = c->shifts = false;
    for (size_t i = 0; i < c->n; i++) {
        if (!isfinite(c->scale[i]) || !isfinite(c->offset[i])) return false;
        c->scales = c->scales || c->scale[i] != 1;
        c->shifts = c->shifts || c->offset[i] != 0;
    }
    return true;
}

size_t mwi_channels_in(const mwi_rw *rw, int32_t value)
{
    const mwi_tensor *const t = mwi_rw_tensor_of(rw, value);

    if (!t->has_rank || t->rank < 1 || t->signature[t->rank - 1] < 0) return 0;
    return (size_t)t->dims[t->rank - 1];
}

bool mwi_channels_apply(const mwi_rw *rw, const mwi_op *op, int32_t *out_value, mwi_channels *c)
{
    int32_t value, constant;
    size_t n = 0;

    if (!mwi_rw_with_const(rw, op, &value, &constant)) return false;
    const float *const x = mwi_rw_floats(rw, constant, &n);
    const mwi_tensor *const t = mwi_rw_tensor_of(rw, constant), *const v =
                                                                    mwi_rw_tensor_of(rw, value);
    if (x == NULL || !v->has_rank || t->rank > v->rank || mwi_channels_in(rw, value) != c->n)
        return false;
    if (n != 1 && (n != c->n || t->dims[t->rank - 1] != (int32_t)n)) return false;
    const bool first = op->in[0] == constant; /* constant - x, constant / x */
    const bool add = mwi_op_is(op, "ADD"), sub = mwi_op_is(op, "SUB"), mul = mwi_op_is(op, "MUL");
    if (!add && !sub && !mul && (!mwi_op_is(op, "DIV") || first)) return false;
    for (size_t i = 0; i < c->n; i++) {
        const double k = (double)x[n == 1 ? 0 : i];
        const double scale = add || sub ? (sub && first ? -1 : 1) : mul ? k : 1 / k;
        const double offset = add || (sub && first) ? k : sub ? -k : 0;
        c->scale[i] *= scale;
        c->offset[i] = c->offset[i] * scale + offset;
    }
    *out_value = value;
    return true;
}

/* ---- weights ---- */

/* Product of the dimensions behind an axis. */
static size_t inner_of(const mwi_tensor *t, int32_t axis)
{
    size_t n = 1;
    for (int32_t i = axis + 1; i < t->rank; i++) n *= (size_t)t->dims[i];
    return n;
}

/* The constant float weights of a layer that may be replaced; NULL: none. */
static const float *weights_of(const mwi_rw *rw, const mwi_op *op, const mwi_linear *k, size_t *n)
{
    const int32_t t = (size_t)k->weight < op->n_in ? op->in[k->weight] : -1;

    if (t < 0 || !mwi_rw_is_float(rw, op->in[k->value])) return NULL;
    const float *const w = mwi_rw_floats(rw, t, n);
    if (w == NULL || mwi_rw_tensor_of(rw, t)->rank != k->rank) return NULL;
    if (rw->tensors[t].n_reads > 1 && *n * sizeof(float) > MAX_COPIED_BYTES) return NULL;
    return w;
}

/* Whether the layer's bias can be replaced: absent (*out_bias NULL), or n constant floats. */
static bool bias_of(const mwi_rw *rw, const mwi_op *op, const mwi_linear *k, size_t n,
                    const float **out_bias)
{
    const int32_t t = (size_t)k->bias < op->n_in ? op->in[k->bias] : -1;
    size_t count;

    *out_bias = NULL;
    if (t < 0) return true;
    *out_bias = mwi_rw_floats(rw, t, &count);
    return *out_bias != NULL && count == n;
}

static bool all_finite_floats(const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite((float)x[i])) return false;
    return true;
}

static mw_status set_weights(mw_ctx *ctx, mwi_rw *rw, int32_t layer, const mwi_linear *k,
                             const double *values)
{
    const int32_t old = rw->ops[layer]->in[k->weight];
    const mwi_tensor *const t = mwi_rw_tensor_of(rw, old);
    int32_t made;

    MWI_TRY(mwi_rw_add_floats(ctx, rw, old, "", t->rank, t->dims, values, &made));
    return mwi_rw_set_input(ctx, rw, layer, (size_t)k->weight, made);
}

static mw_status set_bias(mw_ctx *ctx, mwi_rw *rw, int32_t layer, const mwi_linear *k, size_t n,
                          const double *values)
{
    const mwi_op *const op = rw->ops[layer];
    const int32_t old = (size_t)k->bias < op->n_in ? op->in[k->bias] : -1, dim = (int32_t)n;
    int32_t made;

    MWI_TRY(mwi_rw_add_floats(ctx, rw, old >= 0 ? old : op->out[0], old >= 0 ? "" : "_bias", 1,
                              &dim, values, &made));
    return mwi_rw_set_input(ctx, rw, layer, (size_t)k->bias, made);
}

/* ---- the layer before ---- */

/* a * relu(z) + 0 is relu(a * z) for a > 0; nothing else passes an activation. */
static bool passes_activation(const mwi_channels *c, int32_t fused, int32_t activation)
{
    if (fused == MWI_ACT_NONE) return true;
    if (fused != MWI_ACT_RELU || activation != MWI_ACT_NONE || c->shifts) return false;
    for (size_t i = 0; i < c->n; i++)
        if (!(c->scale[i] > 0)) return false;
    return true;
}

/* The layer behind reshapes, each read by the next alone; -1: none. */
static int32_t layer_behind(const mwi_rw *rw, int32_t value, size_t channels)
{
    for (;;) {
        const int32_t p = rw->tensors[value].producer;
        if (p < 0 || !mwi_rw_single(rw, value) || rw->ops[p]->n_out != 1) return -1;
        if ((rw->ops[p]->desc->traits & MWI_OP_VIEW) == 0) return p;
        value = rw->ops[p]->in[0];
        if (value < 0 || mwi_channels_in(rw, value) != channels) return -1;
    }
}

mw_status mwi_fold_into_producer(mw_ctx *ctx, mwi_rw *rw, int32_t value, const mwi_channels *c,
                                 int32_t activation, bool *out_done)
{
    const int32_t layer = layer_behind(rw, value, c->n);
    if (layer < 0) {
        *out_done = false;
        return MW_OK;
    }
    mwi_op *const op = rw->ops[layer];
    const mwi_linear *const k = op->desc->linear;
    const int32_t fused = mwi_op_activation(op);
    const float *bias, *w = NULL;
    size_t n = 0;
    void *memory;

    *out_done = false;
    if (activation != MWI_ACT_NONE && (op->desc->traits & MWI_OP_FUSES_ACT) == 0) return MW_OK;
    if (k == NULL || !mwi_rw_is_float(rw, op->out[0]) || mwi_channels_in(rw, op->out[0]) != c->n)
        return MW_OK;
    if ((size_t)k->weight >= op->n_in || op->in[k->weight] < 0) return MW_OK;
    if (!passes_activation(c, fused, activation) || !bias_of(rw, op, k, c->n, &bias)) return MW_OK;
    const mwi_tensor *const wt = mwi_rw_tensor_of(rw, op->in[k->weight]);
    if (c->scales) {
        w = weights_of(rw, op, k, &n);
        if (w == NULL || (size_t)wt->dims[k->out_axis] != c->n) return MW_OK;
    }
    MWI_TRY(mwi_arena_array(ctx, rw->arena, n + c->n, sizeof(double), &memory));
    double *const values = memory, *const sums = values + n;
    const size_t inner = inner_of(wt, k->out_axis);
    MWI_ASSERT(n == 0 || (inner > 0 && c->n > 0));
    for (size_t i = 0; i < n; i++) values[i] = (double)w[i] * c->scale[i / inner % c->n];
    for (size_t i = 0; i < c->n; i++)
        sums[i] = (bias == NULL ? 0 : (double)bias[i]) * c->scale[i] + c->offset[i];
    if (!all_finite_floats(values, n) || !all_finite_floats(sums, c->n)) return MW_OK;
    if (c->scales) MWI_TRY(set_weights(ctx, rw, layer, k, values));
    if (bias != NULL || c->shifts) MWI_TRY(set_bias(ctx, rw, layer, k, c->n, sums));
    if (fused == MWI_ACT_NONE) mwi_op_set_i32(op, "fused_activation_function", activation);
    *out_done = true;
    return MW_OK;
}

/* ---- the layer after ---- */

/* Whether the layer reads nothing but its input: padding would have to be shifted too. */
static bool never_pads(const mwi_rw *rw, const mwi_op *op, const mwi_linear *k)
{
    const mwi_tensor *const w = mwi_rw_tensor_of(rw, op->in[k->weight]);
    const mwi_windows *const windows = op->desc->windows;

    if (windows == NULL) return true;
    if (k->transposed) return false;
    if (mwi_op_get_i32(op, "padding", MWI_PADDING_SAME) == MWI_PADDING_VALID) return true;
    for (int32_t i = 0; i < windows->n; i++)
        if (w->dims[windows->weight_axis[i]] != 1) return false;
    return true;
}

/* How weights' elements find their input channel and output unit. */
typedef struct taps {
    size_t n, n_out, channels;
    size_t inner_out, inner_in, in_dim; /* strides of the axes; size of the input axis */
    size_t per_group, multiplier;       /* outputs a group; 0: not depthwise */
} taps;

static size_t channel_at(const taps *t, size_t i, size_t *out_unit)
{
    const size_t o = i / t->inner_out % t->n_out, in = i / t->inner_in % t->in_dim;

    *out_unit = o;
    if (t->multiplier > 0) return o / t->multiplier;
    return (o / t->per_group * t->in_dim + in) % t->channels;
}

static bool taps_of(const mwi_rw *rw, const mwi_op *op, const mwi_linear *k, size_t channels,
                    size_t n, taps *out)
{
    const mwi_tensor *const w = mwi_rw_tensor_of(rw, op->in[k->weight]);
    const size_t n_out = (size_t)w->dims[k->out_axis], in_dim = (size_t)w->dims[k->in_axis];

    *out = (taps){.n = n,
                  .n_out = n_out,
                  .channels = channels,
                  .inner_out = inner_of(w, k->out_axis),
                  .inner_in = inner_of(w, k->in_axis),
                  .in_dim = in_dim,
                  .per_group = n_out};
    if (n_out == 0 || in_dim == 0 || channels == 0) return false;
    if (k->flattens) return in_dim % channels == 0; /* channels repeat along a flat input */
    if (mwi_channels_in(rw, op->in[k->value]) != channels) return false;
    if (k->depthwise) {
        out->multiplier = n_out / channels;
        return n_out % channels == 0;
    }
    if (channels % in_dim != 0 || n_out % (channels / in_dim) != 0) return false;
    out->per_group = n_out / (channels / in_dim);
    return in_dim == channels || k->grouped;
}

/* The layer that alone reads the value; through operators that only reshape when it flattens
 * anyway. */
static int32_t reader_of(const mwi_rw *rw, int32_t value)
{
    int32_t reader = mwi_rw_only_reader(rw, value);
    bool reshaped = false;

    while (reader >= 0 && rw->ops[reader]->n_out == 1 &&
           (rw->ops[reader]->desc->traits & MWI_OP_VIEW) != 0 && rw->ops[reader]->in[0] == value) {
        value = rw->ops[reader]->out[0];
        reader = mwi_rw_only_reader(rw, value);
        reshaped = true;
    }
    const mwi_linear *const k = reader < 0 ? NULL : rw->ops[reader]->desc->linear;
    if (k == NULL || (reshaped && !k->flattens)) return -1;
    return rw->ops[reader]->in[k->value] == value ? reader : -1;
}

mw_status mwi_fold_into_reader(mw_ctx *ctx, mwi_rw *rw, int32_t value, const mwi_channels *c,
                               bool *out_done)
{
    const int32_t layer = reader_of(rw, value);
    const float *bias = NULL;
    size_t n = 0, unit;
    void *memory;
    taps t;

    *out_done = false;
    if (layer < 0 || !mwi_rw_is_float(rw, rw->ops[layer]->out[0])) return MW_OK;
    const mwi_op *const op = rw->ops[layer];
    const mwi_linear *const k = op->desc->linear;
    const float *const w = weights_of(rw, op, k, &n);
    if (w == NULL || !taps_of(rw, op, k, c->n, n, &t)) return MW_OK;
    if (c->shifts && (!never_pads(rw, op, k) || !bias_of(rw, op, k, t.n_out, &bias))) return MW_OK;
    MWI_TRY(mwi_arena_array(ctx, rw->arena, n + t.n_out, sizeof(double), &memory));
    double *const values = memory, *const sums = values + n;
    for (size_t i = 0; i < t.n_out && bias != NULL; i++) sums[i] = (double)bias[i];
    for (size_t i = 0; i < n; i++) {
        const size_t channel = channel_at(&t, i, &unit);
        values[i] = (double)w[i] * c->scale[channel];
        sums[unit] += (double)w[i] * c->offset[channel];
    }
    if (!all_finite_floats(values, n) || !all_finite_floats(sums, t.n_out)) return MW_OK;
    if (c->scales) MWI_TRY(set_weights(ctx, rw, layer, k, values));
    if (c->shifts) MWI_TRY(set_bias(ctx, rw, layer, k, t.n_out, sums));
    *out_done = true;
    return mwi_rw_renew_behind(ctx, rw, value, rw->ops[layer]->in[k->value]);
}
