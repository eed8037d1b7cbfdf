/* evaluate/evaluate.c - mw_evaluate: accuracy on a data set, alone and against another model.
 * Streams: memory is a batch, a score a sample for the AUC, and the latencies.
 * Depends: runtime/, data through milliwatt/data.h.  Used by: programs, compress.
 * SPDX-License-Identifier: Apache-2.0 */
#include <milliwatt/evaluate.h>
#include <milliwatt/session.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/half.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One of the two models. */
typedef struct side {
    const mw_model *model;
    mw_session *session;
    size_t n_in, n_out;
    mw_tensor_info *in, *out;
    size_t *in_bytes, *out_values; /* of a sample */
    void **in_data, **out_data;    /* of a batch */
    double **values;               /* outputs as real numbers */
} side;

typedef struct scored {
    double score, label;
} scored;

typedef struct evaluator {
    mw_ctx *ctx;
    mwi_arena arena;
    const mw_evaluate_options *o;
    mw_dataset *data;
    side a, b;
    size_t batch;
    size_t label_size;
    bool classes; /* labels are class numbers */
    double *labels;
    double *input;  /* of a batch, for autoencoders */
    scored *scores;
    double *us;
    size_t n_us;
    uint64_t n, right, right5, agree;
    double squared_error, n_errors, signal, noise;
    mw_evaluation *out;
} evaluator;

static size_t values_of(const mw_tensor_info *t)
{
    size_t n = 1;
    for (int32_t i = 1; i < t->rank; i++) n *= (size_t)t->dims[i];
    return n;
}

static mw_status open_side(evaluator *e, const mw_model *model, side *s)
{
    const mw_session_options options = {.n_threads = e->o->n_threads};
    void *p;

    s->model = model;
    s->n_in = mw_model_n_inputs(model);
    s->n_out = mw_model_n_outputs(model);
    MWI_TRY(mw_session_create(e->ctx, model, &options, &s->session));
    MWI_TRY(mwi_arena_array(e->ctx, &e->arena, s->n_in + s->n_out, sizeof *s->in, &p));
    s->in = p;
    s->out = s->in + s->n_in;
    MWI_TRY(mwi_arena_array(e->ctx, &e->arena, s->n_in + s->n_out, sizeof(size_t), &p));
    s->in_bytes = p;
    s->out_values = s->in_bytes + s->n_in;
    MWI_TRY(mwi_arena_array(e->ctx, &e->arena, s->n_in + 2 * s->n_out, sizeof(void *), &p));
    s->in_data = p;
    s->out_data = s->in_data + s->n_in;
    MWI_TRY(mwi_arena_array(e->ctx, &e->arena, s->n_out, sizeof(double *), &p));
    s->values = p;
    for (size_t i = 0; i < s->n_in; i++) {
        MWI_TRY(mw_model_input(e->ctx, model, i, &s->in[i]));
        s->in_bytes[i] = values_of(&s->in[i]) * (mw_dtype_bits(s->in[i].dtype) / 8);
        MWI_TRY(mwi_arena_array(e->ctx, &e->arena, e->batch, s->in_bytes[i], &s->in_data[i]));
    }
    for (size_t i = 0; i < s->n_out; i++) {
        MWI_TRY(mw_model_output(e->ctx, model, i, &s->out[i]));
        s->out_values[i] = values_of(&s->out[i]);
        MWI_TRY(mwi_arena_array(e->ctx, &e->arena, e->batch * s->out_values[i], 8, &s->out_data[i]));
        MWI_TRY(mwi_arena_array(e->ctx, &e->arena, e->batch * s->out_values[i], sizeof(double), &p));
        s->values[i] = p;
    }
    return MW_OK;
}

/* Real values of n stored ones. */
static void to_real(const mw_tensor_info *t, const void *data, size_t n, double *out)
{
    const double scale = t->quantization.n_scales == 1 ? (double)t->quantization.scales[0] : 1;
    const double zero = t->quantization.n_scales == 1 ? (double)t->quantization.zero_points[0] : 0;

    for (size_t i = 0; i < n; i++) {
        switch (t->dtype) {
        case MW_FLOAT32: out[i] = (double)((const float *)data)[i]; break;
        case MW_FLOAT16: out[i] = (double)mwi_half_to_float(((const uint16_t *)data)[i]); break;
        case MW_INT8: out[i] = (((const int8_t *)data)[i] - zero) * scale; break;
        case MW_UINT8: out[i] = (((const uint8_t *)data)[i] - zero) * scale; break;
        case MW_INT16: out[i] = (((const int16_t *)data)[i] - zero) * scale; break;
        case MW_INT32: out[i] = (((const int32_t *)data)[i] - zero) * scale; break;
        case MW_INT64: out[i] = (double)((const int64_t *)data)[i]; break;
        case MW_BOOL: out[i] = ((const uint8_t *)data)[i]; break;
        default: out[i] = 0; break;
        }
    }
}

static mw_status run_side(evaluator *e, side *s, uint64_t first, size_t count, bool timed)
{
    for (size_t i = 0; i < s->n_in; i++)
        MWI_TRY(mw_dataset_read(e->ctx, e->data, i, first, count, &s->in[i], s->in_data[i], count * s->in_bytes[i]));
    const uint64_t begin = mwi_now_ns();
    MWI_TRY(mw_session_run_batch(e->ctx, s->session, count, (const void *const *)s->in_data, s->out_data));
    if (timed && e->us != NULL && count == e->batch) e->us[e->n_us++] = (double)(mwi_now_ns() - begin) / 1e3;
    for (size_t i = 0; i < s->n_out; i++)
        to_real(&s->out[i], s->out_data[i], count * s->out_values[i], s->values[i]);
    return MW_OK;
}

/* Ties go to the first. */
static size_t argmax(const double *v, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (v[i] > v[best]) best = i;
    return best;
}

/* How many values are larger than that of class k, or equal and before it. */
static size_t rank_of(const double *v, size_t n, size_t k)
{
    size_t above = 0;
    for (size_t i = 0; i < n; i++) above += v[i] > v[k] || (v[i] == v[k] && i < k);
    return above;
}


/* An autoencoder: as many outputs as inputs. */
static bool reconstructs(const evaluator *e)
{
    return e->a.n_in == 1 && e->a.n_out == 1 && e->a.out_values[0] > 1 && values_of(&e->a.in[0]) == e->a.out_values[0];
}

static void score_sample(evaluator *e, size_t i, uint64_t sample)
{
    const size_t n = e->a.out_values[0];
    const double *const v = e->a.values[0] + i * n;
    const double *const label = e->labels == NULL ? NULL : e->labels + i * e->label_size;
    double reconstruction = 0;

    if (reconstructs(e)) {
        for (size_t k = 0; k < n; k++) reconstruction += (v[k] - e->input[i * n + k]) * (v[k] - e->input[i * n + k]);
        reconstruction /= (double)n;
        e->squared_error += reconstruction;
        e->n_errors += 1;
    }
    if (label == NULL) return;
    const bool one_hot = !e->classes && e->label_size == n && n > 1;
    if ((e->classes && e->label_size == 1 && n > 1 && !reconstructs(e)) || one_hot) {
        const size_t k = one_hot ? argmax(label, n) : label[0] >= 0 && label[0] < (double)n ? (size_t)label[0] : n;
        e->right += k < n && argmax(v, n) == k;
        e->right5 += k < n && rank_of(v, n, k) < 5;
    }
    if (!e->classes && e->label_size == n && !one_hot)
        for (size_t k = 0; k < n; k++) e->squared_error += (v[k] - label[k]) * (v[k] - label[k]), e->n_errors += 1;
    if (e->scores != NULL)
        e->scores[sample] = (scored){reconstructs(e) ? reconstruction : n == 2 ? v[1] : v[0], label[0]};
}

static void compare_sample(evaluator *e, size_t i)
{
    for (size_t o = 0; o < e->a.n_out; o++) {
        const size_t n = e->a.out_values[o];
        const double *const x = e->a.values[o] + i * n, *const y = e->b.values[o] + i * n;
        for (size_t k = 0; k < n; k++) {
            e->signal += y[k] * y[k];
            e->noise += (x[k] - y[k]) * (x[k] - y[k]);
        }
        if (o == 0) e->agree += argmax(x, n) == argmax(y, n);
    }
}

static mw_status check_sides(evaluator *e)
{
    if (e->o->against == NULL) return MW_OK;
    bool same = e->a.n_out == e->b.n_out && e->a.n_in == e->b.n_in;
    for (size_t i = 0; same && i < e->a.n_out; i++) same = e->a.out_values[i] == e->b.out_values[i];
    return same ? MW_OK : mwi_fail(e->ctx, MW_EINVAL, "%s and %s have other inputs or outputs: they cannot be compared",
                                   mw_model_name(e->a.model), mw_model_name(e->b.model));
}

static bool wants_auc(const evaluator *e)
{
    return e->classes && e->label_size == 1 && (e->a.out_values[0] <= 2 || reconstructs(e));
}

static mw_status prepare(evaluator *e, const mw_model *model)
{
    void *p;

    e->n = mw_dataset_n_samples(e->data);
    if (e->o->max_samples > 0 && e->o->max_samples < e->n) e->n = e->o->max_samples;
    e->batch = e->o->batch == 0 ? 1 : e->o->batch;
    if (e->batch > e->n) e->batch = (size_t)e->n;
    MWI_TRY(open_side(e, model, &e->a));
    if (e->o->against != NULL) MWI_TRY(open_side(e, e->o->against, &e->b));
    MWI_TRY(check_sides(e));
    if (e->a.n_out == 0) return mwi_fail(e->ctx, MW_EINVAL, "%s has no outputs", mw_model_name(model));
    e->label_size = mw_dataset_label_size(e->data, &e->classes);
    if (e->label_size > 0) {
        MWI_TRY(mwi_arena_array(e->ctx, &e->arena, e->batch * e->label_size, sizeof(double), &p));
        e->labels = p;
    }
    if (reconstructs(e)) {
        MWI_TRY(mwi_arena_array(e->ctx, &e->arena, e->batch * e->a.out_values[0], sizeof(double), &p));
        e->input = p;
    }
    if (e->labels != NULL && wants_auc(e)) {
        MWI_TRY(mwi_arena_array(e->ctx, &e->arena, (size_t)e->n, sizeof(scored), &p));
        e->scores = p;
    }
    MWI_TRY(mwi_arena_array(e->ctx, &e->arena, (size_t)(e->n / e->batch) + 1, sizeof(double), &p));
    e->us = p;
    return MW_OK;
}

static mw_status walk(evaluator *e)
{
    for (uint64_t at = 0; at < e->n; at += e->batch) {
        const size_t count = e->n - at < e->batch ? (size_t)(e->n - at) : e->batch;
        MWI_TRY(mwi_progress(e->ctx, "evaluate", at, e->n));
        MWI_TRY(run_side(e, &e->a, at, count, true));
        if (e->o->against != NULL) MWI_TRY(run_side(e, &e->b, at, count, false));
        if (e->labels != NULL) MWI_TRY(mw_dataset_read_labels(e->ctx, e->data, at, count, e->labels));
        if (e->input != NULL) to_real(&e->a.in[0], e->a.in_data[0], count * e->a.out_values[0], e->input);
        for (size_t i = 0; i < count; i++) {
            score_sample(e, i, at + i);
            if (e->o->against != NULL) compare_sample(e, i);
        }
    }
    return MW_OK;
}

/* ---- results ---- */

static int by_score(const void *a, const void *b)
{
    const double x = ((const scored *)a)->score, y = ((const scored *)b)->score;
    return (x > y) - (x < y);
}

/* Mann and Whitney: the share of pairs in which the positive one scores higher, ties half. NaN without both. */
static double auc(scored *s, size_t n)
{
    double ranks = 0, positives = 0;

    qsort(s, n, sizeof *s, by_score);
    for (size_t i = 0; i < n;) {
        size_t k = i;
        double here = 0;
        while (k < n && s[k].score == s[i].score) {
            if (s[k].label != 0 && s[k].label != 1) return (double)NAN;
            here += s[k++].label;
        }
        ranks += here * ((double)(i + k + 1) / 2);
        positives += here;
        i = k;
    }
    const double negatives = (double)n - positives;
    return positives == 0 || negatives == 0 ? (double)NAN : (ranks - positives * (positives + 1) / 2) / (positives * negatives);
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void finish(evaluator *e)
{
    mw_evaluation *const r = e->out;
    const size_t n = e->a.out_values[0];
    const bool ranked = e->labels != NULL && n > 1 &&
                        ((e->classes && e->label_size == 1 && !reconstructs(e)) || (!e->classes && e->label_size == n));

    r->samples = e->n;
    if (ranked) r->top1 = (double)e->right / (double)e->n;
    if (ranked && n > 5) r->top5 = (double)e->right5 / (double)e->n;
    if (e->n_errors > 0) r->mse = e->squared_error / e->n_errors;
    if (e->scores != NULL) r->auc = auc(e->scores, (size_t)e->n);
    if (e->o->against != NULL) {
        r->agreement = n > 1 ? (double)e->agree / (double)e->n : (double)NAN;
        r->sqnr_db = e->noise > 0 ? 10 * log10(e->signal / e->noise) : (double)INFINITY;
    }
    if (e->n_us == 0) return;
    qsort(e->us, e->n_us, sizeof *e->us, by_value);
    r->median_us = e->us[e->n_us / 2];
    r->p99_us = e->us[(size_t)ceil(0.99 * (double)e->n_us) - 1];
}

mw_status mw_evaluate(mw_ctx *ctx, const mw_model *model, mw_dataset *dataset, const mw_evaluate_options *options,
                      mw_evaluation *out_result)
{
    static const mw_evaluate_options none;
    const double unknown = (double)NAN;
    evaluator e = {.ctx = ctx, .o = options == NULL ? &none : options, .data = dataset, .out = out_result};

    *out_result = (mw_evaluation){0, unknown, unknown, unknown, unknown, unknown, unknown, unknown, unknown};
    mwi_arena_init(ctx, &e.arena);
    mw_status st = prepare(&e, model);
    if (st == MW_OK) st = walk(&e);
    if (st == MW_OK) finish(&e);
    mw_session_destroy(e.a.session);
    mw_session_destroy(e.b.session);
    mwi_arena_deinit(&e.arena);
    return st;
}
