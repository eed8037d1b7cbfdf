/* compress/quantize/equalize.c - cross-layer equalisation (Nagel et al. 2019): what leaves some
 * layers is divided by a factor a channel, and the weights that meet it are multiplied by it. The
 * float model stays the same; quantized, its channels fill one scale evenly. The factors weigh the
 * channels' ranges of activations, measured on the calibration data, against the next weights'
 * columns and, with one scale a tensor, the first weights' rows; the mixture that is predicted to
 * lose least is taken, if any helps. Without data the rows stand in for the activations, as in the
 * paper.
 * Depends: compress/quantize/equalize_groups, feed, capture.  Used by: mw_quantize.
 * SPDX-License-Identifier: Apache-2.0 */
#include "compress/quantize/equalize_groups.h"

#include "compress/quantize/capture.h"
#include "compress/quantize/feed.h"

#include <math.h>
#include <string.h>

struct equalizer {
    mwi_qjob *job;
    mwi_shared_channels *groups;
    size_t n_groups;
    double limit, levels; /* of weights, of activations */
    mwi_uses uses;
    double **made; /* by op: what each output channel was divided by so far; NULL: nothing */
    bool *wanted;
};

/* ---- measuring ---- */

static void measure_value(mwi_shared_value *v, size_t channels, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const double a = fabs((double)x[i]);
        v->is_signed = v->is_signed || x[i] < 0;
        double *const largest = &v->largest[i % channels];
        *largest = a > *largest ? a : *largest;
        v->square[i % channels] += a * a;
    }
    v->n += n / channels;
}

static void measure_group(mwi_shared_channels *g, const mwi_capture *c)
{
    for (size_t i = 0; i < g->n_values; i++)
        if (c->values[g->values[i].tensor] != NULL)
            measure_value(&g->values[i], g->channels, c->values[g->values[i].tensor],
                          c->counts[g->values[i].tensor]);
    for (size_t i = 0; i < g->n_producers; i++) {
        mwi_shared_layer *const p = &g->producers[i];
        const float *const x = c->values[p->patches.input];
        for (size_t k = 0; x != NULL && k < c->counts[p->patches.input]; k++)
            p->input += (double)x[k] * (double)x[k];
        if (x != NULL) p->n += c->counts[p->patches.input];
    }
}

static mw_status prepare(mw_ctx *ctx, struct equalizer *e)
{
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, &e->job->arena, e->job->fg->n_tensors, sizeof(bool), &memory));
    e->wanted = memory;
    MWI_TRY(mwi_arena_array(ctx, &e->job->arena, e->job->fg->n_ops, sizeof(double *), &memory));
    e->made = memory;
    for (size_t i = 0; i < e->n_groups; i++) {
        mwi_shared_channels *const g = &e->groups[i];
        for (size_t k = 0; k < g->n_values; k++) {
            MWI_TRY(mwi_arena_array(ctx, &e->job->arena, 2 * g->channels, sizeof(double), &memory));
            g->values[k].largest = memory;
            g->values[k].square = g->values[k].largest + g->channels;
            e->wanted[g->values[k].tensor] = true;
        }
        for (size_t k = 0; k < g->n_producers; k++) e->wanted[g->producers[k].patches.input] = true;
    }
    return MW_OK;
}

static mw_status measure_all(mw_ctx *ctx, struct equalizer *e)
{
    const mw_quantize_options *const o = e->job->options;
    mwi_capture capture;
    mwi_feed feed;

    MWI_TRY(mwi_capture_init(ctx, &capture, e->job->fg, e->wanted, &e->job->arena));
    mw_status st =
        mwi_feed_open(ctx, e->job->flt, e->job->data, o->max_samples, o->n_threads, &feed);
    if (st == MW_OK) mwi_session_observe(feed.session, mwi_capture_step, &capture);
    for (uint64_t r = 0; st == MW_OK && r < feed.n_runs; r++) {
        st = mwi_progress(ctx, "equalize", r, feed.n_runs);
        if (st == MW_OK) st = mwi_feed_run(ctx, &feed, r);
        for (size_t i = 0; i < e->n_groups && st == MW_OK; i++)
            measure_group(&e->groups[i], &capture);
    }
    mwi_feed_close(&feed);
    return st;
}

/* ---- what factors would do ---- */

static const float *weight_of(const struct equalizer *e, const mwi_patches *p)
{
    return e->job->fg->tensors[p->op->in[1]]->data;
}

static double at(const float *w, const mwi_patches *p, size_t o, size_t j)
{
    return (double)w[o * p->out_stride + j * p->in_stride];
}

/* Largest magnitude of a producer's rows when each is divided by its factor. */
static double largest_row(const struct equalizer *e, const mwi_patches *p, const double *factor)
{
    const float *const w = weight_of(e, p);
    double largest = 0;

    for (size_t o = 0; o < p->n_out; o++)
        for (size_t j = 0; j < p->k; j++) largest = fmax(largest, fabs(at(w, p, o, j)) / factor[o]);
    return largest;
}

/* Squared step, in units where a channel's error is this times its factor squared. */
static double common_step(const struct equalizer *e, const mwi_shared_channels *g,
                          const double *factor)
{
    double sum = 0;

    for (size_t i = 0; i < g->n_values; i++) {
        double step = 0;
        for (size_t c = 0; c < g->channels; c++)
            step = fmax(step, g->values[i].largest[c] / factor[c] / e->levels);
        sum += step * step * (g->values[i].is_signed ? 4 : 1); /* twice the range */
    }
    for (size_t i = 0; i < g->n_producers && e->job->options->per_tensor; i++) {
        const mwi_shared_layer *const p = &g->producers[i];
        const double step = largest_row(e, &p->patches, factor) / e->limit;
        if (p->n > 0) sum += step * step * p->input / (double)p->n * (double)p->patches.k;
    }
    return sum;
}

/* Place of an operator in the graph. */
static size_t place_of(const struct equalizer *e, const mwi_op *op)
{
    return (size_t)e->uses.producer[op->out[0]];
}

/* Squared error at one reader's outputs: from the values' rounding, and from its own weights'. Both
 * are taken as even and independent. */
static double reader_error(const struct equalizer *e, const mwi_shared_channels *g,
                           const mwi_shared_layer *r, const double *factor, double step)
{
    const mwi_patches *const p = &r->patches;
    const mwi_shared_value *const v = &g->values[r->value];
    const float *const w = weight_of(e, p);
    const double *const made = e->made[place_of(e, p->op)];
    double sum = 0, largest_of_all = 0, inputs_of_all = 0;

    for (size_t o = 0; o < p->n_out; o++) {
        /* In the units of the model as it was: a channel that was divided counts for so much more.
         */
        const double unit = made == NULL ? 1 : made[o] * made[o];
        double largest = 0, weights = 0, inputs = 0;
        for (size_t j = 0; j < p->k; j++) {
            const size_t c = mwi_shared_channel_at(p, o, j, g->channels);
            const double a = fabs(at(w, p, o, j)) * factor[c];
            largest = fmax(largest, a);
            weights += a * a;
            inputs += v->square[c] / (double)v->n / (factor[c] * factor[c]);
        }
        largest_of_all = fmax(largest_of_all, largest);
        inputs_of_all += unit * inputs;
        sum += unit * step * weights;
        if (!e->job->options->per_tensor)
            sum += unit * largest / e->limit * (largest / e->limit) * inputs;
    }
    if (e->job->options->per_tensor)
        sum += largest_of_all / e->limit * (largest_of_all / e->limit) * inputs_of_all;
    return sum;
}

static double predicted(const struct equalizer *e, const mwi_shared_channels *g,
                        const double *factor)
{
    const double step = common_step(e, g, factor);
    double sum = 0;

    for (size_t r = 0; r < g->n_readers; r++)
        sum += reader_error(e, g, &g->readers[r], factor, step);
    return sum;
}

/* ---- choosing ---- */

/* Profiles of the channels, each at most 1: activations, first weights' rows, next weights'
 * columns. */
struct profiles {
    double *activation, *row, *column, *factor;
};

static void set_activation(const mwi_shared_channels *g, double *out)
{
    memset(out, 0, g->channels * sizeof *out);
    for (size_t i = 0; i < g->n_values; i++) {
        double largest = 0;
        for (size_t c = 0; c < g->channels; c++) largest = fmax(largest, g->values[i].largest[c]);
        for (size_t c = 0; c < g->channels && largest > 0; c++)
            out[c] = fmax(out[c], g->values[i].largest[c] / largest);
    }
}

static void set_rows(const struct equalizer *e, const mwi_shared_channels *g, double *out)
{
    memset(out, 0, g->channels * sizeof *out);
    for (size_t i = 0; i < g->n_producers; i++) {
        const mwi_patches *const p = &g->producers[i].patches;
        const float *const w = weight_of(e, p);
        double largest = 0;
        for (size_t o = 0; o < p->n_out; o++)
            for (size_t j = 0; j < p->k; j++) largest = fmax(largest, fabs(at(w, p, o, j)));
        for (size_t o = 0; o < p->n_out; o++)
            for (size_t j = 0; j < p->k && largest > 0; j++)
                out[o] = fmax(out[o], fabs(at(w, p, o, j)) / largest);
    }
}

/* Each row is brought to 1 first where it has a scale of its own. */
static void set_columns(const struct equalizer *e, const mwi_shared_channels *g, double *out)
{
    memset(out, 0, g->channels * sizeof *out);
    for (size_t r = 0; r < g->n_readers; r++) {
        const mwi_patches *const p = &g->readers[r].patches;
        const float *const w = weight_of(e, p);
        for (size_t o = 0; o < p->n_out; o++) {
            double largest = 0;
            for (size_t j = 0; j < p->k; j++) largest = fmax(largest, fabs(at(w, p, o, j)));
            if (e->job->options->per_tensor) largest = 1;
            for (size_t j = 0; j < p->k && largest > 0; j++) {
                double *const c = &out[mwi_shared_channel_at(p, o, j, g->channels)];
                *c = fmax(*c, fabs(at(w, p, o, j)) / largest);
            }
        }
    }
}

/* factor = activation^a row^b / column^(1 - a - b), at most 1. */
static void make_factors(size_t n, const struct profiles *p, double a, double b)
{
    double largest = 0;

    for (size_t c = 0; c < n; c++) {
        const bool alive =
            (a == 0 || p->activation[c] > 0) && (b == 0 || p->row[c] > 0) && p->column[c] > 0;
        p->factor[c] =
            alive ? pow(p->activation[c], a) * pow(p->row[c], b) / pow(p->column[c], 1 - a - b) : 0;
        largest = fmax(largest, p->factor[c]);
    }
    for (size_t c = 0; c < n; c++) {
        /* A channel that hardly fires in the calibration data may fire later: it keeps headroom. */
        p->factor[c] = largest > 0 ? fmax(p->factor[c] / largest, 1.0 / 64) : 1;
    }
}

/* Leaves the best factors in p->factor; false: none is better than 1. */
static bool choose(const struct equalizer *e, const mwi_shared_channels *g,
                   const struct profiles *p)
{
    const bool per_tensor = e->job->options->per_tensor;
    const int steps = per_tensor ? 4 : 10;
    double best, best_a = -1, best_b = 0;

    for (size_t c = 0; c < g->channels; c++) p->factor[c] = 1;
    best = predicted(e, g, p->factor);
    for (int i = 0; i <= steps; i++) {
        for (int k = 0; i + k <= (per_tensor ? steps : i); k++) {
            const double a = (double)i / steps, b = (double)k / steps;
            make_factors(g->channels, p, a, b);
            const double error = predicted(e, g, p->factor);
            if (error >= best) continue;
            best = error;
            best_a = a;
            best_b = b;
        }
    }
    if (best_a < 0) return false;
    make_factors(g->channels, p, best_a, best_b);
    return true;
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

static mw_status note_factors(mw_ctx *ctx, struct equalizer *e, const mwi_patches *p,
                              const double *factor)
{
    const size_t i = place_of(e, p->op);
    void *memory;

    if (e->made[i] == NULL) {
        MWI_TRY(mwi_arena_array(ctx, &e->job->arena, p->n_out, sizeof(double), &memory));
        e->made[i] = memory;
        for (size_t o = 0; o < p->n_out; o++) e->made[i][o] = 1;
    }
    for (size_t o = 0; o < p->n_out; o++) e->made[i][o] *= factor[o];
    return MW_OK;
}

static mw_status divide_producer(mw_ctx *ctx, struct equalizer *e, const mwi_patches *p,
                                 const double *factor)
{
    float *w;

    MWI_TRY(note_factors(ctx, e, p, factor));
    MWI_TRY(own_copy(ctx, e, p->op->in[1], &w));
    for (size_t o = 0; o < p->n_out; o++)
        for (size_t j = 0; j < p->k; j++) {
            float *const v = &w[o * p->out_stride + j * p->in_stride];
            *v = (float)((double)*v / factor[o]);
        }
    if (p->op->n_in < 3 || p->op->in[2] < 0) return MW_OK;
    MWI_TRY(own_copy(ctx, e, p->op->in[2], &w));
    for (size_t o = 0; o < p->n_out; o++) w[o] = (float)((double)w[o] / factor[o]);
    return MW_OK;
}

static mw_status multiply_reader(mw_ctx *ctx, struct equalizer *e, const mwi_patches *p,
                                 size_t channels, const double *factor)
{
    float *w;

    MWI_TRY(own_copy(ctx, e, p->op->in[1], &w));
    for (size_t o = 0; o < p->n_out; o++)
        for (size_t j = 0; j < p->k; j++) {
            float *const v = &w[o * p->out_stride + j * p->in_stride];
            *v = (float)((double)*v * factor[mwi_shared_channel_at(p, o, j, channels)]);
        }
    return MW_OK;
}

static mw_status apply(mw_ctx *ctx, struct equalizer *e, mwi_shared_channels *g,
                       const double *factor)
{
    for (size_t i = 0; i < g->n_producers; i++)
        MWI_TRY(divide_producer(ctx, e, &g->producers[i].patches, factor));
    for (size_t i = 0; i < g->n_readers; i++)
        MWI_TRY(multiply_reader(ctx, e, &g->readers[i].patches, g->channels, factor));
    for (size_t i = 0; i < g->n_values; i++)
        for (size_t c = 0; c < g->channels; c++) {
            g->values[i].largest[c] /= factor[c];
            g->values[i].square[c] /= factor[c] * factor[c];
        }
    return MW_OK;
}

static mw_status equalize_group(mw_ctx *ctx, struct equalizer *e, mwi_shared_channels *g)
{
    const size_t n = g->channels;
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, &e->job->arena, 4 * n, sizeof(double), &memory));
    double *const m = memory;
    const struct profiles p = {m, m + n, m + 2 * n, m + 3 * n};
    set_activation(g, p.activation);
    set_rows(e, g, p.row);
    set_columns(e, g, p.column);
    if (e->job->data == NULL)
        make_factors(n, &p, 0, 0.5);
    else if (!choose(e, g, &p))
        return MW_OK;
    return apply(ctx, e, g, p.factor);
}

mw_status mwi_qjob_equalize(mw_ctx *ctx, mwi_qjob *job)
{
    const mwi_scheme_desc *const scheme = job->scheme;
    /* Activations that stay float are as good as without steps; hybrid kernels round them to 8
     * bits while they run. */
    struct equalizer e = {.job = job,
                          .limit = mwi_weight_limit(scheme->weight_bits),
                          .levels = scheme->act == MW_INT16                    ? 65535
                                    : scheme->act == MW_INT8 || scheme->hybrid ? 255
                                                                               : 1e9};

    MWI_TRY(mwi_graph_uses(ctx, job->fg, &job->arena, &e.uses));
    MWI_TRY(mwi_shared_channels_find(ctx, job, &e.groups, &e.n_groups));
    if (e.n_groups == 0)
        return mwi_fail(ctx, MW_EUNSUPPORTED,
                        "%s: no two layers in a row to equalise (convolutions or matrix products "
                        "with nothing but RELU, additions, pooling or reshaping between them)",
                        job->flt->name);
    MWI_TRY(prepare(ctx, &e));
    if (job->data != NULL) MWI_TRY(measure_all(ctx, &e));
    for (size_t i = 0; i < e.n_groups; i++) {
        MWI_TRY(mwi_progress(ctx, "equalize layers", i, e.n_groups));
        MWI_TRY(equalize_group(ctx, &e, &e.groups[i]));
    }
    return MW_OK;
}
