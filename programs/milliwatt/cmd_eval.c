/* programs/milliwatt/cmd_eval.c - accuracy on a data set.   SPDX-License-Identifier: Apache-2.0 */
#include "command.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

extern const command command_eval;

struct settings {
    const char *path, *data, *against;
    data_options d;
    shape_list shapes;
    uint64_t threads, batch, samples;
    bool json;
};

static const struct figure {
    uint32_t bit;
    size_t at;
    const char *key, *label, *format;
} figures[] = {
    {MW_FIGURE_TOP1, offsetof(mw_evaluation, top1), "top1", "top-1", "%.4f"},
    {MW_FIGURE_TOP5, offsetof(mw_evaluation, top5), "top5", "top-5", "%.4f"},
    {MW_FIGURE_AUC, offsetof(mw_evaluation, auc), "auc", "AUC", "%.4f"},
    {MW_FIGURE_MSE, offsetof(mw_evaluation, mse), "mse", "mean squared error", "%.6g"},
    {MW_FIGURE_AGREEMENT, offsetof(mw_evaluation, agreement), "agreement", "agreement", "%.4f"},
    {MW_FIGURE_SQNR, offsetof(mw_evaluation, sqnr_db), "sqnr_db", "SQNR", "%.2f dB"},
};

static void print_figure(receipt *r, const mw_evaluation *e, const struct figure *f)
{
    double value;

    memcpy(&value, (const char *)e + f->at, sizeof value);
    if ((e->applies & f->bit) == 0) return;
    if (f->bit == MW_FIGURE_SQNR && e->exact)
        receipt_sqnr(r, f->key, f->label, value, f->format);
    else if (isfinite(value))
        receipt_number(r, f->key, f->label, value, f->format);
    else
        receipt_null(r, f->key, f->label, "not finite");
}

static void print_result(receipt *r, const struct settings *o, const char *reading,
                         const mw_evaluation *e)
{
    char batch[32];

    receipt_text(r, "model", "model", o->path);
    receipt_text(r, "data", "data", o->data);
    receipt_text(r, "data_reading", "read as", reading);
    if (o->against != NULL) receipt_text(r, "against", "against", o->against);
    receipt_uint(r, "samples", "samples", e->samples, "");
    if (e->non_finite > 0)
        receipt_uint(r, "non_finite", "NOT FINITE", e->non_finite,
                     "samples have outputs that are NaN or infinite");
    if (e->non_finite_inputs > 0)
        receipt_uint(r, "non_finite_inputs", "NOT FINITE", e->non_finite_inputs,
                     "values of the data are NaN or infinite");
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++) print_figure(r, e, &figures[i]);
    (void)snprintf(batch, sizeof batch, "%llu samples", (unsigned long long)o->batch);
    receipt_text(r, "latency_of", "latency of", o->batch == 1 ? "a sample" : batch);
    receipt_number(r, "median_us", "  median", e->median_us, "%.1f us");
    receipt_number(r, "p99_us", "  p99", e->p99_us, "%.1f us");
    receipt_uint(r, "file_bytes", "file", file_size(o->path), "bytes");
}

static int evaluate(mw_ctx *ctx, const struct settings *o)
{
    mw_model *m = NULL, *against = NULL;
    mw_dataset *data = NULL;
    mw_evaluation e;

    mw_status st = load_model(ctx, o->path, &o->shapes, &m);
    if (st == MW_OK && o->against != NULL) st = load_model(ctx, o->against, &o->shapes, &against);
    if (st == MW_OK) st = open_data(ctx, o->data, &o->d, MW_DATA_TEST, m, &data);
    const mw_evaluate_options options = {.against = against,
                                         .max_samples = o->samples,
                                         .batch = (uint32_t)o->batch,
                                         .n_threads = (uint32_t)o->threads};
    if (st == MW_OK) st = mw_evaluate(ctx, m, data, &options, &e);
    progress_done();
    if (st == MW_OK) {
        receipt *const r = receipt_open("eval", o->json);
        print_result(r, o, mw_dataset_reading(data), &e);
        warn_of_data(ctx, r, m, data, &o->d);
        receipt_close(r);
    }
    const int status = st == MW_OK ? EXIT_OK : fail(ctx, st);
    mw_dataset_close(data);
    mw_model_destroy(against);
    mw_model_destroy(m);
    return status;
}

static int run(int argc, char **argv)
{
    struct settings o = {.threads = 1, .batch = 1, .d = {.scale = 1}};
    const opt opts[] = {
        {"--data", OPT_STRING, &o.data, "DATA",
         .help = "samples with labels: .npz, .npy, CSV, image folder"},
        DATA_OPTS(o.d, NULL),
        {"--against", OPT_STRING, &o.against, "MODEL",
         .help = "compare the outputs with this model's"},
        {"--samples", OPT_UINT, &o.samples, "N", .help = "use the first N samples (default: all)",
         .min = 1},
        OPT_BATCH(o.batch, "samples a run (default 1)"),
        OPT_THREADS(o.threads, "threads (default 1)"),
        OPT_INPUT_SHAPE(o.shapes),
        OPT_JSON(o.json),
    };
    const int done = parse_options(&command_eval, argc, argv, opts, N_OPTS(opts), &o.path, 1, 1);
    int status = EXIT_USAGE;

    if (done >= 0) return done;
    if (o.data == NULL) {
        (void)fail_text("eval: on what? add --data DATA");
    } else {
        mw_ctx *const ctx = open_ctx();
        status = evaluate(ctx, &o);
        mw_ctx_destroy(ctx);
    }
    free_options(opts, N_OPTS(opts));
    return status;
}

const command command_eval = {
    .name = "eval",
    .summary = "accuracy on a data set, alone or against another model",
    .usage = "MODEL --data DATA [--against MODEL]",
    .example = "milliwatt eval model_int8.tflite --data test.npz --against model.h5 --scale 1/255",
    .run = run,
};
