/* compress/quantize/learn.c - rounding and biases from the calibration data.
 * Depends: compress/quantize/job, moments, rounding, capture, feed.  Used by: mw_quantize.
 * AdaRound: one pass of the float model gathers what each layer sees, then each layer's weights
 * are rounded. Always, with data: biases take up the mean error of their own layer's rounding.
 * Bias correction (Nagel et al. 2019, on data): then, in turn, each layer's mean output is made
 * that of the float model; the quantized model is simulated in float: rounded weights, and every
 * activation rounded as it is made.
 * SPDX-License-Identifier: Apache-2.0 */
#include "compress/quantize/capture.h"
#include "compress/quantize/feed.h"
#include "compress/quantize/rounding.h"

#include <string.h>

/* Bytes of second moments held at once; more layers take more passes over the data. */
static const size_t SECOND_BYTES = (size_t)256 << 20;
/* Runs of the simulated model in bias correction, over all layers, and for each at least. */
enum { TURN_RUNS = 600, LEAST_RUNS = 8 };

/* A layer that can learn. */
struct layer {
    size_t op;
    mwi_patches patches;
    mwi_moments float_moments, quantized_moments;
};

struct learner {
    mwi_qjob *job;
    struct layer *layers;
    size_t n_layers;
    bool *wanted;    /* by tensor: some layer's input */
    bool absorbs;    /* biases take up mean errors */
    float *patch;    /* the widest layer's */
    mwi_arena arena; /* one phase */
};

static mw_status find_layers(mw_ctx *ctx, struct learner *l)
{
    mwi_qjob *const job = l->job;
    size_t widest = 0;
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, &job->arena, job->fg->n_ops, sizeof(struct layer), &memory));
    l->layers = memory;
    MWI_TRY(mwi_arena_array(ctx, &job->arena, job->fg->n_tensors, sizeof(bool), &memory));
    l->wanted = memory;
    for (size_t i = 0; i < job->fg->n_ops; i++) {
        struct layer *const a = &l->layers[l->n_layers];
        if (job->ops[i].weight == NULL || !mwi_patches_of(job->fg, job->fg->ops[i], &a->patches))
            continue;
        a->op = i;
        l->n_layers++;
        l->wanted[a->patches.input] = true;
        widest = a->patches.k > widest ? a->patches.k : widest;
    }
    if (l->n_layers == 0) return MW_OK;
    MWI_TRY(mwi_arena_array(ctx, &job->arena, widest, sizeof(float), &memory));
    l->patch = memory;
    return MW_OK;
}

static const float *weight_of(const struct learner *l, const struct layer *a)
{
    return l->job->fg->tensors[l->job->fg->ops[a->op]->in[1]]->data;
}

/* ---- AdaRound ---- */

/* Variance of the rounding of a layer's input. */
static double input_noise(const mwi_qjob *job, const struct layer *a)
{
    if (!job->ops[a->op].integer) return 0;
    const double step = (double)mwi_qjob_params(job, a->patches.input).scale;
    return step * step / 12;
}

static mw_status gather(mw_ctx *ctx, struct learner *l, size_t first, size_t last)
{
    mwi_capture capture;
    mwi_feed feed;

    MWI_TRY(mwi_capture_init(ctx, &capture, l->job->fg, l->wanted, &l->arena));
    mw_status st = mwi_feed_open(ctx, l->job->flt, l->job->data, l->job->options->max_samples,
                                 l->job->options->n_threads, &feed);
    if (st == MW_OK) mwi_session_observe(feed.session, mwi_capture_step, &capture);
    for (uint64_t r = 0; st == MW_OK && r < feed.n_runs; r++) {
        st = mwi_progress(ctx, "adaround", r, feed.n_runs);
        if (st == MW_OK) st = mwi_feed_run(ctx, &feed, r);
        for (size_t i = first; i < last && st == MW_OK; i++) {
            struct layer *const a = &l->layers[i];
            const float *const x = capture.values[a->patches.input];
            if (x == NULL || capture.counts[a->patches.input] != a->patches.n_input) continue;
            const size_t take = (size_t)(8 * a->patches.k / feed.n_runs) + 16;
            mwi_moments_add(&a->float_moments, x, r, take, l->patch);
        }
    }
    mwi_feed_close(&feed);
    return st;
}

static mw_status round_layer(mw_ctx *ctx, struct learner *l, struct layer *a)
{
    const mw_quantize_options *const o = l->job->options;
    mwi_qweight *const w = l->job->ops[a->op].weight;

    if (w->learned || a->float_moments.n_second == 0) return MW_OK;
    return mwi_round_learned(ctx, &a->float_moments, weight_of(l, a), input_noise(l->job, a),
                             l->job->ops[a->op].bias != NULL, o->keep_layers, w);
}

static mw_status adaround(mw_ctx *ctx, struct learner *l)
{
    for (size_t first = 0, last; first < l->n_layers; first = last) {
        size_t bytes = 0;
        for (last = first; last < l->n_layers; last++) {
            const size_t more = mwi_moments_bytes(&l->layers[last].patches);
            if (last > first && more > SECOND_BYTES - bytes) break;
            bytes += more < SECOND_BYTES - bytes ? more : SECOND_BYTES - bytes;
        }
        mwi_arena_init(ctx, &l->arena);
        mw_status st = MW_OK;
        for (size_t i = first; i < last && st == MW_OK; i++)
            st = mwi_moments_init(ctx, &l->layers[i].float_moments, &l->layers[i].patches, true,
                                  &l->arena);
        if (st == MW_OK) st = gather(ctx, l, first, last);
        for (size_t i = first; i < last && st == MW_OK; i++)
            st = round_layer(ctx, l, &l->layers[i]);
        mwi_arena_deinit(&l->arena);
        MWI_TRY(st);
    }
    return MW_OK;
}

/* ---- bias correction ---- */

static const float *original_bias(const struct learner *l, const struct layer *a)
{
    const mwi_op *const op = l->job->fg->ops[a->op];
    const int32_t at = op->desc->quant->bias;

    if ((size_t)at >= op->n_in || op->in[at] < 0) return NULL;
    return l->job->fg->tensors[op->in[at]]->data;
}

/* Layers of one weight (a recurrent network, step by step) share what else they have, too: a bias
 * of its own for each would be the larger part of the file. */
static bool shares_weight(const mwi_qjob *job, size_t op)
{
    for (size_t i = 0; i < job->fg->n_ops; i++)
        if (i != op && job->ops[i].weight == job->ops[op].weight) return true;
    return false;
}

static mw_status make_room_for_biases(mw_ctx *ctx, struct learner *l)
{
    for (size_t i = 0; i < l->n_layers; i++) {
        mwi_qop *const q = &l->job->ops[l->layers[i].op];
        const size_t n = l->layers[i].patches.n_out;
        void *memory;
        if (l->job->fg->ops[l->layers[i].op]->desc->quant->bias < 0) continue;
        MWI_TRY(mwi_arena_array(ctx, &l->job->arena, n, sizeof(float), &memory));
        const float *const from = original_bias(l, &l->layers[i]);
        if (from == NULL && l->job->options->keep_layers)
            continue; /* the layer has none, and stays so */
        if (!l->job->options->bias_correction && shares_weight(l->job, l->layers[i].op)) continue;
        q->bias = memory;
        q->n_bias = n;
        if (from != NULL) memcpy(q->bias, from, n * sizeof(float));
    }
    return MW_OK;
}

/* b' = b + W mean(x) - W' mean(x'), so that the layer's mean output is the float model's. */
static void correct(const struct learner *l, const struct layer *a, const float *rounded,
                    const mwi_moments *seen)
{
    const mwi_patches *const p = &a->patches;
    const mwi_moments *const want = &a->float_moments;
    const float *const w = weight_of(l, a), *const from = original_bias(l, a);
    float *const bias = l->job->ops[a->op].bias;
    const size_t per_group = p->n_out / p->n_groups;

    if (bias == NULL || want->n == 0 || seen->n == 0) return;
    for (size_t o = 0; o < p->n_out; o++) {
        const double *const mean = want->mean + o / per_group * p->k;
        const double *const other = seen->mean + o / per_group * p->k;
        double sum = 0;
        for (size_t j = 0; j < p->k; j++) {
            const size_t at = o * p->out_stride + j * p->in_stride;
            sum += (double)w[at] * (mean[j] / (double)want->n) -
                   (double)rounded[at] * (other[j] / (double)seen->n);
        }
        bias[o] = (float)((from == NULL ? 0 : (double)from[o]) + sum);
    }
}

/* ---- the simulated model ---- */

struct simulation {
    struct learner *learner;
    mwi_capture capture;
    const bool *rounded; /* by tensor: held as an integer */
};

static mw_status simulate_step(void *self, mw_ctx *ctx, const mwi_graph *graph, const mwi_op *op,
                               const mwi_view *in, size_t n_in, const mwi_view *out, size_t n_out)
{
    struct simulation *const s = self;
    const mwi_qjob *const job = s->learner->job;

    for (size_t k = 0; k < n_out && graph == s->capture.graph; k++) {
        const int32_t t = op == NULL ? graph->inputs[k] : op->out[k];
        if (out[k].dtype == MW_FLOAT32 && out[k].data != NULL && s->rounded[t])
            mwi_fake_quantize(out[k].data, mwi_view_n(&out[k]), job->act, mwi_qjob_params(job, t));
    }
    return mwi_capture_step(&s->capture, ctx, graph, op, in, n_in, out, n_out);
}

/* A clone of the float model with the rounded weights and corrected biases as floats. */
static mw_status simulated_model(mw_ctx *ctx, struct learner *l, mw_model **out)
{
    mwi_qjob *const job = l->job;

    MWI_TRY(mwi_model_clone(ctx, job->flt, out));
    mwi_graph *const g = (*out)->graphs[0];
    for (size_t i = 0; i < job->fg->n_ops; i++) {
        const mwi_qop *const q = &job->ops[i];
        mwi_op *const op = g->ops[i];
        int32_t tensor;
        void *memory;
        if (q->weight == NULL) continue;
        const mwi_tensor *const w = g->tensors[q->weight->tensor];
        MWI_TRY(
            mwi_arena_array(ctx, &(*out)->arena, q->weight->channels.n, sizeof(float), &memory));
        mwi_qweight_floats(q->weight, memory);
        MWI_TRY(mwi_graph_add_const(ctx, *out, g, w->name, MW_FLOAT32, w->rank, w->dims, memory,
                                    &tensor));
        op->in[op->desc->quant->weight] = tensor;
        if (q->bias == NULL) continue;
        const int32_t dim = (int32_t)q->n_bias;
        MWI_TRY(mwi_graph_add_const(ctx, *out, g, "bias", MW_FLOAT32, 1, &dim, q->bias, &tensor));
        MWI_TRY(mwi_qjob_set_input(ctx, *out, op, (size_t)op->desc->quant->bias, tensor));
    }
    return MW_OK;
}

static mw_status rounded_values(mw_ctx *ctx, struct learner *l, const bool **out)
{
    const mwi_qjob *const job = l->job;
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, &l->arena, job->fg->n_tensors, sizeof(bool), &memory));
    bool *const rounded = memory;
    for (size_t i = 0; i < job->fg->n_inputs; i++)
        rounded[job->fg->inputs[i]] =
            job->act != MW_FLOAT32 && job->values[job->fg->inputs[i]].ranged;
    for (size_t i = 0; i < job->fg->n_ops; i++)
        for (size_t k = 0; k < job->fg->ops[i]->n_out && job->ops[i].integer; k++)
            rounded[job->fg->ops[i]->out[k]] =
                job->fg->tensors[job->fg->ops[i]->out[k]]->dtype == MW_FLOAT32;
    *out = rounded;
    return MW_OK;
}

/* Means of one run: of the float values, then of the same rounded as the quantized model rounds
 * them. */
static void add_run(struct learner *l, const mwi_capture *c, uint64_t run)
{
    const mwi_qjob *const job = l->job;

    for (size_t i = 0; i < l->n_layers; i++) {
        struct layer *const a = &l->layers[i];
        const int32_t t = a->patches.input;
        if (c->values[t] != NULL && c->counts[t] == a->patches.n_input)
            mwi_moments_add(&a->float_moments, c->values[t], run, 0, l->patch);
    }
    for (size_t i = 0; i < l->n_layers; i++) {
        struct layer *const a = &l->layers[i];
        const int32_t t = a->patches.input;
        if (c->values[t] == NULL || c->counts[t] != a->patches.n_input) continue;
        /* A second reader finds the values rounded already: that changes nothing. */
        if (job->ops[a->op].integer)
            mwi_fake_quantize(c->values[t], c->counts[t], job->act, mwi_qjob_params(job, t));
        mwi_moments_add(&a->quantized_moments, c->values[t], run, 0, l->patch);
    }
}

static mw_status float_means(mw_ctx *ctx, struct learner *l, uint64_t most_runs)
{
    const mw_quantize_options *const o = l->job->options;
    mwi_capture capture;
    mwi_feed feed;

    MWI_TRY(mwi_capture_init(ctx, &capture, l->job->fg, l->wanted, &l->arena));
    mw_status st =
        mwi_feed_open(ctx, l->job->flt, l->job->data, o->max_samples, o->n_threads, &feed);
    if (st == MW_OK) mwi_session_observe(feed.session, mwi_capture_step, &capture);
    for (uint64_t r = 0; st == MW_OK && r < feed.n_runs && r < most_runs; r++) {
        st = mwi_progress(ctx, "measure means", r, feed.n_runs);
        if (st == MW_OK) st = mwi_feed_run(ctx, &feed, r);
        if (st == MW_OK) add_run(l, &capture, r);
    }
    mwi_feed_close(&feed);
    return st;
}

/* Means of what one layer sees in the simulated model. */
static mw_status run_simulation(mw_ctx *ctx, struct learner *l, struct layer *a,
                                struct simulation *s, const mw_model *model, uint64_t n_runs)
{
    const mw_quantize_options *const o = l->job->options;
    const int32_t t = a->patches.input;
    mwi_feed feed;

    mw_status st = mwi_feed_open(ctx, model, l->job->data, o->max_samples, o->n_threads, &feed);
    if (st == MW_OK) mwi_session_observe(feed.session, simulate_step, s);
    for (uint64_t r = 0; st == MW_OK && r < feed.n_runs && r < n_runs; r++) {
        st = mwi_feed_run(ctx, &feed, r);
        if (st == MW_OK && s->capture.values[t] != NULL &&
            s->capture.counts[t] == a->patches.n_input)
            mwi_moments_add(&a->quantized_moments, s->capture.values[t], r, 0, l->patch);
    }
    mwi_feed_close(&feed);
    return st;
}

static mw_status simulated_means(mw_ctx *ctx, struct learner *l, struct layer *a, uint64_t n_runs)
{
    struct simulation s = {.learner = l};
    mw_model *model = NULL;

    MWI_TRY(rounded_values(ctx, l, &s.rounded));
    mw_status st = simulated_model(ctx, l, &model);
    if (st == MW_OK) st = mwi_capture_init(ctx, &s.capture, model->graphs[0], l->wanted, &l->arena);
    if (st == MW_OK) st = run_simulation(ctx, l, a, &s, model, n_runs);
    mw_model_destroy(model);
    return st;
}

static mw_status correct_layer(mw_ctx *ctx, struct learner *l, struct layer *a)
{
    const mwi_qweight *const w = l->job->ops[a->op].weight;
    mwi_arena scratch;
    void *floats;

    if (l->job->ops[a->op].bias == NULL) return MW_OK;
    mwi_arena_init(ctx, &scratch);
    const mw_status st = mwi_arena_array(ctx, &scratch, w->channels.n, sizeof(float), &floats);
    if (st == MW_OK) {
        mwi_qweight_floats(w, floats);
        correct(l, a, floats, &a->quantized_moments);
    }
    mwi_arena_deinit(&scratch);
    return st;
}

static mw_status start_means(mw_ctx *ctx, struct learner *l)
{
    for (size_t i = 0; i < l->n_layers; i++) {
        MWI_TRY(mwi_moments_init(ctx, &l->layers[i].float_moments, &l->layers[i].patches, false,
                                 &l->arena));
        MWI_TRY(mwi_moments_init(ctx, &l->layers[i].quantized_moments, &l->layers[i].patches, false,
                                 &l->arena));
    }
    return MW_OK;
}

/* Each bias takes up the mean error that rounding its layer's own weights and inputs makes. */
static mw_status absorb(mw_ctx *ctx, struct learner *l)
{
    MWI_TRY(start_means(ctx, l));
    MWI_TRY(float_means(ctx, l, UINT64_MAX));
    for (size_t i = 0; i < l->n_layers; i++) MWI_TRY(correct_layer(ctx, l, &l->layers[i]));
    return MW_OK;
}

/* Layer by layer, what the corrected layers before it really give. A layer that took up the error
 * of others before these are corrected would add its own once more, hence a turn for each. */
static mw_status correct_in_turn(mw_ctx *ctx, struct learner *l)
{
    const uint64_t n = TURN_RUNS / l->n_layers, n_runs = n < LEAST_RUNS ? LEAST_RUNS : n;

    MWI_TRY(start_means(ctx, l));
    MWI_TRY(float_means(ctx, l, n_runs));
    for (size_t i = 0; i < l->n_layers; i++) {
        struct layer *const a = &l->layers[i];
        MWI_TRY(mwi_progress(ctx, "bias correction", i, l->n_layers));
        if (l->job->ops[a->op].bias == NULL) continue;
        MWI_TRY(mwi_moments_init(ctx, &a->quantized_moments, &a->patches, false, &l->arena));
        MWI_TRY(simulated_means(ctx, l, a, n_runs));
        MWI_TRY(correct_layer(ctx, l, a));
    }
    return MW_OK;
}

static mw_status in_phase(mw_ctx *ctx, struct learner *l,
                          mw_status (*phase)(mw_ctx *, struct learner *))
{
    mwi_arena_init(ctx, &l->arena);
    const mw_status st = phase(ctx, l);
    mwi_arena_deinit(&l->arena);
    return st;
}

mw_status mwi_qjob_learn(mw_ctx *ctx, mwi_qjob *job)
{
    const mw_quantize_options *const o = job->options;
    struct learner l = {.job = job, .absorbs = !o->keep_layers || o->bias_correction};

    MWI_TRY(find_layers(ctx, &l));
    if (l.n_layers == 0) {
        if (!o->adaround && !o->bias_correction) return MW_OK;
        return mwi_fail(ctx, MW_EUNSUPPORTED,
                        "%s: no convolution or matrix product with a constant weight to learn "
                        "rounding or bias for",
                        job->flt->name);
    }
    if (l.absorbs) MWI_TRY(make_room_for_biases(ctx, &l));
    if (o->adaround) MWI_TRY(mwi_prefix(ctx, adaround(ctx, &l), "AdaRound"));
    if (l.absorbs) MWI_TRY(in_phase(ctx, &l, absorb));
    if (o->bias_correction)
        MWI_TRY(mwi_prefix(ctx, in_phase(ctx, &l, correct_in_turn), "bias correction"));
    return MW_OK;
}
