/* programs/milliwatt/training_job.c - see training_job.h.     SPDX-License-Identifier: Apache-2.0
 */
#include "training_job.h"

#include <string.h>

static void print_receipt(mw_ctx *ctx, receipt *r, const training_job *s, const mw_model *model,
                          mw_dataset *data)
{
    const char *const teacher = s->distill.teacher, *const from = s->in != NULL ? s->in : teacher;

    if (s->in != NULL) receipt_text(r, "model", "model", s->in);
    if (teacher != NULL) receipt_text(r, "teacher", "teacher", teacher);
    receipt_text(r, "output", "written", s->out);
    receipt_change(r, "file_bytes", "file", file_size(from), file_size(s->out), "bytes");
    receipt_text(r, "data_reading", "data", mw_dataset_reading(data));
    warn_of_data(ctx, r, model, data, &s->train.data);
}

/* What was trained is kept, whatever ended it. */
static int finish(mw_ctx *ctx, const training_job *s, const mw_model *model, mw_dataset *data,
                  const mw_model *trained, const mw_train_report *report)
{
    forget_interrupt();
    const mw_status st = mw_model_save(ctx, trained, s->out);
    progress_done();
    if (st != MW_OK) return fail(ctx, st);
    receipt *const r = receipt_open(s->name, s->json);
    print_receipt(ctx, r, s, model, data);
    const bool written = report_training(r, &s->train, report);
    receipt_close(r);
    if (!written) return EXIT_FAILED;
    if (!report->cancelled) return EXIT_OK;
    if (s->train.options.checkpoint == NULL)
        return fail_text("%s: cancelled in epoch %zu: %s has the weights so far", s->name,
                         report->n_epochs + 1, s->out);
    return fail_text("%s: cancelled in epoch %zu: %s has the weights so far; the same command "
                     "with --resume goes on from %s",
                     s->name, report->n_epochs + 1, s->out, s->train.options.checkpoint);
}

static bool prunes(const training_job *s)
{
    return s->prune.options.sparsity > 0 || s->prune.options.keep_zeros ||
           fixes_sparsity(s->prune.options.structure);
}

int run_training_job(mw_ctx *ctx, training_job *s, mw_model *m)
{
    mw_model *trained = NULL;
    mw_dataset *data = NULL, *validation = NULL;
    mw_qat_options qat;
    mw_train_options options = training_options(&s->train, &qat);
    mw_train_report report = {0};
    const mw_prune_options prune = pruning_options(&s->prune);
    const mw_cluster_options cluster = {
        .clusters = (uint32_t)s->clusters, .keep_zeros = true, .seed = options.seed};

    mw_status st = MW_OK;
    if (m == NULL) st = load_all_weights(ctx, s->in, &s->shapes, &m);
    if (st == MW_OK) st = open_training_data(ctx, &s->train, m, &data, &validation);
    options.initialize =
        s->initialize || (st == MW_OK && strcmp(mw_model_format(m), "keras-json") == 0);
    if (prunes(s)) options.prune = &prune;
    if (s->clusters > 0) options.cluster = &cluster;
    if (st == MW_OK) st = use_teacher(ctx, &s->distill, &s->shapes, &options);
    if (st == MW_OK) st = mw_train(ctx, m, data, validation, &options, &trained, &report);
    const int status = st == MW_OK ? finish(ctx, s, m, data, trained, &report) : fail(ctx, st);
    mw_train_report_free(&report);
    forget_teacher(&s->distill);
    mw_dataset_close(data);
    mw_dataset_close(validation);
    mw_model_destroy(trained);
    mw_model_destroy(m);
    return status;
}

/* Before hours of training: whether the result can be written at all. */
static int check_output(mw_ctx *ctx, const char *name, const char *out, bool integer)
{
    mw_format_info format;
    const mw_status st = mw_model_format_of_path(ctx, out, &format);

    if (st != MW_OK) return fail(ctx, st);
    if (format.keeps_layers || integer) return -1;
    return fail_text("%s: %s: a trained model is written as .h5, from which 'optimize' and "
                     "'quantize' make a .tflite; with --qat it may be a .tflite of integers",
                     name, out),
           EXIT_USAGE;
}

int check_training_job(mw_ctx *ctx, const training_job *s)
{
    if (s->out == NULL) return fail_text("%s: where to? add -o OUT.h5", s->name), EXIT_USAGE;
    if (s->train.data_path == NULL)
        return fail_text("%s: on what? add --data DATA", s->name), EXIT_USAGE;
    if (s->train.options.epochs == 0)
        return fail_text("%s: how long? add --epochs N", s->name), EXIT_USAGE;
    if (pruning_mistake(&s->prune) != NULL)
        return fail_text("%s: %s", s->name, pruning_mistake(&s->prune)), EXIT_USAGE;
    if (s->in != NULL && is_same_file(s->in, s->out)) return EXIT_USAGE;
    if (s->distill.teacher != NULL && is_same_file(s->distill.teacher, s->out)) return EXIT_USAGE;
    return check_output(ctx, s->name, s->out, s->train.qat.scheme != NO_QAT);
}
