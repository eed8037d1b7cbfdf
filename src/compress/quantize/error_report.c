/* compress/quantize/error_report.c - each layer's error against the float model, as a quantization
 * debugger gives it: alone (float inputs, the quantized kernel) and with all layers before it
 * quantized.
 * Depends: compress/quantize/job, capture, feed.  Used by: mw_quantize.
 * SPDX-License-Identifier: Apache-2.0 */
#include "compress/quantize/capture.h"
#include "compress/quantize/feed.h"
#include "compress/quantize/job.h"

#include <math.h>
#include <string.h>

/* Runs that are measured, and those of them in which each layer is run alone too. */
enum { MEASURED_RUNS = 64, ALONE_RUNS = 8 };

struct power {
    double signal, noise;
};

struct measure {
    mwi_qjob *job;
    mwi_graph *qg;
    mwi_capture floats;  /* the float model's values of this run */
    int32_t *value_of;   /* by tensor of the result: which float value it holds, -1 none */
    struct power *alone; /* by op */
    struct power *whole; /* by float value */
    float *buffer;       /* a dequantized tensor */
    size_t buffer_n;
    mwi_arena scratch; /* one layer's run */
};

static void add_power(struct power *p, const float *want, const float *got, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const double w = (double)want[i], e = w - (double)got[i];
        p->signal += w * w;
        p->noise += e * e;
    }
}

static double decibel(struct power p)
{
    return p.signal == 0 && p.noise == 0 ? (double)NAN : mwi_decibel(p.signal, p.noise);
}

/* Room for n floats. What was there before is lost. */
static mw_status reserve(mw_ctx *ctx, struct measure *m, size_t n)
{
    void *memory;

    if (n <= m->buffer_n) return MW_OK;
    MWI_TRY(mwi_arena_array(ctx, &m->job->arena, n, sizeof(float), &memory));
    m->buffer = memory;
    m->buffer_n = n;
    return MW_OK;
}

/* ---- with all before it quantized ---- */

static mw_status compare_step(void *self, mw_ctx *ctx, const mwi_graph *graph, const mwi_op *op,
                              const mwi_view *in, size_t n_in, const mwi_view *out, size_t n_out)
{
    struct measure *const m = self;

    (void)in, (void)n_in;
    if (graph != m->qg || op == NULL) return MW_OK;
    for (size_t k = 0; k < n_out; k++) {
        const int32_t value = m->value_of[op->out[k]];
        const size_t n = mwi_view_n(&out[k]);
        if (value < 0 || m->floats.values[value] == NULL || m->floats.counts[value] != n) continue;
        MWI_TRY(reserve(ctx, m, n));
        if (mwi_view_floats(&out[k], graph->tensors[op->out[k]]->quant, m->buffer))
            add_power(&m->whole[value], m->floats.values[value], m->buffer, n);
    }
    return MW_OK;
}

/* The same real inputs as the float model had, in the result's types: those that kept their type
 * are read again, since a run may overwrite its inputs. */
static mw_status set_inputs(mw_ctx *ctx, const struct measure *m, const mwi_feed *feed, uint64_t r,
                            mw_session *to)
{
    for (size_t i = 0; i < m->qg->n_inputs; i++) {
        const int32_t value = m->job->fg->inputs[i];
        mw_buffer a, b;
        MWI_TRY(mw_session_input(ctx, feed->session, i, &a));
        MWI_TRY(mw_session_input(ctx, to, i, &b));
        const mw_quantization *const q = &b.info.quantization;
        const size_t n = m->floats.counts[value];
        if (a.info.dtype == b.info.dtype) {
            MWI_TRY(mwi_feed_read(ctx, feed, r, i, &b));
        } else if (m->floats.values[value] != NULL && q->n_scales == 1) {
            const mwi_params p = {q->scales[0], (int32_t)q->zero_points[0]};
            mwi_quantize_all(m->floats.values[value], n, b.info.dtype, p, b.data);
        }
    }
    return MW_OK;
}

/* ---- alone ---- */

static mw_status eval_producer(mw_ctx *ctx, struct measure *m, int32_t tensor, mwi_view *view)
{
    const int32_t p = mwi_graph_producer(m->qg, tensor);
    mwi_shape_call call;

    if (p < 0) return MW_OK;
    MWI_TRY(mwi_op_views(ctx, m->qg, m->qg->ops[p], &m->scratch, &call));
    MWI_TRY(mwi_op_eval(ctx, &call, &m->scratch));
    view->data = call.out[0].data;
    return MW_OK;
}

/* Gives an input of a layer its data; leaves data NULL when there is nothing to give. */
static mw_status feed_input(mw_ctx *ctx, struct measure *m, int32_t value, int32_t tensor,
                            mwi_view *view)
{
    const mwi_tensor *const f = value < 0 ? NULL : m->job->fg->tensors[value];

    if (view->tensor == NULL || view->data != NULL || f == NULL) return MW_OK;
    if (mwi_tensor_is_const(f))
        return eval_producer(ctx, m, tensor, view); /* a weight behind DEQUANTIZE */
    const float *const x = m->floats.values[value];
    const size_t n = mwi_view_n(view);
    if (x == NULL || n != m->floats.counts[value]) return MW_OK;
    MWI_TRY(mwi_arena_alloc(ctx, &m->scratch, view->bytes, &view->data));
    if (view->dtype == MW_FLOAT32) {
        memcpy(view->data, x, view->bytes);
    } else if (view->quant != NULL && view->quant->q.n_scales == 1) {
        const mwi_params p = {view->quant->q.scales[0], (int32_t)view->quant->q.zero_points[0]};
        mwi_quantize_all(x, n, view->dtype, p, view->data);
    } else {
        view->data = NULL;
    }
    return MW_OK;
}

static mw_status run_alone(mw_ctx *ctx, struct measure *m, size_t i)
{
    const mwi_op *const from = m->job->fg->ops[i], *const op = m->job->made_ops[i];
    mwi_shape_call call;

    MWI_TRY(mwi_op_views(ctx, m->qg, op, &m->scratch, &call));
    mwi_view *const in = (mwi_view *)(uintptr_t)call.in; /* made just above */
    for (size_t k = 0; k < op->n_in; k++) {
        if (op->in[k] < 0) continue;
        const int32_t value = k < from->n_in ? from->in[k] : -1;
        MWI_TRY(feed_input(ctx, m, value, op->in[k], &in[k]));
        if (in[k].data == NULL || in[k].tensor->is_variable) return MW_OK;
    }
    MWI_TRY(mwi_op_eval(ctx, &call, &m->scratch));
    for (size_t k = 0; k < op->n_out && k < from->n_out; k++) {
        const int32_t value = from->out[k];
        const size_t n = mwi_view_n(&call.out[k]);
        if (m->floats.values[value] == NULL || m->floats.counts[value] != n) continue;
        MWI_TRY(reserve(ctx, m, n));
        if (mwi_view_floats(&call.out[k], call.out[k].quant, m->buffer))
            add_power(&m->alone[i], m->floats.values[value], m->buffer, n);
    }
    return MW_OK;
}

static bool was_quantized(const mwi_qop *q) { return q->integer || q->hybrid || q->behind; }

static mw_status all_alone(mw_ctx *ctx, struct measure *m)
{
    for (size_t i = 0; i < m->job->fg->n_ops; i++) {
        const mwi_op *const op = m->job->made_ops[i];
        if (!was_quantized(&m->job->ops[i]) || op == NULL ||
            (op->desc->traits & MWI_OP_STATEFUL) != 0)
            continue;
        mwi_arena_init(ctx, &m->scratch);
        const mw_status st = run_alone(ctx, m, i);
        mwi_arena_deinit(&m->scratch);
        MWI_TRY(mwi_prefix(ctx, st, "layer '%s' alone",
                           m->job->fg->tensors[m->job->fg->ops[i]->out[0]]->name));
    }
    return MW_OK;
}

/* ---- measuring ---- */

static mw_status measure_init(mw_ctx *ctx, mwi_qjob *job, struct measure *m)
{
    void *value_of, *alone, *whole;

    m->job = job;
    m->qg = job->out->graphs[0];
    MWI_TRY(mwi_capture_init(ctx, &m->floats, job->fg, NULL, &job->arena));
    MWI_TRY(mwi_arena_array(ctx, &job->arena, m->qg->n_tensors, sizeof(int32_t), &value_of));
    MWI_TRY(mwi_arena_array(ctx, &job->arena, job->fg->n_ops, sizeof(struct power), &alone));
    MWI_TRY(mwi_arena_array(ctx, &job->arena, job->fg->n_tensors, sizeof(struct power), &whole));
    m->value_of = value_of;
    m->alone = alone;
    m->whole = whole;
    for (size_t i = 0; i < m->qg->n_tensors; i++) {
        m->value_of[i] = -1;
        for (size_t k = 0; k < job->fg->n_tensors && m->value_of[i] < 0; k++)
            if (job->made[k] == m->qg->tensors[i]) m->value_of[i] = (int32_t)k;
    }
    return MW_OK;
}

static mw_status measure_run(mw_ctx *ctx, struct measure *m, mwi_feed *feed, mw_session *quantized,
                             uint64_t r)
{
    mwi_session_observe(feed->session, mwi_capture_step, &m->floats);
    MWI_TRY(mwi_feed_run(ctx, feed, r));
    if (r == 0) MWI_TRY(mw_session_reset(ctx, quantized));
    MWI_TRY(set_inputs(ctx, m, feed, r, quantized));
    mwi_session_observe(quantized, compare_step, m);
    MWI_TRY(mw_session_run(ctx, quantized));
    return r < ALONE_RUNS ? all_alone(ctx, m) : MW_OK;
}

static mw_status measure_all(mw_ctx *ctx, struct measure *m, mwi_feed *feed, mw_session *quantized)
{
    const uint64_t n = feed->n_runs < MEASURED_RUNS ? feed->n_runs : MEASURED_RUNS;

    for (uint64_t r = 0; r < n; r++) {
        MWI_TRY(mwi_progress(ctx, "measure", r, n));
        MWI_TRY(measure_run(ctx, m, feed, quantized, r));
    }
    return mwi_progress(ctx, "measure", n, n);
}

static mw_status measure(mw_ctx *ctx, mwi_qjob *job, struct measure *m)
{
    const mw_session_options options = {.n_threads = job->options->n_threads};
    mw_session *quantized = NULL;
    mwi_feed feed;

    MWI_TRY(measure_init(ctx, job, m));
    mw_status st = mwi_feed_open(ctx, job->flt, job->data, job->options->max_samples,
                                 job->options->n_threads, &feed);
    if (st == MW_OK) st = mw_session_create(ctx, job->out, &options, &quantized);
    if (st == MW_OK) job->n_samples = feed.n_samples;
    if (st == MW_OK) st = measure_all(ctx, m, &feed, quantized);
    mw_session_destroy(quantized);
    mwi_feed_close(&feed);
    return mwi_prefix(ctx, st, "error report");
}

/* ---- the report ---- */

/* One allocation: its size, the layers, then their names. */
struct block {
    size_t bytes;
    _Alignas(64) mw_layer_error layers[];
};

static size_t name_bytes(const mwi_qjob *job, size_t i)
{
    const mwi_op *const op = job->fg->ops[i];
    return strlen(job->fg->tensors[op->out[0]]->name) + strlen(mwi_op_name(op)) + 2;
}

static const char *put(char **at, const char *text)
{
    const size_t n = strlen(text) + 1;
    char *const here = *at;

    memcpy(here, text, n);
    *at += n;
    return here;
}

static void fill_layer(const mwi_qjob *job, const struct measure *m, size_t i, char **names,
                       mw_layer_error *out)
{
    const mwi_op *const op = job->fg->ops[i];
    const mwi_qvalue *const v = &job->values[op->out[0]];
    const bool measured = m->alone != NULL && m->whole != NULL;

    *out = (mw_layer_error){
        .name = put(names, job->fg->tensors[op->out[0]]->name),
        .op = put(names, mwi_op_name(op)),
        .sqnr_db = measured ? decibel(m->alone[i]) : (double)NAN,
        .cumulative_sqnr_db = measured ? decibel(m->whole[op->out[0]]) : (double)NAN,
        .min = v->ranged ? v->range.min : (double)NAN,
        .max = v->ranged ? v->range.max : (double)NAN,
        .quantized = was_quantized(&job->ops[i]),
        .reason = job->ops[i].reason, /* static */
    };
}

static mw_status fill(mw_ctx *ctx, const mwi_qjob *job, const struct measure *m,
                      mw_quantize_report *out)
{
    size_t bytes = sizeof(struct block) + job->fg->n_ops * sizeof(mw_layer_error), n = 0;
    void *memory;

    for (size_t i = 0; i < job->fg->n_ops; i++)
        if (job->fg->ops[i]->n_out > 0) bytes += name_bytes(job, i);
    mwi_heap *const heap = mwi_heap_retain(ctx);
    const mw_status st = mwi_heap_alloc(ctx, heap, bytes, &memory);
    if (st != MW_OK) {
        mwi_heap_release(heap);
        return st;
    }
    struct block *const block = memory;
    char *names = (char *)(block->layers + job->fg->n_ops);
    block->bytes = bytes;
    for (size_t i = 0; i < job->fg->n_ops; i++) {
        if (job->fg->ops[i]->n_out == 0) continue;
        fill_layer(job, m, i, &names, &block->layers[n]);
        out->n_kept += !block->layers[n++].quantized;
    }
    out->heap = heap;
    out->layers = block->layers;
    out->n_layers = n;
    return MW_OK;
}

mw_status mwi_qjob_report(mw_ctx *ctx, mwi_qjob *job, const mw_model *before,
                          mw_quantize_report *out)
{
    struct measure m = {0};
    struct power outputs = {0};

    memset(out, 0, sizeof *out);
    MWI_TRY(mw_model_summarize(ctx, before, &out->before));
    MWI_TRY(mw_model_summarize(ctx, job->out, &out->after));
    out->random_inputs = job->data == NULL && job->source == MW_UINT8;
    if (job->data != NULL || out->random_inputs) MWI_TRY(measure(ctx, job, &m));
    for (size_t i = 0; i < job->fg->n_outputs && m.whole != NULL; i++) {
        outputs.signal += m.whole[job->fg->outputs[i]].signal;
        outputs.noise += m.whole[job->fg->outputs[i]].noise;
    }
    out->output_sqnr_db = decibel(outputs);
    out->n_samples = job->n_samples;
    return fill(ctx, job, &m, out);
}

void mw_quantize_report_free(mw_quantize_report *report)
{
    if (report == NULL || report->heap == NULL) return;
    struct block *const block =
        (struct block *)(void *)((char *)report->layers - offsetof(struct block, layers));
    mwi_heap_free(report->heap, block, block->bytes);
    mwi_heap_release(report->heap);
    memset(report, 0, sizeof *report);
}
