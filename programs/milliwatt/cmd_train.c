/* programs/milliwatt/cmd_train.c - trains a Keras model on labelled samples.
 * SPDX-License-Identifier: Apache-2.0 */
#include "training_job.h"

extern const command command_train;

static int run(int argc, char **argv)
{
    training_job s = TRAINING_JOB;
    const opt opts[] = {
        {"-o", OPT_STRING, &s.out, "OUT.h5",
         .help = "the trained model; with --qat also OUT.tflite, of integers"},
        {"--data", OPT_STRING, &s.train.data_path, "DATA",
         .help = "samples with labels: x_train, y_train of a .npz, CSV, image folder"},
        DATA_OPTS(s.train.data, "--data"),
        TRAINING_OPTS(s.train, NULL),
        QAT_OPTS(s.train, NULL),
        {"--initialize", OPT_FLAG, &s.initialize, NULL,
         .help = "start from the layers' initializers, not from the weights of MODEL"},
        {"--teacher", OPT_STRING, &s.distill.teacher, "MODEL",
         .help = "distil: learn from this model's outputs too"},
        DISTILL_OPTS(s.distill, "--teacher"),
        PRUNING_OPTS(s.prune, NULL),
        PRUNING_SCHEDULE_OPTS(s.prune, "--sparsity"),
        {"--keep-zeros", OPT_FLAG, &s.prune.options.keep_zeros, NULL,
         .help = "kernels' weights that are zero stay zero"},
        {"--clusters", OPT_UINT, &s.clusters, "N",
         .help = "different values a kernel, zero among them", .min = 2, .max = 256},
        OPT_THREADS(s.train.threads, "threads (default 1); the result does not depend on it"),
        OPT_INPUT_SHAPE(s.shapes),
        OPT_JSON(s.json),
    };
    const int done = parse_options(&command_train, argc, argv, opts, N_OPTS(opts), &s.in, 1, 1);

    if (done >= 0) return done;
    s.name = command_train.name;
    mw_ctx *const ctx = open_ctx();
    int status = check_training_job(ctx, &s);
    if (status < 0) status = run_training_job(ctx, &s, NULL);
    mw_ctx_destroy(ctx);
    free_options(opts, N_OPTS(opts));
    return status;
}

const command command_train = {
    .name = "train",
    .summary = "train a Keras model on labelled samples",
    .usage = "MODEL -o OUT.h5 --data DATA --epochs N [options]",
    .example = "milliwatt train model.h5 -o trained.h5 --data digits.npz --scale 1/16 --epochs 30 "
               "--lr-schedule step --validation digits.npz --svg curves.svg",
    .more = "MODEL is a .h5 or .keras, or a file with what Keras's model.to_json() gives. Ctrl-C "
            "ends training: the\n"
            "weights so far are written, and the checkpoint. docs/training.md tells more.",
    .run = run,
};
