/* compress/quantize/quantizer.c - mw_quantize: options, the order of the steps, the result.
 * Depends: compress/quantize/job, passes/.  Used by: api, programs.
 * SPDX-License-Identifier: Apache-2.0 */
#include <milliwatt/quantize.h>

#include "compress/quantize/job.h"
#include "passes/pass.h"

#include <string.h>

static bool needs_activations(const mw_quantize_options *o)
{
    return mwi_scheme_find(o->scheme)->act != MW_FLOAT32 && !o->keep_layers;
}

static bool is_uint8_to_int8(const mw_model *model, const mw_quantize_options *o)
{
    const mwi_scheme_desc *const scheme = mwi_scheme_find(o->scheme);

    return needs_activations(o) && scheme->act == MW_INT8 && scheme->weight_bits == 8 &&
           mwi_model_is_uint8(model);
}

static bool learns(const mw_quantize_options *o) { return o->bias_correction || o->adaround; }

static mw_status check_data(mw_ctx *ctx, const mw_model *model, const mw_quantize_options *o,
                            const mw_dataset *data)
{
    if (data != NULL) return MW_OK;
    if (needs_activations(o) && !is_uint8_to_int8(model, o))
        return mwi_fail(ctx, MW_EINVAL,
                        "%s: the scheme %s needs calibration data to know the ranges of "
                        "activations; give some, or take the scheme %s",
                        model->name, mwi_scheme_find(o->scheme)->name,
                        mwi_scheme_find(MW_QUANT_DYNAMIC)->name);
    if (learns(o))
        return mwi_fail(ctx, MW_EINVAL,
                        "%s: bias correction and AdaRound learn from calibration data; give some",
                        model->name);
    return MW_OK;
}

static mw_status check_rows(mw_ctx *ctx, const mw_quantize_options *o)
{
    if (mwi_scheme_find(o->scheme) == NULL)
        return mwi_fail(ctx, MW_EINVAL, "there is no scheme %d; mw_list \"schemes\" has them all",
                        (int)o->scheme);
    if (mwi_method_find(o->method) == NULL)
        return mwi_fail(ctx, MW_EINVAL,
                        "there is no calibration method %d; mw_list \"methods\" has them all",
                        (int)o->method);
    if (o->io != MW_IO_DEFAULT && mwi_quant_io_find(o->io) == NULL)
        return mwi_fail(ctx, MW_EINVAL, "there is no io %d; mw_list \"io\" has them all",
                        (int)o->io);
    if (o->percentile != 0 && !(o->percentile > 50 && o->percentile <= 100))
        return mwi_fail(ctx, MW_EINVAL, "percentile %g, allowed above 50 to 100", o->percentile);
    return MW_OK;
}

/* What was asked for and would do nothing is refused: the caller believes that it did. */
static mw_status check_use(mw_ctx *ctx, const mw_model *model, const mw_quantize_options *o)
{
    const mwi_scheme_desc *const scheme = mwi_scheme_find(o->scheme);
    const mwi_method_desc *const method = mwi_method_find(o->method);
    const mwi_io_desc *const io = mwi_quant_io_find(o->io);

    if (!needs_activations(o) && io != NULL && io->dtype != MW_FLOAT32)
        return mwi_fail(ctx, MW_EINVAL,
                        "%s: the scheme %s keeps activations float%s, so its inputs and outputs "
                        "are float",
                        model->name, scheme->name, o->keep_layers ? " in a Keras file" : "");
    if (scheme->weight_bits == 16 && (learns(o) || o->equalize || o->per_tensor || method->weights))
        return mwi_fail(ctx, MW_EINVAL,
                        "%s: %s rounds each weight by itself: equalisation, bias correction, "
                        "AdaRound, per-tensor scales and methods of calibration would do nothing",
                        model->name, scheme->name);
    if (o->method != MW_CALIBRATE_MINMAX && !method->weights &&
        (!needs_activations(o) || is_uint8_to_int8(model, o)))
        return mwi_fail(ctx, MW_EINVAL,
                        "%s: the method %s chooses ranges of activations, and %s needs none: it "
                        "would do nothing",
                        model->name, method->name,
                        needs_activations(o) ? "rewriting a uint8 model as int8"
                        : o->keep_layers     ? "a Keras file"
                                             : scheme->name);
    if (o->percentile != 0 && o->method != MW_CALIBRATE_PERCENTILE)
        return mwi_fail(ctx, MW_EINVAL,
                        "a percentile of %g would do nothing with the method %s; take the method "
                        "%s",
                        o->percentile, method->name,
                        mwi_method_find(MW_CALIBRATE_PERCENTILE)->name);
    return MW_OK;
}

static mw_status check_options(mw_ctx *ctx, const mw_model *model, const mw_quantize_options *o)
{
    MWI_TRY(check_rows(ctx, o));
    return check_use(ctx, model, o);
}

/* ---- set-up ---- */

static mw_status float_model(mw_ctx *ctx, mwi_qjob *job, const mw_model *model,
                             const mw_quantize_options *o)
{
    mwi_qtrace trace;

    MWI_TRY(mwi_model_clone(ctx, model, &job->flt));
    MWI_TRY(mwi_qjob_trace_begin(ctx, job, &trace));
    if (!o->keep_layers)
        MWI_TRY(mwi_passes_run(ctx, job->flt, MWI_PASS_LOWER | MWI_PASS_OPTIMIZE, NULL, NULL));
    job->fg = job->flt->graphs[0];
    return mwi_qjob_trace_end(ctx, job, &trace);
}

static mw_status init_graph(mw_ctx *ctx, mwi_qjob *job, size_t graph)
{
    void *memory;

    job->graph = graph;
    job->fg = job->flt->graphs[graph];
    MWI_TRY(mwi_arena_array(ctx, &job->arena, job->fg->n_tensors, sizeof(mwi_qvalue), &memory));
    job->values = memory;
    MWI_TRY(mwi_arena_array(ctx, &job->arena, job->fg->n_ops, sizeof(mwi_qop), &memory));
    job->ops = memory;
    MWI_TRY(mwi_arena_array(ctx, &job->arena, job->fg->n_tensors, sizeof(mwi_qweight *), &memory));
    job->weights = memory;
    MWI_TRY(mwi_arena_array(ctx, &job->arena, job->fg->n_tensors, sizeof(mwi_tensor *), &memory));
    job->made = memory;
    MWI_TRY(mwi_arena_array(ctx, &job->arena, job->fg->n_ops, sizeof(mwi_op *), &memory));
    job->made_ops = memory;
    for (size_t i = 0; i < job->fg->n_tensors; i++) job->values[i].group = (int32_t)i;
    for (size_t i = 0; i < job->fg->n_ops; i++) job->ops[i].reason = "";
    return MW_OK;
}

static mw_status init(mw_ctx *ctx, mwi_qjob *job, const mw_model *model,
                      const mw_quantize_options *o, mw_dataset *data)
{
    void *memory;

    job->options = o;
    job->scheme = mwi_scheme_find(o->scheme);
    job->method = mwi_method_find(o->method);
    job->data = data;
    job->act = needs_activations(o) ? job->scheme->act : MW_FLOAT32;
    job->source = is_uint8_to_int8(model, o) ? MW_UINT8 : MW_FLOAT32;
    MWI_TRY(float_model(ctx, job, model, o));
    MWI_TRY(init_graph(ctx, job, 0));
    const size_t n = job->flt->n_graphs - 1;
    MWI_TRY(mwi_arena_array(ctx, &job->arena, n, sizeof(mwi_qjob), &memory));
    mwi_qjob *const others = memory;
    for (size_t i = 0; i < n; i++) {
        others[i] = *job;
        others[i].n_others = 0;
        others[i].given = NULL; /* ranges are given for the main graph */
        mwi_arena_init(ctx, &others[i].arena);
        job->others = others; /* from here on it is released */
        job->n_others = i + 1;
        MWI_TRY(init_graph(ctx, &others[i], i + 1));
    }
    return MW_OK;
}

/* ---- steps ---- */

/* Whether the model computes with integers already. */
static bool has_integers(const mwi_graph *g)
{
    for (size_t i = 0; i < g->n_tensors; i++)
        if (g->tensors[i]->quant != NULL && g->tensors[i]->quant->q.n_scales > 0 &&
            g->tensors[i]->dtype != MW_FLOAT32)
            return true;
    return false;
}

static bool has_quantized(const mwi_qjob *job)
{
    for (size_t i = 0; i < job->fg->n_ops; i++)
        if (job->ops[i].integer || job->ops[i].hybrid || job->ops[i].behind) return true;
    for (size_t i = 0; i < job->n_others; i++)
        if (has_quantized(&job->others[i])) return true;
    return false;
}

/* Why nothing can be quantized: what most of the operators with constants say, with the first of
 * them. */
static mw_status refuse_if_nothing(mw_ctx *ctx, const mwi_qjob *job)
{
    const mwi_graph *const g = job->fg;
    const mwi_op *largest = NULL;
    const char *reason = "";
    size_t most = 0;

    if (has_quantized(job)) return MW_OK;
    for (size_t i = 0; i < g->n_ops; i++) {
        const mwi_qop *const q = &job->ops[i];
        for (size_t k = 0; k < g->ops[i]->n_in; k++) {
            const mwi_tensor *const t = g->ops[i]->in[k] < 0 ? NULL : g->tensors[g->ops[i]->in[k]];
            if (t == NULL || t->data == NULL || t->bytes <= most || g->ops[i]->n_out == 0) continue;
            most = t->bytes;
            largest = g->ops[i];
            reason = q->reason;
        }
    }
    if (has_integers(g))
        return mwi_fail(ctx, MW_EUNSUPPORTED,
                        "%s: nothing to quantize: the model is quantized already; start from the "
                        "float model for another scheme",
                        job->flt->name);
    if (largest == NULL)
        return mwi_fail(ctx, MW_EUNSUPPORTED, "%s: nothing to quantize: the model has no weights",
                        job->flt->name);
    return mwi_fail(ctx, MW_EUNSUPPORTED,
                    "%s: nothing to quantize: the largest weight is %zu bytes, of '%s' (%s), which "
                    "%s%s",
                    job->flt->name, most, g->tensors[largest->out[0]]->name, mwi_op_name(largest),
                    reason[0] == '\0' ? "stays float" : "stays float: ", reason);
}

typedef mw_status (*graph_step)(mw_ctx *ctx, mwi_qjob *job);

static mw_status each_graph(mw_ctx *ctx, mwi_qjob *job, graph_step step)
{
    MWI_TRY(step(ctx, job));
    for (size_t i = 0; i < job->n_others; i++) MWI_TRY(step(ctx, &job->others[i]));
    return MW_OK;
}

static mw_status rewrite(mw_ctx *ctx, mwi_qjob *job)
{
    const graph_step step = job->options->keep_layers ? mwi_qjob_keras
                            : job->act != MW_FLOAT32  ? mwi_qjob_rewrite
                                                      : mwi_qjob_rewrite_weights;

    MWI_TRY(mwi_model_clone(ctx, job->flt, &job->out));
    for (size_t i = 0; i < job->n_others; i++) job->others[i].out = job->out;
    MWI_TRY(each_graph(ctx, job, step));
    return job->scheme->weight_bits == 16 ? refuse_if_nothing(ctx, job) : MW_OK;
}

/* Rounding and biases are learned for the main graph alone. */
static mw_status quantize_float(mw_ctx *ctx, mwi_qjob *job)
{
    const mw_quantize_options *const o = job->options;
    const bool half = job->scheme->weight_bits == 16;

    MWI_TRY(mwi_qjob_keep(ctx, job));
    if (o->equalize) MWI_TRY(mwi_qjob_equalize(ctx, job));
    if (!half) {
        MWI_TRY(mwi_qjob_decide(ctx, job));
        MWI_TRY(refuse_if_nothing(ctx, job));
    }
    MWI_TRY(mwi_qjob_calibrate(ctx, job));
    if (job->act != MW_FLOAT32) MWI_TRY(each_graph(ctx, job, mwi_qjob_scales));
    if (!half) MWI_TRY(each_graph(ctx, job, mwi_qjob_layers));
    if (job->data != NULL && !half) MWI_TRY(mwi_qjob_learn(ctx, job));
    return rewrite(ctx, job);
}

static mw_status plan(mw_ctx *ctx, const mwi_qjob *job, const mw_model *model)
{
    const mw_session_options options = {.n_threads = job->options->n_threads};
    mw_session *session = NULL;
    const mw_status st = mw_session_create(ctx, model, &options, &session);

    mw_session_destroy(session);
    return st;
}

/* A result that cannot be planned is never handed out, unless the model could not be before. */
static mw_status check_plan(mw_ctx *ctx, mwi_qjob *job)
{
    const mw_status st = plan(ctx, job, job->out);
    mwi_error error;

    if (st == MW_OK || st == MW_ENOMEM || st == MW_ECANCELLED) return st;
    mwi_error_save(ctx, &error);
    const mw_status before = plan(ctx, job, job->flt);
    mw_ctx_clear(ctx);
    if (before != MW_OK) return MW_OK;
    mwi_error_restore(ctx, &error);
    return mwi_prefix(ctx, st, "after quantization, which wrote nothing");
}

static mw_status steps(mw_ctx *ctx, mwi_qjob *job, const mw_model *model,
                       mw_quantize_report *report)
{
    if (job->source == MW_UINT8)
        MWI_TRY(mwi_qjob_uint8(ctx, job));
    else
        MWI_TRY(quantize_float(ctx, job));
    MWI_TRY(mwi_model_sweep(ctx, job->out, NULL));
    MWI_TRY(mwi_prefix(ctx, mwi_model_verify(ctx, job->out), "after quantization"));
    if (!job->options->keep_layers)
        MWI_TRY(mwi_prefix(ctx, mwi_qjob_check_multipliers(ctx, job->out), "%s", job->flt->name));
    MWI_TRY(check_plan(ctx, job));
    return report == NULL ? MW_OK : mwi_qjob_report(ctx, job, model, report);
}

mw_status mwi_qjob_open(mw_ctx *ctx, mwi_qjob *job, const mw_model *model,
                        const mw_quantize_options *options, mw_dataset *data)
{
    *job = (mwi_qjob){0};
    mwi_arena_init(ctx, &job->arena);
    MWI_TRY(check_options(ctx, model, options));
    MWI_TRY(init(ctx, job, model, options, data));
    MWI_TRY(mwi_qjob_keep(ctx, job));
    MWI_TRY(mwi_qjob_decide(ctx, job));
    MWI_TRY(refuse_if_nothing(ctx, job));
    return mwi_qjob_groups(ctx, job);
}

void mwi_qjob_close(mwi_qjob *job)
{
    mwi_arena_deinit(&job->arena);
    mw_model_destroy(job->flt);
    *job = (mwi_qjob){0};
}

/* The whole of it. On success job->out is the result, owned by the caller. */
static mw_status quantize(mw_ctx *ctx, mwi_qjob *job, const mw_model *model,
                          const mw_quantize_options *o, mw_dataset *data,
                          mw_quantize_report *report)
{
    mwi_arena_init(ctx, &job->arena);
    mw_status st = init(ctx, job, model, o, data);
    if (st == MW_OK) st = steps(ctx, job, model, report);
    for (size_t i = 0; i < job->n_others; i++) mwi_arena_deinit(&job->others[i].arena);
    mwi_arena_deinit(&job->arena);
    mw_model_destroy(job->flt);
    if (st != MW_OK) mw_model_destroy(job->out);
    return st;
}

mw_status mwi_quantize_given(mw_ctx *ctx, const mw_model *model, const mw_quantize_options *options,
                             const mwi_qgiven *given, mw_dataset *data, mw_model **out_model)
{
    mwi_qjob job = {.given = given};

    MWI_TRY(check_options(ctx, model, options));
    MWI_TRY(quantize(ctx, &job, model, options, data, NULL));
    *out_model = job.out;
    return MW_OK;
}

mw_status mw_quantize(mw_ctx *ctx, const mw_model *model, const mw_quantize_options *options,
                      mw_dataset *calibration, mw_model **out_model, mw_quantize_report *out_report)
{
    static const mw_quantize_options none;
    const mw_quantize_options *const o = options == NULL ? &none : options;
    mwi_qjob job = {0};
    mw_quantize_report report = {0};

    mwi_enter(ctx);
    MWI_TRY(check_options(ctx, model, o));
    MWI_TRY(check_data(ctx, model, o, calibration));
    MWI_TRY(quantize(ctx, &job, model, o, calibration, out_report == NULL ? NULL : &report));
    *out_model = job.out;
    if (out_report != NULL) *out_report = report;
    return MW_OK;
}
