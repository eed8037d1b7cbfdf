/* programs/milliwatt/cmd_train.c - trains a Keras model on labelled samples.
 * SPDX-License-Identifier: Apache-2.0 */
#include "training.h"

#include <stdio.h>
#include <string.h>

extern const command command_train;

struct settings {
    const char *in, *out;
    training train;
    shape_list shapes;
    bool json, initialize;
};

static void print_receipt(mw_ctx *ctx, receipt *r, const struct settings *s, const mw_model *model,
                          mw_dataset *data)
{
    receipt_text(r, "model", "model", s->in);
    receipt_text(r, "output", "written", s->out);
    receipt_change(r, "file_bytes", "file", file_size(s->in), file_size(s->out), "bytes");
    receipt_text(r, "data_reading", "data", mw_dataset_reading(data));
    warn_of_data(ctx, r, model, data, &s->train.data);
}

/* What was trained is kept, whatever ended it. */
static int finish(mw_ctx *ctx, const struct settings *s, const mw_model *model, mw_dataset *data,
                  const mw_model *trained, const mw_train_report *report)
{
    forget_interrupt();
    const mw_status st = mw_model_save(ctx, trained, s->out);
    progress_done();
    if (st != MW_OK) return fail(ctx, st);
    receipt *const r = receipt_open("train", s->json);
    print_receipt(ctx, r, s, model, data);
    const bool written = report_training(r, &s->train, report);
    receipt_close(r);
    if (!written) return EXIT_FAILED;
    if (!report->cancelled) return EXIT_OK;
    if (s->train.options.checkpoint == NULL)
        return fail_text("train: cancelled in epoch %zu: %s has the weights so far",
                         report->n_epochs + 1, s->out);
    return fail_text("train: cancelled in epoch %zu: %s has the weights so far; the same command "
                     "with --resume goes on from %s",
                     report->n_epochs + 1, s->out, s->train.options.checkpoint);
}

static int train(mw_ctx *ctx, const struct settings *s)
{
    mw_model *m = NULL, *trained = NULL;
    mw_dataset *data = NULL, *validation = NULL;
    mw_train_options options = training_options(&s->train);
    mw_train_report report = {0};

    mw_status st = load_model(ctx, s->in, &s->shapes, &m);
    if (st == MW_OK) st = open_training_data(ctx, &s->train, m, &data, &validation);
    options.initialize =
        s->initialize || (st == MW_OK && strcmp(mw_model_format(m), "keras-json") == 0);
    if (st == MW_OK) st = mw_train(ctx, m, data, validation, &options, &trained, &report);
    const int status = st == MW_OK ? finish(ctx, s, m, data, trained, &report) : fail(ctx, st);
    mw_train_report_free(&report);
    mw_dataset_close(data);
    mw_dataset_close(validation);
    mw_model_destroy(trained);
    mw_model_destroy(m);
    return status;
}

/* Before hours of training: whether the result can be written at all. */
static int check_output(mw_ctx *ctx, const char *out)
{
    mw_format_info format;
    const mw_status st = mw_model_format_of_path(ctx, out, &format);

    if (st != MW_OK) return fail(ctx, st);
    if (format.keeps_layers) return -1;
    return fail_text("train: %s: a trained model is written as .h5, from which 'optimize' and "
                     "'quantize' make a .tflite",
                     out),
           EXIT_USAGE;
}

static int run(int argc, char **argv)
{
    struct settings s = {.train = {.data = {.scale = 1}}};
    const opt opts[] = {
        {"-o", OPT_STRING, &s.out, "OUT.h5", .help = "the trained model"},
        {"--data", OPT_STRING, &s.train.data_path, "DATA",
         .help = "samples with labels: x_train, y_train of a .npz, CSV, image folder"},
        DATA_OPTS(s.train.data, "--data"),
        TRAINING_OPTS(s.train, NULL),
        {"--initialize", OPT_FLAG, &s.initialize, NULL,
         .help = "start from the layers' initializers, not from the weights of MODEL"},
        OPT_THREADS(s.train.threads, "threads (default 1); the result does not depend on it"),
        OPT_INPUT_SHAPE(s.shapes),
        OPT_JSON(s.json),
    };
    const int done = parse_options(&command_train, argc, argv, opts, N_OPTS(opts), &s.in, 1, 1);

    if (done >= 0) return done;
    int status = EXIT_USAGE;
    if (s.out == NULL)
        (void)fail_text("train: where to? add -o OUT.h5");
    else if (s.train.data_path == NULL)
        (void)fail_text("train: on what? add --data DATA");
    else if (s.train.options.epochs == 0)
        (void)fail_text("train: how long? add --epochs N");
    else if (!is_same_file(s.in, s.out)) {
        mw_ctx *const ctx = open_ctx();
        status = check_output(ctx, s.out);
        if (status < 0) status = train(ctx, &s);
        mw_ctx_destroy(ctx);
    }
    free_options(opts, N_OPTS(opts));
    return status;
}

const command command_train = {
    .name = "train",
    .summary = "train a Keras model on labelled samples",
    .usage = "MODEL -o OUT.h5 --data DATA --epochs N [options]",
    .example = "milliwatt train model.h5 -o trained.h5 --data digits.npz --scale 1/16 --epochs 30 "
               "--schedule step --validation digits.npz --svg curves.svg",
    .more = "MODEL is a .h5 or .keras, or a file with what Keras's model.to_json() gives. Ctrl-C "
            "ends training: the\n"
            "weights so far are written, and the checkpoint. docs/training.md tells more.",
    .run = run,
};
