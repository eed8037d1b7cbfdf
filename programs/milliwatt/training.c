/* programs/milliwatt/training.c - see training.h.     SPDX-License-Identifier: Apache-2.0 */
#include "training.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

mw_status open_training_data(mw_ctx *ctx, const training *t, const mw_model *model,
                             mw_dataset **train, mw_dataset **validation)
{
    const data_options by_role = {.scale = t->data.scale, .offset = t->data.offset};
    mw_status st = open_data(ctx, t->data_path, &t->data, MW_DATA_TRAIN, model, train);

    if (st == MW_OK && t->validation_path != NULL)
        st = open_data(ctx, t->validation_path, &by_role, MW_DATA_TEST, model, validation);
    return st;
}

/* A line an epoch, for people who wait at a terminal. */
static void on_epoch(void *self, const mw_epoch *e)
{
    const training *const t = self;

    if (!isatty(STDERR_FILENO)) return;
    progress_done();
    (void)fprintf(stderr, "epoch %llu/%llu  loss %.4f", (unsigned long long)e->epoch + 1,
                  (unsigned long long)t->options.epochs, e->loss);
    if (!isnan(e->accuracy)) (void)fprintf(stderr, "  accuracy %.4f", e->accuracy);
    if (!isnan(e->val_loss)) (void)fprintf(stderr, "  val_loss %.4f", e->val_loss);
    if (!isnan(e->val_accuracy)) (void)fprintf(stderr, "  val_accuracy %.4f", e->val_accuracy);
    (void)fprintf(stderr, "  %.1f s\n", e->seconds);
}

mw_train_options training_options(const training *t, mw_qat_options *qat)
{
    mw_train_options o = t->options;

    *qat = t->qat;
    qat->keep = t->qat_keep.v;
    qat->n_keep = t->qat_keep.n;
    if (qat->scheme != NO_QAT) o.qat = qat;

    o.batch = (uint32_t)t->batch;
    o.n_threads = (uint32_t)t->threads;
    o.freeze = t->freeze.v;
    o.n_freeze = t->freeze.n;
    o.on_epoch = on_epoch;
    o.on_epoch_self = (void *)(uintptr_t)t; /* read only */
    return o;
}

static void report_epochs(receipt *r, const mw_train_report *report)
{
    static const char *const columns[] = {"epoch",        "loss",          "accuracy", "val_loss",
                                          "val_accuracy", "learning_rate", "seconds"};

    receipt_table(r, "epochs", "\nepochs", columns, 7);
    for (size_t i = 0; i < report->n_epochs; i++) {
        const mw_epoch *const e = &report->epochs[i];
        receipt_row(r, (cell[]){UINT(e->epoch + 1), NUMBER(e->loss, "%.4f"),
                                NUMBER(e->accuracy, "%.4f"), NUMBER(e->val_loss, "%.4f"),
                                NUMBER(e->val_accuracy, "%.4f"), NUMBER(e->learning_rate, "%.3g"),
                                NUMBER(e->seconds, "%.2f")});
    }
}

bool report_training(receipt *r, const training *t, const mw_train_report *report)
{
    receipt_uint(r, "trained_weights", "weights trained", report->n_trained, "");
    receipt_number(r, "samples_per_second", "samples a second", report->samples_per_second,
                   "%.0f (median of epochs)");
    if (report->n_epochs > 0) {
        const mw_epoch *const e = &report->epochs[report->best_epoch];
        receipt_uint(r, "epoch", "weights of epoch", e->epoch + 1, "");
        receipt_number(r, "loss", "loss", e->loss, "%.4f");
        receipt_number(r, "accuracy", "accuracy", e->accuracy, "%.4f");
        receipt_number(r, "val_loss", "validation loss", e->val_loss, "%.4f");
        receipt_number(r, "val_accuracy", "validation accuracy", e->val_accuracy, "%.4f");
    }
    receipt_bool(r, "stopped_early", "stopped early", report->stopped_early);
    receipt_bool(r, "cancelled", "cancelled", report->cancelled);
    if (t->csv != NULL) receipt_text(r, "csv", "curves", t->csv);
    if (t->svg != NULL) receipt_text(r, "svg", "picture", t->svg);
    report_epochs(r, report);
    return (t->csv == NULL || write_curves_csv(t->csv, report)) &&
           (t->svg == NULL || write_curves_svg(t->svg, report));
}
