/* compress/quantize/quantizer.c - mw_quantize: options, the order of the steps, the result.
 * Depends: compress/quantize/job, passes/.  Used by: api, programs.
 * SPDX-License-Identifier: Apache-2.0 */
#include <milliwatt/quantize.h>

#include "compress/quantize/job.h"
#include "passes/pass.h"

#include <string.h>

static bool needs_activations(const mw_quantize_options *o)
{
    return (o->scheme == MW_QUANT_INT8 || o->scheme == MW_QUANT_INT16X8) && !o->for_keras;
}

static bool learns(const mw_quantize_options *o) { return o->bias_correction || o->adaround; }

static mw_status check_data(mw_ctx *ctx, const mw_model *model, const mw_quantize_options *o,
                            const mw_dataset *data)
{
    if (data != NULL) return MW_OK;
    if (needs_activations(o) && !(o->scheme == MW_QUANT_INT8 && mwi_model_is_uint8(model)))
        return mwi_fail(ctx, MW_EINVAL,
                        "%s: int8 and int16x8 need calibration data to know the ranges of "
                        "activations; give some, or take the scheme dynamic",
                        model->name);
    if (learns(o))
        return mwi_fail(ctx, MW_EINVAL,
                        "%s: bias correction and AdaRound learn from calibration data; give some",
                        model->name);
    return MW_OK;
}

static mw_status check_options(mw_ctx *ctx, const mw_model *model, const mw_quantize_options *o)
{
    if ((unsigned)o->scheme > MW_QUANT_WEIGHTS)
        return mwi_fail(ctx, MW_EINVAL, "scheme %d, allowed 0 to %d", (int)o->scheme,
                        MW_QUANT_WEIGHTS);
    if (mwi_method_find(o->method) == NULL)
        return mwi_fail(ctx, MW_EINVAL, "calibration method %d, allowed 0 to %d", (int)o->method,
                        MW_CALIBRATE_MSE);
    if ((unsigned)o->io > MW_IO_FLOAT)
        return mwi_fail(ctx, MW_EINVAL, "io %d, allowed 0 to %d", (int)o->io, MW_IO_FLOAT);
    if (o->percentile != 0 && !(o->percentile > 50 && o->percentile <= 100))
        return mwi_fail(ctx, MW_EINVAL, "percentile %g, allowed above 50 to 100", o->percentile);
    if (!needs_activations(o) && (o->io == MW_IO_INT8 || o->io == MW_IO_UINT8))
        return mwi_fail(ctx, MW_EINVAL,
                        "%s: this scheme keeps activations float, so its inputs and outputs are "
                        "float; integer ones need int8 or int16x8",
                        model->name);
    if (o->scheme == MW_QUANT_FLOAT16 && (learns(o) || o->equalize || o->per_tensor))
        return mwi_fail(ctx, MW_EINVAL,
                        "%s: float16 rounds each weight by itself: equalisation, bias correction, "
                        "AdaRound and per-tensor scales would do nothing",
                        model->name);
    return MW_OK;
}

/* ---- set-up ---- */

static mw_status float_model(mw_ctx *ctx, const mw_model *model, const mw_quantize_options *o,
                             mw_model **out)
{
    MWI_TRY(mwi_model_clone(ctx, model, out));
    if (o->for_keras) return MW_OK;
    MWI_TRY(mwi_passes_run(ctx, *out, MWI_PASS_LOWER | MWI_PASS_OPTIMIZE, NULL, NULL));
    return MW_OK;
}

static mw_status init(mw_ctx *ctx, mwi_qjob *job, const mw_model *model,
                      const mw_quantize_options *o, mw_dataset *data)
{
    void *memory;

    job->options = o;
    job->method = mwi_method_find(o->method);
    job->data = data;
    job->act = !needs_activations(o)           ? MW_FLOAT32
               : o->scheme == MW_QUANT_INT16X8 ? MW_INT16
                                               : MW_INT8;
    job->source = job->act == MW_INT8 && mwi_model_is_uint8(model) ? MW_UINT8 : MW_FLOAT32;
    MWI_TRY(float_model(ctx, model, o, &job->flt));
    job->fg = job->flt->graphs[0];
    MWI_TRY(mwi_arena_array(ctx, &job->arena, job->fg->n_tensors, sizeof(mwi_qvalue), &memory));
    job->values = memory;
    MWI_TRY(mwi_arena_array(ctx, &job->arena, job->fg->n_ops, sizeof(mwi_qop), &memory));
    job->ops = memory;
    MWI_TRY(mwi_arena_array(ctx, &job->arena, job->fg->n_tensors, sizeof(mwi_tensor *), &memory));
    job->made = memory;
    MWI_TRY(mwi_arena_array(ctx, &job->arena, job->fg->n_ops, sizeof(mwi_op *), &memory));
    job->made_ops = memory;
    for (size_t i = 0; i < job->fg->n_tensors; i++) job->values[i].group = (int32_t)i;
    for (size_t i = 0; i < job->fg->n_ops; i++) job->ops[i].reason = "";
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

/* Why nothing can be quantized: what most of the operators with constants say, with the first of
 * them. */
static mw_status refuse_if_nothing(mw_ctx *ctx, const mwi_qjob *job)
{
    const mwi_graph *const g = job->fg;
    const mwi_op *largest = NULL;
    const char *reason = "";
    size_t most = 0;

    for (size_t i = 0; i < g->n_ops; i++) {
        const mwi_qop *const q = &job->ops[i];
        if (q->integer || q->hybrid || q->behind) return MW_OK;
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

static mw_status quantize_float(mw_ctx *ctx, mwi_qjob *job)
{
    const mw_quantize_options *const o = job->options;
    const bool half = o->scheme == MW_QUANT_FLOAT16;

    MWI_TRY(mwi_qjob_keep(ctx, job));
    if (o->equalize) MWI_TRY(mwi_qjob_equalize(ctx, job));
    if (!half) {
        MWI_TRY(mwi_qjob_decide(ctx, job));
        MWI_TRY(refuse_if_nothing(ctx, job));
    }
    if (job->data != NULL) MWI_TRY(mwi_qjob_calibrate(ctx, job));
    if (job->act != MW_FLOAT32) MWI_TRY(mwi_qjob_scales(ctx, job));
    if (!half) MWI_TRY(mwi_qjob_layers(ctx, job));
    if (job->data != NULL && !half) MWI_TRY(mwi_qjob_learn(ctx, job));
    if (o->for_keras) return mwi_qjob_keras(ctx, job);
    MWI_TRY(mwi_model_clone(ctx, job->flt, &job->out));
    if (job->act != MW_FLOAT32) return mwi_qjob_rewrite(ctx, job);
    MWI_TRY(mwi_qjob_rewrite_weights(ctx, job));
    return half ? refuse_if_nothing(ctx, job) : MW_OK;
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
    if (!job->options->for_keras)
        MWI_TRY(mwi_prefix(ctx, mwi_qjob_check_multipliers(ctx, job->out), "%s", job->flt->name));
    MWI_TRY(check_plan(ctx, job));
    return report == NULL ? MW_OK : mwi_qjob_report(ctx, job, model, report);
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
    mwi_arena_init(ctx, &job.arena);
    mw_status st = init(ctx, &job, model, o, calibration);
    if (st == MW_OK) st = steps(ctx, &job, model, out_report == NULL ? NULL : &report);
    mwi_arena_deinit(&job.arena);
    mw_model_destroy(job.flt);
    if (st != MW_OK) {
        mw_model_destroy(job.out);
        return st;
    }
    *out_model = job.out;
    if (out_report != NULL) *out_report = report;
    return MW_OK;
}
