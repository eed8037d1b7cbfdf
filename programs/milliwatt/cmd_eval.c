/* programs/milliwatt/cmd_eval.c - accuracy on a data set.   SPDX-License-Identifier: Apache-2.0 */
#include "command.h"

extern const command command_eval;

static void print_result(receipt *r, const char *path, const char *data, const char *against,
                         const mw_evaluation *e)
{
    receipt_text(r, "model", "model", path);
    receipt_text(r, "data", "data", data);
    if (against != NULL) receipt_text(r, "against", "against", against);
    receipt_uint(r, "samples", "samples", e->samples, "");
    receipt_number(r, "top1", "top-1", e->top1, "%.4f");
    receipt_number(r, "top5", "top-5", e->top5, "%.4f");
    receipt_number(r, "auc", "AUC", e->auc, "%.4f");
    receipt_number(r, "mse", "mean squared error", e->mse, "%.6g");
    receipt_number(r, "agreement", "agreement", e->agreement, "%.4f");
    receipt_number(r, "sqnr_db", "SQNR", e->sqnr_db, "%.2f dB");
    receipt_number(r, "median_us", "latency, median", e->median_us, "%.1f us");
    receipt_number(r, "p99_us", "latency, p99", e->p99_us, "%.1f us");
    receipt_uint(r, "file_bytes", "file", file_size(path), "bytes");
}

static int run(int argc, char **argv)
{
    bool json = false;
    uint64_t threads = 1, batch = 1, samples = 0;
    data_options d = {0};
    opt_list shapes = {0};
    const char *path = NULL, *data_path = NULL, *against_path = NULL;
    const opt opts[] = {
        {"--data", OPT_STRING, &data_path, "DATA",
         "samples with labels: .npz, .npy, CSV, image folder"},
        DATA_OPTS(d),
        {"--against", OPT_STRING, &against_path, "MODEL", "compare the outputs with this model's"},
        {"--samples", OPT_UINT, &samples, "N", "use the first N samples (default: all)"},
        {"--batch", OPT_UINT, &batch, "N", "samples a run (default 1)"},
        {"--threads", OPT_UINT, &threads, "N", "threads (default 1)"},
        {"--input-shape", OPT_STRINGS, &shapes, "N,H,W,C",
         "an input's shape, for a Keras file with open dimensions"},
        {"--json", OPT_FLAG, &json, NULL, "the receipt as JSON"},
    };
    const int done =
        parse_options(&command_eval, argc, argv, opts, sizeof opts / sizeof *opts, &path, 1, 1);
    mw_model *m = NULL, *against = NULL;
    mw_dataset *data = NULL;
    mw_evaluation e;

    if (done >= 0) return done;
    if (data_path == NULL) return fail_text("eval: on what? add --data DATA"), EXIT_USAGE;
    mw_ctx *const ctx = open_ctx();
    mw_status st = load_model(ctx, path, &shapes, &m);
    if (st == MW_OK && against_path != NULL) st = load_model(ctx, against_path, &shapes, &against);
    if (st == MW_OK) st = open_data(ctx, data_path, &d, MW_DATA_TEST, m, &data);
    const mw_evaluate_options options = {.against = against,
                                         .max_samples = samples,
                                         .batch = (uint32_t)batch,
                                         .n_threads = (uint32_t)threads};
    if (st == MW_OK) st = mw_evaluate(ctx, m, data, &options, &e);
    progress_done();
    if (st == MW_OK) {
        receipt *const r = receipt_open("eval", json);
        print_result(r, path, data_path, against_path, &e);
        receipt_close(r);
    }
    const int status = st == MW_OK ? EXIT_OK : fail(ctx);
    mw_dataset_close(data);
    mw_model_destroy(against);
    mw_model_destroy(m);
    mw_ctx_destroy(ctx);
    return status;
}

const command command_eval = {
    .name = "eval",
    .summary = "accuracy on a data set, alone or against another model",
    .usage = "MODEL --data DATA [--against MODEL]",
    .example = "milliwatt eval model_int8.tflite --data test.npz --against model.h5 --scale 1/255",
    .run = run,
};
