/* compress/quantize/equalize.c - cross-layer equalisation (Nagel et al. 2019): what leaves one layer is
 * divided by a factor a channel, and the weights that meet it are multiplied by it. The float model stays
 * the same; quantized, its channels fill one scale evenly.
 * With per-channel weights the first layer's rows are free, so the factors weigh the channels' ranges of
 * activations, measured on the calibration data, against the next weights' columns; without data, or with one
 * scale a weight, the first weight's rows stand in for the activations, as in the paper.
 * Depends: compress/quantize/job, patches, feed, capture.  Used by: mw_quantize.
 * SPDX-License-Identifier: Apache-2.0 */
#include "compress/quantize/capture.h"
#include "compress/quantize/feed.h"
#include "compress/quantize/job.h"
#include "compress/quantize/patches.h"

#include <math.h>
#include <string.h>

enum { MAX_READERS = 8, TENSOR_ROUNDS = 8 };

/* What one layer makes, and the layers that read it. */
struct pair {
    size_t op;             /* of the first layer */
    mwi_patches from;
    size_t n_readers;
    mwi_patches readers[MAX_READERS];
    double *largest;       /* by channel: largest magnitude seen; NULL: not measured */
    double *square;        /* by channel: sum of squares */
    uint64_t n;
};

struct equalizer {
    mwi_qjob *job;
    mwi_uses uses;
    struct pair *pairs;
    size_t n_pairs;
    bool *wanted;
};

/* ---- finding pairs ---- */

/* Operators through which a positive factor a channel passes unchanged. */
static bool passes_factors(const mwi_graph *g, const mwi_op *op)
{
    static const char *const names[] = {"RELU", "MAX_POOL_2D", "AVERAGE_POOL_2D", "PAD", "LEAKY_RELU"};
    const mwi_tensor *const in = g->tensors[op->in[0]], *const out = g->tensors[op->out[0]];
    const int32_t act = mwi_op_get_i32(op, "fused_activation_function", MWI_ACT_NONE);
    bool known = false;

    if (act != MWI_ACT_NONE && act != MWI_ACT_RELU) return false;
    if (strcmp(op->desc->name, "RESHAPE") == 0) /* flattening keeps channels innermost */
        return in->rank > 0 && out->rank > 0 && in->dims[in->rank - 1] > 0 &&
               out->dims[out->rank - 1] % in->dims[in->rank - 1] == 0;
    if (strcmp(op->desc->name, "MEAN") == 0) {
        const mwi_tensor *const axes = op->n_in > 1 && op->in[1] >= 0 ? g->tensors[op->in[1]] : NULL;
        if (axes == NULL || axes->data == NULL || axes->dtype != MW_INT32) return false;
        for (size_t i = 0; i < axes->bytes / sizeof(int32_t); i++) {
            const int32_t a = ((const int32_t *)axes->data)[i];
            if (a == -1 || a == in->rank - 1) return false;
        }
        return true;
    }
    for (size_t i = 0; i < MWI_COUNT(names); i++) known = known || strcmp(op->desc->name, names[i]) == 0;
    return known && in->rank == out->rank && in->rank > 0 && in->dims[in->rank - 1] == out->dims[in->rank - 1];
}

static bool own_weight(const struct equalizer *e, const mwi_op *op)
{
    return op->n_in > 1 && op->in[1] >= 0 && e->uses.n_uses[op->in[1]] == 1 &&
           (op->n_in < 3 || op->in[2] < 0 || e->uses.n_uses[op->in[2]] == 1);
}

/* Collects the layers that read `tensor`, directly or through operators that pass factors; false when
 * anything else reads it. */
static bool collect(const struct equalizer *e, int32_t tensor, size_t channels, struct pair *pair, int depth)
{
    const mwi_graph *const g = e->job->fg;
    size_t seen = 0;

    if (depth > 8 || mwi_graph_is_output(g, tensor)) return false;
    for (size_t i = 0; i < g->n_ops; i++) {
        const mwi_op *const op = g->ops[i];
        for (size_t k = 0; k < op->n_in; k++) {
            if (op->in[k] != tensor) continue;
            mwi_patches p;
            seen++;
            if (k != 0) return false;
            if (mwi_patches_of(g, op, &p)) {
                const bool fits = (size_t)p.channels % channels == 0 && p.k_channels % (p.n_groups > 1 ? 1 : channels) == 0;
                if (!fits || !own_weight(e, op) || pair->n_readers == MAX_READERS) return false;
                pair->readers[pair->n_readers++] = p;
            } else if (op->n_out != 1 || !passes_factors(g, op) ||
                       !collect(e, op->out[0], channels, pair, depth + 1)) {
                return false;
            }
        }
    }
    return seen > 0;
}

static bool scales_through(const mwi_op *op)
{
    const int32_t act = mwi_op_get_i32(op, "fused_activation_function", MWI_ACT_NONE);
    return act == MWI_ACT_NONE || act == MWI_ACT_RELU;
}

static mw_status find_pairs(mw_ctx *ctx, struct equalizer *e)
{
    mwi_qjob *const job = e->job;
    void *memory;

    MWI_TRY(mwi_graph_uses(ctx, job->fg, &job->arena, &e->uses));
    MWI_TRY(mwi_arena_array(ctx, &job->arena, job->fg->n_ops, sizeof(struct pair), &memory));
    e->pairs = memory;
    MWI_TRY(mwi_arena_array(ctx, &job->arena, job->fg->n_tensors, sizeof(bool), &memory));
    e->wanted = memory;
    for (size_t i = 0; i < job->fg->n_ops; i++) {
        struct pair *const p = &e->pairs[e->n_pairs];
        const mwi_op *const op = job->fg->ops[i];
        memset(p, 0, sizeof *p);
        p->op = i;
        if (!mwi_patches_of(job->fg, op, &p->from) || !own_weight(e, op) || !scales_through(op)) continue;
        if (!collect(e, op->out[0], p->from.n_out, p, 0)) continue;
        e->wanted[op->out[0]] = true;
        e->n_pairs++;
    }
    if (e->n_pairs == 0)
        return mwi_fail(ctx, MW_EUNSUPPORTED, "%s: no two layers in a row to equalise (convolutions or matrix products "
                        "with nothing but RELU, pooling or reshaping between them)", job->flt->name);
    return MW_OK;
}

/* ---- measuring ---- */

static void measure(struct pair *p, const float *x, size_t n)
{
    const size_t channels = p->from.n_out;

    for (size_t i = 0; i < n; i++) {
        const double v = fabs((double)x[i]);
        double *const largest = &p->largest[i % channels];
        *largest = v > *largest ? v : *largest;
        p->square[i % channels] += v * v;
    }
    p->n += n / channels;
}

static mw_status run_all(mw_ctx *ctx, struct equalizer *e, mwi_feed *feed, const mwi_capture *capture)
{
    for (uint64_t r = 0; r < feed->n_runs; r++) {
        MWI_TRY(mwi_progress(ctx, "equalize", r, feed->n_runs));
        MWI_TRY(mwi_feed_run(ctx, feed, r));
        for (size_t i = 0; i < e->n_pairs; i++) {
            const int32_t t = e->job->fg->ops[e->pairs[i].op]->out[0];
            if (capture->values[t] != NULL) measure(&e->pairs[i], capture->values[t], capture->counts[t]);
        }
    }
    return MW_OK;
}

static mw_status measure_all(mw_ctx *ctx, struct equalizer *e)
{
    const mw_quantize_options *const o = e->job->options;
    mwi_capture capture;
    mwi_feed feed;
    void *memory;

    for (size_t i = 0; i < e->n_pairs; i++) {
        MWI_TRY(mwi_arena_array(ctx, &e->job->arena, 2 * e->pairs[i].from.n_out, sizeof(double), &memory));
        e->pairs[i].largest = memory;
        e->pairs[i].square = e->pairs[i].largest + e->pairs[i].from.n_out;
    }
    MWI_TRY(mwi_capture_init(ctx, &capture, e->job->fg, e->wanted, &e->job->arena));
    mw_status st = mwi_feed_open(ctx, e->job->flt, e->job->data, o->max_samples, o->n_threads, &feed);
    if (st == MW_OK) mwi_session_observe(feed.session, mwi_capture_step, &capture);
    if (st == MW_OK) st = run_all(ctx, e, &feed, &capture);
    mwi_feed_close(&feed);
    return st;
}

/* ---- factors ---- */

static const float *weight_of(const struct equalizer *e, const mwi_patches *p)
{
    return e->job->fg->tensors[p->op->in[1]]->data;
}

/* Channel of the first layer that patch element j of a reader's output channel o meets. */
static size_t channel_at(const mwi_patches *p, size_t o, size_t j, size_t channels)
{
    const size_t group = o / (p->n_out / p->n_groups);
    return (group * p->k_channels + j % p->k_channels) % channels;
}

/* Largest magnitude of each channel's column, with every row of the weight brought to 1 first where each row
 * has a scale of its own. */
static void columns(const struct equalizer *e, const struct pair *pair, double *out)
{
    memset(out, 0, pair->from.n_out * sizeof *out);
    for (size_t r = 0; r < pair->n_readers; r++) {
        const mwi_patches *const p = &pair->readers[r];
        const float *const w = weight_of(e, p);
        for (size_t o = 0; o < p->n_out; o++) {
            double largest = 0;
            for (size_t j = 0; j < p->k; j++)
                largest = fmax(largest, fabs((double)w[o * p->out_stride + j * p->in_stride]));
            if (largest == 0) continue;
            if (e->job->options->per_tensor) largest = 1;
            for (size_t j = 0; j < p->k; j++) {
                double *const c = &out[channel_at(p, o, j, pair->from.n_out)];
                *c = fmax(*c, fabs((double)w[o * p->out_stride + j * p->in_stride]) / largest);
            }
        }
    }
}

static void rows(const struct equalizer *e, const struct pair *pair, double *out)
{
    const mwi_patches *const p = &pair->from;
    const float *const w = weight_of(e, p);

    for (size_t o = 0; o < p->n_out; o++) {
        out[o] = 0;
        for (size_t j = 0; j < p->k; j++)
            out[o] = fmax(out[o], fabs((double)w[o * p->out_stride + j * p->in_stride]));
    }
}

/* Squared error at the readers' outputs that factors would leave: rounding of the activations and of the
 * weights, both taken as even and independent. */
static double predicted(const struct equalizer *e, const struct pair *pair, const double *factor)
{
    double step = 0, sum = 0;

    for (size_t c = 0; c < pair->from.n_out; c++) step = fmax(step, pair->largest[c] / factor[c] / 255);
    for (size_t r = 0; r < pair->n_readers; r++) {
        const mwi_patches *const p = &pair->readers[r];
        const float *const w = weight_of(e, p);
        for (size_t o = 0; o < p->n_out; o++) {
            double largest = 0, weights = 0, inputs = 0;
            for (size_t j = 0; j < p->k; j++) {
                const size_t c = channel_at(p, o, j, pair->from.n_out);
                const double v = fabs((double)w[o * p->out_stride + j * p->in_stride]) * factor[c];
                largest = fmax(largest, v);
                weights += v * v;
                inputs += pair->square[c] / (double)pair->n / (factor[c] * factor[c]);
            }
            sum += step * step * weights + largest / 127 * (largest / 127) * inputs;
        }
    }
    return sum;
}

static void make_factors(size_t n, const double *activation, const double *column, double share, double *factor)
{
    double largest = 0;

    for (size_t c = 0; c < n; c++) {
        factor[c] = activation[c] > 0 && column[c] > 0 ? pow(activation[c], share) / pow(column[c], 1 - share) : 0;
        largest = fmax(largest, factor[c]);
    }
    for (size_t c = 0; c < n; c++) {
        /* A channel that hardly fires in the calibration data may fire later: it keeps headroom. */
        factor[c] = largest > 0 ? factor[c] / largest : 1;
        factor[c] = fmax(factor[c], 1.0 / 64);
    }
}

static double choose_share(const struct equalizer *e, const struct pair *pair, const double *column, double *factor)
{
    double best, kept = -1;

    for (size_t c = 0; c < pair->from.n_out; c++) factor[c] = 1;
    best = predicted(e, pair, factor);
    for (int i = 0; i <= 10; i++) {
        make_factors(pair->from.n_out, pair->largest, column, i / 10.0, factor);
        const double error = predicted(e, pair, factor);
        if (error >= best) continue;
        best = error;
        kept = i / 10.0;
    }
    return kept;
}

/* ---- applying ---- */

static mw_status own_copy(mw_ctx *ctx, struct equalizer *e, int32_t tensor, float **out)
{
    mwi_tensor *const t = e->job->fg->tensors[tensor];
    void *memory;

    MWI_TRY(mwi_arena_copy(ctx, &e->job->flt->arena, t->data, t->bytes, &memory));
    t->data = memory;
    *out = memory;
    return MW_OK;
}

static mw_status apply(mw_ctx *ctx, struct equalizer *e, const struct pair *pair, const double *factor)
{
    const mwi_patches *const from = &pair->from;
    float *w;

    MWI_TRY(own_copy(ctx, e, from->op->in[1], &w));
    for (size_t o = 0; o < from->n_out; o++)
        for (size_t j = 0; j < from->k; j++) {
            float *const at = &w[o * from->out_stride + j * from->in_stride];
            *at = (float)((double)*at / factor[o]);
        }
    if (from->op->n_in > 2 && from->op->in[2] >= 0) {
        MWI_TRY(own_copy(ctx, e, from->op->in[2], &w));
        for (size_t o = 0; o < from->n_out; o++) w[o] = (float)((double)w[o] / factor[o]);
    }
    for (size_t r = 0; r < pair->n_readers; r++) {
        const mwi_patches *const p = &pair->readers[r];
        MWI_TRY(own_copy(ctx, e, p->op->in[1], &w));
        for (size_t o = 0; o < p->n_out; o++)
            for (size_t j = 0; j < p->k; j++) {
                float *const at = &w[o * p->out_stride + j * p->in_stride];
                *at = (float)((double)*at * factor[channel_at(p, o, j, from->n_out)]);
            }
    }
    return MW_OK;
}

static mw_status equalize_pair(mw_ctx *ctx, struct equalizer *e, const struct pair *pair)
{
    const size_t n = pair->from.n_out;
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, &e->job->arena, 3 * n, sizeof(double), &memory));
    double *const column = memory, *const row = column + n, *const factor = column + 2 * n;
    columns(e, pair, column);
    rows(e, pair, row);
    if (pair->largest == NULL || e->job->options->per_tensor) {
        make_factors(n, row, column, 0.5, factor);
    } else {
        const double share = choose_share(e, pair, column, factor);
        if (share < 0) return MW_OK;
        make_factors(n, pair->largest, column, share, factor);
    }
    return apply(ctx, e, pair, factor);
}

mw_status mwi_qjob_equalize(mw_ctx *ctx, mwi_qjob *job)
{
    struct equalizer e = {.job = job};

    MWI_TRY(find_pairs(ctx, &e));
    if (job->data != NULL) MWI_TRY(measure_all(ctx, &e));
    /* With a scale a channel one turn is the solution; one scale a tensor ties the pairs together. */
    for (int round = 0; round < (job->options->per_tensor ? TENSOR_ROUNDS : 1); round++)
        for (size_t i = 0; i < e.n_pairs; i++) MWI_TRY(equalize_pair(ctx, &e, &e.pairs[i]));
    return MW_OK;
}
