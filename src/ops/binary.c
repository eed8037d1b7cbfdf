/* ops/binary.c - see binary.h.
 * Depends: ops/fixed, ops/shapes.  Used by: elementwise operators.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/binary.h"

#include <math.h>
#include <string.h>

/* Merged dimensions, the last one walked by the row function. */
typedef struct walk {
    int32_t rank;
    size_t dims[MW_MAX_RANK], step_a[MW_MAX_RANK], step_b[MW_MAX_RANK];
} walk;

static size_t stride_of(const mwi_view *v, int32_t rank, int32_t axis)
{
    const int32_t k = axis - (rank - v->rank);
    size_t stride = 1;

    if (k < 0 || v->dims[k] == 1) return 0;
    for (int32_t i = k + 1; i < v->rank; i++) stride *= (size_t)v->dims[i];
    return stride;
}

static void plan_walk(const mwi_run_call *call, walk *w)
{
    const mwi_view *const out = &call->out[0];

    w->rank = 0;
    for (int32_t i = 0; i < out->rank; i++) {
        const size_t d = (size_t)out->dims[i];
        const size_t a = stride_of(&call->in[0], out->rank, i),
                     b = stride_of(&call->in[1], out->rank, i);
        const int32_t last = w->rank - 1;
        if (d == 1) continue;
        if (last >= 0 && w->step_a[last] == a * d && w->step_b[last] == b * d) {
            w->dims[last] *= d;
            w->step_a[last] = a;
            w->step_b[last] = b;
            continue;
        }
        w->dims[w->rank] = d;
        w->step_a[w->rank] = a;
        w->step_b[w->rank] = b;
        w->rank++;
    }
    if (w->rank > 0) return;
    *w = (walk){.rank = 1, .dims = {1}};
}

typedef struct task {
    const mwi_run_call *call;
    mwi_binary_row row;
    walk w;
    size_t bytes_a, bytes_b, bytes_out;
} task;

static void run_row(const task *t, size_t a, size_t b, size_t out, size_t n)
{
    const int32_t last = t->w.rank - 1;

    t->row(t->call->state, (const char *)t->call->in[0].data + a * t->bytes_a, t->w.step_a[last],
           (const char *)t->call->in[1].data + b * t->bytes_b, t->w.step_b[last],
           (char *)t->call->out[0].data + out * t->bytes_out, n);
}

/* Outputs [begin, end) of a walk along which both inputs step alike, or one not at all. */
static void flat(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const task *const t = arg;

    (void)thread;
    run_row(t, begin * t->w.step_a[0], begin * t->w.step_b[0], begin, end - begin);
}

/* Rows [begin, end) of the last dimension, counted over the outer ones. */
static void nested(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const task *const t = arg;
    const walk *const w = &t->w;
    const int32_t last = w->rank - 1;
    size_t at[MW_MAX_RANK] = {0}, a = 0, b = 0, rest = begin;

    (void)thread;
    for (int32_t k = last - 1; k >= 0; k--) {
        at[k] = rest % w->dims[k];
        rest /= w->dims[k];
        a += at[k] * w->step_a[k];
        b += at[k] * w->step_b[k];
    }
    for (size_t i = begin; i < end; i++) {
        run_row(t, a, b, i * w->dims[last], w->dims[last]);
        for (int32_t k = last - 1; k >= 0; k--) {
            a += w->step_a[k];
            b += w->step_b[k];
            if (++at[k] < w->dims[k]) break;
            a -= w->step_a[k] * w->dims[k];
            b -= w->step_b[k] * w->dims[k];
            at[k] = 0;
        }
    }
}

void mwi_binary_run(const mwi_run_call *call, mwi_binary_row row)
{
    enum { GRAIN = 16384 }; /* outputs a piece */
    task t = {.call = call,
              .row = row,
              .bytes_a = mw_dtype_bits(call->in[0].dtype) / 8,
              .bytes_b = mw_dtype_bits(call->in[1].dtype) / 8,
              .bytes_out = mw_dtype_bits(call->out[0].dtype) / 8};

    if (call->out[0].bytes == 0) return;
    plan_walk(call, &t.w);
    const size_t last = t.w.dims[t.w.rank - 1], rows = mwi_view_count(&call->out[0]) / last;
    if (t.w.rank == 1)
        mwi_par_for(call->pool, last, GRAIN, flat, &t);
    else
        mwi_par_for(call->pool, rows, last >= GRAIN ? 1 : GRAIN / last, nested, &t);
}

bool mwi_broadcasts(const mwi_shape_call *call)
{
    const mwi_view *const a = &call->in[0], *const b = &call->in[1];
    return a->rank != b->rank || memcmp(a->dims, b->dims, (size_t)a->rank * sizeof *a->dims) != 0;
}

mw_status mwi_binary_no_zero(mw_ctx *ctx, const mwi_run_call *call, int64_t zero)
{
    const mwi_view *const b = &call->in[1];
    const size_t n = call->out[0].bytes == 0 ? 0 : mwi_view_count(b);
    bool found = false;

    switch (b->dtype) {
    case MW_INT8:
        for (size_t i = 0; i < n; i++) found |= ((const int8_t *)b->data)[i] == zero;
        break;
    case MW_UINT8:
        for (size_t i = 0; i < n; i++) found |= ((const uint8_t *)b->data)[i] == zero;
        break;
    case MW_INT16:
        for (size_t i = 0; i < n; i++) found |= ((const int16_t *)b->data)[i] == zero;
        break;
    case MW_INT32:
        for (size_t i = 0; i < n; i++) found |= ((const int32_t *)b->data)[i] == zero;
        break;
    case MW_INT64:
        for (size_t i = 0; i < n; i++) found |= ((const int64_t *)b->data)[i] == zero;
        break;
    case MW_FLOAT32:
        for (size_t i = 0; i < n; i++) found |= ((const float *)b->data)[i] == 0;
        break;
    default: break;
    }
    return found ? mwi_fail(ctx, MW_EINVAL, "division by zero: input 1 holds %lld", (long long)zero)
                 : MW_OK;
}

/* ---- preparation ---- */

static mw_status make(mw_ctx *ctx, mwi_prepare_call *call, mwi_arith **out)
{
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(mwi_arith), &memory));
    call->state = *out = memory;
    return MW_OK;
}

mw_status mwi_arith_prepare_plain(mw_ctx *ctx, mwi_prepare_call *call, int32_t activation)
{
    mwi_arith *s;

    MWI_TRY(make(ctx, call, &s));
    s->plain = true;
    MWI_TRY(mwi_act_range_f32(ctx, activation, &s->low_f, &s->high_f));
    s->low_i = isinf(s->low_f) ? INT64_MIN : (int64_t)s->low_f;
    s->high_i = isinf(s->high_f) ? INT64_MAX : (int64_t)s->high_f;
    return MW_OK;
}

static bool power_of_two(float scale, int32_t *exponent)
{
    const double log2_scale = (double)log2f(scale);
    *exponent = (int32_t)round(log2_scale);
    return fabs(log2_scale - *exponent) < 1e-3;
}

static mw_status prepare_shifts(mw_ctx *ctx, mwi_arith *s, int32_t a, int32_t b, int32_t out)
{
    s->powers_of_two = true;
    s->shift_a = out - a;
    s->shift_b = out - b;
    if (s->shift_a < 0 || s->shift_b < 0 || (s->shift_a != 0 && s->shift_b != 0) ||
        s->shift_a > 31 || s->shift_b > 31)
        return mwi_fail(ctx, MW_EUNSUPPORTED, "scales 2^%d and 2^%d for an output of 2^%d", a, b,
                        out);
    return MW_OK;
}

/* Every 8-bit input on the scale that both share. */
static mw_status scale_all(mw_ctx *ctx, mwi_prepare_call *call, const mwi_view *in,
                           mwi_multiplier m, int32_t zero, int32_t left_shift, const int32_t **out)
{
    int32_t low, high;
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, call->arena, 256, sizeof(int32_t), &memory));
    int32_t *const table = memory;
    mwi_type_range(in->dtype, &low, &high);
    for (int32_t v = low; v <= high; v++)
        table[(uint8_t)v] = mwi_scale((int32_t)((uint32_t)(v - zero) << left_shift), m);
    *out = table;
    return MW_OK;
}

mw_status mwi_arith_prepare_sum(mw_ctx *ctx, mwi_prepare_call *call, int32_t activation, bool pot)
{
    float scale_a, scale_b, scale_out;
    int32_t log_a, log_b, log_out;
    mwi_arith *s;

    MWI_TRY(make(ctx, call, &s));
    MWI_TRY(mwi_need_quant(ctx, &call->in[0], "first input", &scale_a, &s->zero_a));
    MWI_TRY(mwi_need_quant(ctx, &call->in[1], "second input", &scale_b, &s->zero_b));
    MWI_TRY(mwi_need_quant(ctx, &call->out[0], "output", &scale_out, &s->zero_out));
    MWI_TRY(mwi_act_range(ctx, activation, &call->out[0], &s->low, &s->high));
    const bool wide = call->out[0].dtype == MW_INT16;
    if (wide && (s->zero_a != 0 || s->zero_b != 0 || s->zero_out != 0))
        return mwi_fail(ctx, MW_EFORMAT, "int16 values need zero point 0");
    if (wide && pot && power_of_two(scale_a, &log_a) && power_of_two(scale_b, &log_b) &&
        power_of_two(scale_out, &log_out))
        return prepare_shifts(ctx, s, log_a, log_b, log_out);
    s->left_shift = wide ? 15 : 20;
    const double twice = (double)(2 * (scale_a > scale_b ? scale_a : scale_b));
    s->a = mwi_multiplier_of((double)scale_a / twice);
    s->b = mwi_multiplier_of((double)scale_b / twice);
    s->out = mwi_multiplier_of(twice / (double)((float)(1 << s->left_shift) * scale_out));
    if (wide) return MW_OK;
    MWI_TRY(scale_all(ctx, call, &call->in[0], s->a, s->zero_a, s->left_shift, &s->scaled_a));
    return scale_all(ctx, call, &call->in[1], s->b, s->zero_b, s->left_shift, &s->scaled_b);
}

mw_status mwi_arith_prepare_product(mw_ctx *ctx, mwi_prepare_call *call, int32_t activation)
{
    float scale_a, scale_b, scale_out;
    mwi_arith *s;

    if (mwi_arith_is_plain16(&call->in[0])) return mwi_arith_prepare_plain(ctx, call, activation);
    MWI_TRY(make(ctx, call, &s));
    MWI_TRY(mwi_need_quant(ctx, &call->in[0], "first input", &scale_a, &s->zero_a));
    MWI_TRY(mwi_need_quant(ctx, &call->in[1], "second input", &scale_b, &s->zero_b));
    MWI_TRY(mwi_need_quant(ctx, &call->out[0], "output", &scale_out, &s->zero_out));
    MWI_TRY(mwi_act_range(ctx, activation, &call->out[0], &s->low, &s->high));
    if (call->out[0].dtype == MW_INT16 && (s->zero_a != 0 || s->zero_b != 0 || s->zero_out != 0))
        return mwi_fail(ctx, MW_EFORMAT, "int16 values need zero point 0");
    s->out = mwi_multiplier_of((double)(scale_a * scale_b / scale_out));
    return MW_OK;
}
