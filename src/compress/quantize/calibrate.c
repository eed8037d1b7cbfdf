/* compress/quantize/calibrate.c - ranges of all activations from runs of the float model.
 * Depends: compress/quantize/job, feed.  Used by: mw_quantize.
 * Memory: an observer a tensor, one run's activations; nothing grows with the data.
 * SPDX-License-Identifier: Apache-2.0 */
#include "compress/quantize/feed.h"
#include "compress/quantize/job.h"

#include <inttypes.h>

struct watch {
    mwi_qjob *job;
    uint64_t run;
};

static mw_status watch_tensor(mw_ctx *ctx, const struct watch *w, mwi_qjob *job, int32_t index,
                              const mwi_view *view)
{
    mwi_qvalue *const v = &job->values[index];

    if (v->observer == NULL || view->dtype != MW_FLOAT32 || view->data == NULL) return MW_OK;
    if (mwi_observer_add(v->observer, view->data, view->bytes / sizeof(float))) return MW_OK;
    return mwi_fail(ctx, MW_EINVAL,
                    "tensor '%s' has a value that is not finite in calibration sample %" PRIu64
                    "; look at the data and their scale",
                    job->fg->tensors[index]->name, w->run);
}

static mw_status watch_step(void *self, mw_ctx *ctx, const mwi_graph *graph, const mwi_op *op,
                            const mwi_view *in, size_t n_in, const mwi_view *out, size_t n_out)
{
    struct watch *const w = self;
    mwi_qjob *job = w->job;

    (void)in, (void)n_in;
    for (size_t i = 0; i < w->job->n_others && job->fg != graph; i++) job = &w->job->others[i];
    for (size_t k = 0; k < n_out; k++)
        MWI_TRY(watch_tensor(ctx, w, job, op == NULL ? graph->inputs[k] : op->out[k], &out[k]));
    return MW_OK;
}

static mw_status run_all(mw_ctx *ctx, mwi_qjob *job, mwi_feed *feed)
{
    struct watch watch = {.job = job};

    mwi_session_observe(feed->session, watch_step, &watch);
    for (uint64_t r = 0; r < feed->n_runs; r++) {
        MWI_TRY(mwi_progress(ctx, "calibrate", r, feed->n_runs));
        watch.run = r * feed->samples_per_run;
        MWI_TRY(mwi_feed_run(ctx, feed, r));
    }
    job->n_samples = feed->n_samples;
    return mwi_progress(ctx, "calibrate", feed->n_runs, feed->n_runs);
}

/* Ranges that are given go before those that were measured. */
static void take_given(mwi_qjob *job)
{
    for (size_t i = 0; i < job->fg->n_tensors && job->given != NULL; i++) {
        const int32_t at = job->given_tensor[i];
        if (at < 0 || !(job->given->ranges[at].min <= job->given->ranges[at].max)) continue;
        job->values[i].range = job->given->ranges[at];
        job->values[i].ranged = true;
    }
}

static mw_status make_observers(mw_ctx *ctx, mwi_qjob *job)
{
    for (size_t i = 0; i < job->fg->n_tensors; i++)
        if (job->fg->tensors[i]->dtype == MW_FLOAT32 && !mwi_tensor_is_const(job->fg->tensors[i]))
            MWI_TRY(mwi_observer_create(ctx, &job->arena, job->method->histogram,
                                        &job->values[i].observer));
    return MW_OK;
}

static void set_ranges(mwi_qjob *job)
{
    const double percentile = job->options->percentile > 0 ? job->options->percentile : 99.99;
    int32_t low, high;

    mwi_quant_range(job->act == MW_FLOAT32 ? MW_INT8 : job->act, &low, &high);
    for (size_t i = 0; i < job->fg->n_tensors; i++) {
        mwi_qvalue *const v = &job->values[i];
        if (v->observer == NULL || v->observer->n == 0) continue;
        v->range = job->method->range(v->observer, high - low + 1, percentile);
        v->ranged = true;
    }
}

static mw_status measure(mw_ctx *ctx, mwi_qjob *job)
{
    const mw_quantize_options *const o = job->options;
    mwi_feed feed;

    MWI_TRY(make_observers(ctx, job));
    for (size_t i = 0; i < job->n_others; i++) MWI_TRY(make_observers(ctx, &job->others[i]));
    mw_status st = mwi_feed_open(ctx, job->flt, job->data, o->max_samples, o->n_threads, &feed);
    if (st == MW_OK) st = run_all(ctx, job, &feed);
    mwi_feed_close(&feed);
    MWI_TRY(mwi_prefix(ctx, st, "calibration"));
    set_ranges(job);
    for (size_t i = 0; i < job->n_others; i++) set_ranges(&job->others[i]);
    return MW_OK;
}

mw_status mwi_qjob_calibrate(mw_ctx *ctx, mwi_qjob *job)
{
    if (job->data != NULL) MWI_TRY(measure(ctx, job));
    take_given(job);
    return MW_OK;
}
