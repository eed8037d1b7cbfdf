/* evaluate/evaluate.c - mw_evaluate: accuracy on a data set, alone and against another model.
 * Streams: memory is a batch, and a score a sample where there is an AUC. What a data set's labels
 * mean is told from their number and values: one value for an output of several is a class; as
 * many values as the output has are targets, or a class where each sample has a single 1 among
 * zeros; 0 and 1 for a single output, or for an autoencoder, part the samples in two for the AUC.
 * Depends: evaluate/side, evaluate/figures.  Used by: programs, compress.
 * SPDX-License-Identifier: Apache-2.0 */
#include "evaluate/figures.h"
#include "evaluate/side.h"

#include "base/checked.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

typedef struct evaluator {
    mwi_arena arena;
    mw_dataset *data;
    mwi_side a, b; /* b: `against`, when `compared` */
    bool compared;
    uint64_t n;
    size_t batch;
    size_t label_size;
    double *labels;     /* of a batch; NULL: none */
    double *input;      /* of a sample; NULL: not an autoencoder */
    mwi_scored *scores; /* one a sample; NULL: no AUC */
    mwi_times *times;
    /* What labels looked like so far. */
    bool binary, one_hot, integers, no_class;
    uint64_t n_scores;
    /* Sums over samples. */
    uint64_t right, right5, agree, non_finite, bad_inputs;
    bool finite; /* the present sample's outputs; else it counts as wrong */
    double target_error, rebuild_error, signal, noise;
} evaluator;

static size_t n_values(const evaluator *e) { return e->a.out[0].n; }

/* ---- setting up ---- */

/* One input and one output of the same shape. Two values are rather two classes. */
static bool may_rebuild(const evaluator *e)
{
    const mw_tensor_info *const i = &e->a.in[0].info, *const o = &e->a.out[0].info;

    return e->a.n_in == 1 && e->a.n_out == 1 && i->rank == o->rank && n_values(e) > 2 &&
           memcmp(i->dims, o->dims, (size_t)i->rank * sizeof *i->dims) == 0;
}

static mw_status check_sides(mw_ctx *ctx, const evaluator *e)
{
    bool same = e->a.n_out == e->b.n_out && e->a.n_in == e->b.n_in;

    if (mw_dataset_n_inputs(e->data) != e->a.n_in)
        return mwi_fail(
            ctx, MW_EINVAL,
            "the data feed %zu inputs, %s takes %zu; give one array for each input, named "
            "as it is",
            mw_dataset_n_inputs(e->data), mw_model_name(e->a.model), e->a.n_in);
    if (!e->compared) return MW_OK;
    for (size_t i = 0; same && i < e->a.n_out; i++) same = e->a.out[i].n == e->b.out[i].n;
    if (same) return MW_OK;
    return mwi_fail(ctx, MW_EINVAL,
                    "%s and %s differ in the number or the sizes of their inputs and outputs: they "
                    "cannot be compared",
                    mw_model_name(e->a.model), mw_model_name(e->b.model));
}

static mw_status set_up_labels(mw_ctx *ctx, evaluator *e)
{
    const size_t n = n_values(e);
    void *p;

    e->label_size = mw_dataset_label_size(e->data, &e->integers);
    e->binary = e->one_hot = true;
    if (may_rebuild(e) && e->label_size <= 1) {
        MWI_TRY(mwi_arena_array(ctx, &e->arena, n, sizeof(double), &p));
        e->input = p;
    }
    if (e->label_size == 0) return MW_OK;
    if (e->label_size != 1 && e->label_size != n)
        return mwi_fail(ctx, MW_EINVAL,
                        "each sample has %zu labels, the first output of %s has %zu values: give a "
                        "class number, or a value for each",
                        e->label_size, mw_model_name(e->a.model), n);
    MWI_TRY(mwi_arena_array(ctx, &e->arena, e->batch * e->label_size, sizeof(double), &p));
    e->labels = p;
    if (n > 2 && e->input == NULL) return MW_OK;
    MWI_TRY(mwi_arena_array(ctx, &e->arena, (size_t)e->n, sizeof(mwi_scored), &p));
    e->scores = p;
    return MW_OK;
}

static mw_status set_up(mw_ctx *ctx, evaluator *e, const mw_model *model,
                        const mw_evaluate_options *o)
{
    void *p;

    e->n = mw_dataset_n_samples(e->data);
    if (o->max_samples > 0 && o->max_samples < e->n) e->n = o->max_samples;
    if (e->n == 0) return mwi_fail(ctx, MW_EINVAL, "the data have no samples");
    e->batch = o->batch == 0 ? 1 : o->batch;
    if (e->batch > e->n) e->batch = (size_t)e->n;
    MWI_TRY(mwi_side_open(ctx, model, e->batch, o->n_threads, &e->arena, &e->a));
    e->compared = o->against != NULL;
    if (e->compared)
        MWI_TRY(mwi_side_open(ctx, o->against, e->batch, o->n_threads, &e->arena, &e->b));
    MWI_TRY(check_sides(ctx, e));
    MWI_TRY(set_up_labels(ctx, e));
    MWI_TRY(mwi_arena_array(ctx, &e->arena, 1, sizeof(mwi_times), &p));
    e->times = p;
    return MW_OK;
}

/* ---- one sample ---- */

/* What is learned of the labels from one sample's. */
static void look_at_label(evaluator *e, const double *label)
{
    size_t ones = 0, zeros = 0;

    for (size_t i = 0; i < e->label_size; i++) {
        ones += label[i] == 1;
        zeros += label[i] == 0;
    }
    if (ones + zeros != e->label_size) e->binary = false;
    if (ones != 1 || ones + zeros != e->label_size) e->one_hot = false;
}

static mw_status score_class(mw_ctx *ctx, evaluator *e, const double *v, double label,
                             uint64_t sample)
{
    const size_t n = n_values(e);

    if (!(label >= 0 && label < (double)n && label == floor(label))) {
        e->no_class = true;
        if (e->input != NULL) return MW_OK; /* an autoencoder, whose labels are what they are */
        return mwi_fail(ctx, MW_EINVAL,
                        "the label of sample %" PRIu64 " is %g, %s has classes 0 to %zu", sample,
                        label, mw_model_name(e->a.model), n - 1);
    }
    e->right += e->finite && mwi_argmax(v, n) == (size_t)label;
    e->right5 += e->finite && mwi_rank_of(v, n, (size_t)label) < 5;
    return MW_OK;
}

static void score_targets(evaluator *e, const double *v, const double *label)
{
    const size_t n = n_values(e), k = mwi_argmax(label, n);

    for (size_t i = 0; i < n; i++)
        e->target_error += (v[i] - label[i]) * (v[i] - label[i]) / (double)n;
    e->right += e->finite && mwi_argmax(v, n) == k; /* counts when all are one-hot */
    e->right5 += e->finite && mwi_rank_of(v, n, k) < 5;
}

/* The mean squared error against the input. */
static double rebuild(evaluator *e, size_t i)
{
    const mwi_end *const in = &e->a.in[0];
    const size_t n = n_values(e);
    const double *const v = e->a.out[0].values + i * n;
    double sum = 0;

    mwi_to_real(&in->info, (const char *)in->data + i * in->sample_bytes, n, e->input);
    for (size_t k = 0; k < n; k++) sum += (v[k] - e->input[k]) * (v[k] - e->input[k]);
    e->rebuild_error += sum / (double)n;
    return sum / (double)n;
}

static mw_status score_sample(mw_ctx *ctx, evaluator *e, size_t i, uint64_t sample)
{
    const size_t n = n_values(e);
    const double *const v = e->a.out[0].values + i * n;
    const double rebuilt = e->input != NULL ? rebuild(e, i) : 0;

    if (e->labels == NULL || n == 0) return MW_OK;
    const double *const label = e->labels + i * e->label_size;
    look_at_label(e, label);
    if (e->label_size == n)
        score_targets(e, v, label);
    else
        MWI_TRY(score_class(ctx, e, v, label[0], sample));
    if (e->scores == NULL) return MW_OK;
    const double score = e->input != NULL ? rebuilt : v[n - 1]; /* the one, or the second of two */
    e->scores[e->n_scores++] = (mwi_scored){score, label[e->label_size - 1] == 1};
    return MW_OK;
}

static bool is_finite(const mwi_side *side, size_t i)
{
    for (size_t o = 0; o < side->n_out; o++) {
        const double *const v = side->out[o].values + i * side->out[o].n;
        for (size_t k = 0; k < side->out[o].n; k++)
            if (!isfinite(v[k])) return false;
    }
    return true;
}

static void compare_sample(evaluator *e, size_t i)
{
    for (size_t o = 0; o < e->a.n_out; o++) {
        const size_t n = e->a.out[o].n;
        const double *const got = e->a.out[o].values + i * n, *const want =
                                                                  e->b.out[o].values + i * n;
        for (size_t k = 0; k < n; k++) {
            e->signal += want[k] * want[k];
            e->noise += (want[k] - got[k]) * (want[k] - got[k]);
        }
        if (o == 0 && n > 0) e->agree += e->finite && mwi_argmax(got, n) == mwi_argmax(want, n);
    }
}

static mw_status walk(mw_ctx *ctx, evaluator *e)
{
    uint64_t ns;

    for (uint64_t at = 0; at < e->n; at += e->batch) {
        const size_t count = e->n - at < e->batch ? (size_t)(e->n - at) : e->batch;
        MWI_TRY(mwi_progress(ctx, "evaluate", at, e->n));
        const uint64_t bad = mw_dataset_n_non_finite(e->data);
        MWI_TRY(mwi_side_run(ctx, &e->a, e->data, at, count, &ns));
        e->bad_inputs += mw_dataset_n_non_finite(e->data) - bad;
        if (count == e->batch) mwi_times_add(e->times, (double)ns / 1e3);
        if (e->compared) MWI_TRY(mwi_side_run(ctx, &e->b, e->data, at, count, &ns));
        if (e->labels != NULL) MWI_TRY(mw_dataset_read_labels(ctx, e->data, at, count, e->labels));
        for (size_t i = 0; i < count; i++) {
            e->finite = is_finite(&e->a, i) && (!e->compared || is_finite(&e->b, i));
            e->non_finite += !e->finite;
            MWI_TRY(score_sample(ctx, e, i, at + i));
            if (e->compared) compare_sample(e, i);
        }
    }
    return mwi_progress(ctx, "evaluate", e->n, e->n);
}

/* ---- results ---- */

static void set(mw_evaluation *out, uint32_t figure, double *where, double value)
{
    out->applies |= figure;
    *where = value;
}

/* An AUC needs a sample of each kind. */
static bool has_both(const evaluator *e)
{
    uint64_t positives = 0;

    for (uint64_t i = 0; i < e->n_scores; i++) positives += e->scores[i].positive;
    return positives > 0 && positives < e->n_scores;
}

static void finish(evaluator *e, mw_evaluation *out)
{
    const size_t n = n_values(e);
    const double samples = (double)e->n;
    const bool labelled = e->labels != NULL && n > 0;
    /* Binary labels of something with the shape of its input: normal or not, no classes of the
     * output. */
    const bool rebuilds = e->input != NULL && (!labelled || e->binary || e->no_class);
    const bool classes = labelled && !rebuilds && n > 1 && (e->label_size == 1 || e->one_hot);
    const bool targets = labelled && !rebuilds && !classes && e->label_size == n;

    /* Class numbers of a single output are no targets of it. */
    const bool errors = rebuilds || (targets && !(e->binary && e->integers));
    const bool two = e->label_size == 1 ? e->binary : e->one_hot;

    out->samples = e->n;
    out->non_finite = e->non_finite;
    out->non_finite_inputs = e->bad_inputs;
    if (classes) set(out, MW_FIGURE_TOP1, &out->top1, (double)e->right / samples);
    if (classes && n > 5) set(out, MW_FIGURE_TOP5, &out->top5, (double)e->right5 / samples);
    if (errors)
        set(out, MW_FIGURE_MSE, &out->mse,
            (rebuilds ? e->rebuild_error : e->target_error) / samples);
    if (e->scores != NULL && two && (rebuilds || n <= 2) && has_both(e))
        set(out, MW_FIGURE_AUC, &out->auc, mwi_auc(e->scores, (size_t)e->n_scores));
    if (e->compared) {
        if (n > 1) set(out, MW_FIGURE_AGREEMENT, &out->agreement, (double)e->agree / samples);
        out->exact = e->noise == 0;
        set(out, MW_FIGURE_SQNR, &out->sqnr_db,
            out->exact ? (double)INFINITY : 10 * log10(e->signal / e->noise));
    }
    out->median_us = mwi_times_percentile(e->times, 0.5);
    out->p99_us = mwi_times_percentile(e->times, 0.99);
}

mw_status mw_evaluate(mw_ctx *ctx, const mw_model *model, mw_dataset *dataset,
                      const mw_evaluate_options *options, mw_evaluation *out_result)
{
    static const mw_evaluate_options none;
    evaluator e = {.data = dataset};

    mwi_enter(ctx);
    memset(out_result, 0, sizeof *out_result);
    out_result->top1 = out_result->top5 = out_result->auc = out_result->mse = (double)NAN;
    out_result->agreement = out_result->sqnr_db = (double)NAN;
    out_result->median_us = out_result->p99_us = (double)NAN;
    mwi_arena_init(ctx, &e.arena);
    mw_status st = set_up(ctx, &e, model, options == NULL ? &none : options);
    if (st == MW_OK) st = walk(ctx, &e);
    if (st == MW_OK) finish(&e, out_result);
    mwi_side_close(&e.a);
    mwi_side_close(&e.b);
    mwi_arena_deinit(&e.arena);
    return st;
}
