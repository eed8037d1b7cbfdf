/* programs/milliwatt/training.h - what every command that trains has in common: its options, the
 * data, the receipt, the curves.     SPDX-License-Identifier: Apache-2.0 */
#ifndef MILLIWATT_TRAINING_H
#define MILLIWATT_TRAINING_H

#include "command.h"

/* Where the options of TRAINING_OPTS and QAT_OPTS go. Begins as TRAINING_DEFAULTS. */
typedef struct training {
    const char *data_path, *validation_path;
    data_options data;
    opt_list freeze;
    const char *csv, *svg;
    uint64_t batch, threads;
    mw_qat_options qat;
    opt_list qat_keep;
    mw_train_options options; /* the numbers that are given; the rest is filled in by train() */
} training;

/* `needed`: the option without which nothing is trained, NULL where the command always trains. */
#define TRAINING_OPTS(t, needed)                                                                     \
    {"--epochs", OPT_UINT,   &(t).options.epochs, "N", .help = "how often all samples are seen",     \
     .min = 1,   .max = 1e6, .needs = (needed)},                                                     \
        {"--batch",                                                                                  \
         OPT_UINT,                                                                                   \
         &(t).batch,                                                                                 \
         "N",                                                                                        \
         .help = "samples in a step (default 32)",                                                   \
         .min = 1,                                                                                   \
         .max = MAX_BATCH,                                                                           \
         .needs = (needed)},                                                                         \
        {"--loss",                                                                                   \
         OPT_CHOICE,                                                                                 \
         &(t).options.loss,                                                                          \
         "LOSS",                                                                                     \
         .help = "default: by the labels and the last layer; one of",                                \
         .table = "losses",                                                                          \
         .needs = (needed)},                                                                         \
        {"--optimizer",                                                                              \
         OPT_CHOICE,                                                                                 \
         &(t).options.optimizer,                                                                     \
         "NAME",                                                                                     \
         .help = "default adam; one of",                                                             \
         .table = "optimizers",                                                                      \
         .needs = (needed)},                                                                         \
        {"--lr",                                                                                     \
         OPT_NUMBER,                                                                                 \
         &(t).options.learning_rate,                                                                 \
         "RATE",                                                                                     \
         .help = "learning rate (default 0.001, sgd 0.01)",                                          \
         .min = 1e-12,                                                                               \
         .max = 1e6,                                                                                 \
         .needs = (needed)},                                                                         \
        {"--momentum",     OPT_NUMBER, &(t).options.momentum, "M",                                   \
         .help = "of sgd", .max = 1,   .needs = "--optimizer"},                                      \
        {"--nesterov",         OPT_FLAG, &(t).options.nesterov, NULL, .help = "Nesterov's momentum", \
         .needs = "--momentum"},                                                                     \
        {"--weight-decay",                                                                           \
         OPT_NUMBER,                                                                                 \
         &(t).options.weight_decay,                                                                  \
         "D",                                                                                        \
         .help = "of adamw (default 0.004)",                                                         \
         .max = 1e6,                                                                                 \
         .needs = "--optimizer"},                                                                    \
        {"--l1",                                                                                     \
         OPT_NUMBER,                                                                                 \
         &(t).options.l1,                                                                            \
         "F",                                                                                        \
         .help = "adds F times the kernels' absolute values to the loss",                            \
         .max = 1e6,                                                                                 \
         .needs = (needed)},                                                                         \
        {"--l2",                                                                                     \
         OPT_NUMBER,                                                                                 \
         &(t).options.l2,                                                                            \
         "F",                                                                                        \
         .help = "adds F times the kernels' squares to the loss",                                    \
         .max = 1e6,                                                                                 \
         .needs = (needed)},                                                                         \
        {"--label-smoothing",                                                                        \
         OPT_NUMBER,                                                                                 \
         &(t).options.label_smoothing,                                                               \
         "S",                                                                                        \
         .help = "spreads this share of each class label over all classes",                          \
         .max = 1,                                                                                   \
         .needs = (needed)},                                                                         \
        {"--lr-schedule",                                                                            \
         OPT_CHOICE,                                                                                 \
         &(t).options.schedule,                                                                      \
         "NAME",                                                                                     \
         .help = "of the learning rate; default constant; one of",                                   \
         .table = "schedules",                                                                       \
         .needs = (needed)},                                                                         \
        {"--lr-schedule-at",                                                                         \
         OPT_NUMBER,                                                                                 \
         &(t).options.schedule_at,                                                                   \
         "SHARE",                                                                                    \
         .help = "of step: where in the run (default 2/3)",                                          \
         .max = 1,                                                                                   \
         .needs = "--lr-schedule"},                                                                  \
        {"--lr-schedule-factor",                                                                     \
         OPT_NUMBER,                                                                                 \
         &(t).options.schedule_factor,                                                               \
         "F",                                                                                        \
         .help = "what the rate is multiplied by at last (step 0.1, cosine 0)",                      \
         .max = 1e6,                                                                                 \
         .needs = "--lr-schedule"},                                                                  \
        {"--warmup",                                                                                 \
         OPT_UINT,                                                                                   \
         &(t).options.warmup_steps,                                                                  \
         "STEPS",                                                                                    \
         .help = "steps in which the rate rises from 0",                                             \
         .needs = (needed)},                                                                         \
        {"--clip-norm",                                                                              \
         OPT_NUMBER,                                                                                 \
         &(t).options.clip_norm,                                                                     \
         "N",                                                                                        \
         .help = "largest norm of a weight's gradient",                                              \
         .max = 1e30,                                                                                \
         .needs = (needed)},                                                                         \
        {"--clip-global-norm",                                                                       \
         OPT_NUMBER,                                                                                 \
         &(t).options.clip_global_norm,                                                              \
         "N",                                                                                        \
         .help = "largest norm of all gradients together",                                           \
         .max = 1e30,                                                                                \
         .needs = (needed)},                                                                         \
        {"--clip-value",                                                                             \
         OPT_NUMBER,                                                                                 \
         &(t).options.clip_value,                                                                    \
         "V",                                                                                        \
         .help = "largest element of a gradient",                                                    \
         .max = 1e30,                                                                                \
         .needs = (needed)},                                                                         \
        {"--seed",                                                                                   \
         OPT_UINT,                                                                                   \
         &(t).options.seed,                                                                          \
         "N",                                                                                        \
         .help = "of all that is random (default 0): the same seed gives the same bits",             \
         .needs = (needed)},                                                                         \
        {"--no-shuffle",                                                                             \
         OPT_FLAG,                                                                                   \
         &(t).options.keep_order,                                                                    \
         NULL,                                                                                       \
         .help = "samples in the order of the data",                                                 \
         .needs = (needed)},                                                                         \
        {"--validation",                                                                             \
         OPT_STRING,                                                                                 \
         &(t).validation_path,                                                                       \
         "DATA",                                                                                     \
         .help = "measured after each epoch: x_test, y_test of a .npz",                              \
         .needs = (needed)},                                                                         \
        {"--validation-split",                                                                       \
         OPT_NUMBER,                                                                                 \
         &(t).options.validation_split,                                                              \
         "SHARE",                                                                                    \
         .help = "the end of the data is the validation set instead",                                \
         .max = 0.999999,                                                                            \
         .needs = (needed)},                                                                         \
        {"--patience",                                                                               \
         OPT_UINT,                                                                                   \
         &(t).options.patience,                                                                      \
         "EPOCHS",                                                                                   \
         .help = "end after so many without a better loss (the validation's, if there is)",          \
         .min = 1,                                                                                   \
         .needs = (needed)},                                                                         \
        {"--keep-best",                                                                              \
         OPT_FLAG,                                                                                   \
         &(t).options.keep_best,                                                                     \
         NULL,                                                                                       \
         .help = "write the best epoch's weights, not the last one's",                               \
         .needs = (needed)},                                                                         \
        {"--checkpoint",                                                                             \
         OPT_STRING,                                                                                 \
         &(t).options.checkpoint,                                                                    \
         "FILE",                                                                                     \
         .help = "written after each epoch and on Ctrl-C",                                           \
         .needs = (needed)},                                                                         \
        {"--resume",                                                                                 \
         OPT_FLAG,                                                                                   \
         &(t).options.resume,                                                                        \
         NULL,                                                                                       \
         .help = "go on from the checkpoint where there is one",                                     \
         .needs = "--checkpoint"},                                                                   \
        {"--augment-shift",                                                                          \
         OPT_NUMBER,                                                                                 \
         &(t).options.augment.shift,                                                                 \
         "SHARE",                                                                                    \
         .help = "move images by up to this share of their size",                                    \
         .max = 0.999,                                                                               \
         .needs = (needed)},                                                                         \
        {"--augment-zoom",                                                                           \
         OPT_NUMBER,                                                                                 \
         &(t).options.augment.zoom,                                                                  \
         "SHARE",                                                                                    \
         .help = "zoom by up to this share, in or out",                                              \
         .max = 0.999,                                                                               \
         .needs = (needed)},                                                                         \
        {"--augment-rotate",                                                                         \
         OPT_NUMBER,                                                                                 \
         &(t).options.augment.rotate,                                                                \
         "DEGREES",                                                                                  \
         .help = "turn by up to so many, either way",                                                \
         .max = 180,                                                                                 \
         .needs = (needed)},                                                                         \
        {"--augment-noise",          OPT_NUMBER, &(t).options.augment.noise, "DEVIATION",            \
         .help = "add normal noise", .max = 1e6, .needs = (needed)},                                 \
        {"--augment-flip",                                                                           \
         OPT_FLAG,                                                                                   \
         &(t).options.augment.flip,                                                                  \
         NULL,                                                                                       \
         .help = "mirror every second image",                                                        \
         .needs = (needed)},                                                                         \
        {"--freeze",                                                                                 \
         OPT_STRINGS,                                                                                \
         &(t).freeze,                                                                                \
         "GLOB",                                                                                     \
         .help = "do not train layers of this name; may be given again",                             \
         .needs = (needed)},                                                                         \
        {"--csv", OPT_STRING, &(t).csv, "FILE", .help = "the curves as numbers", .needs = (needed)}, \
    {                                                                                                \
        "--svg", OPT_STRING, &(t).svg, "FILE", .help = "the curves as a picture",                    \
                                               .needs = (needed)                                     \
    }

enum { NO_QAT = -1 };
#define TRAINING_DEFAULTS                                                                          \
    {                                                                                              \
        .data = {.scale = 1}, .qat = {.scheme = NO_QAT }                                           \
    }

/* Quantization-aware training, for commands that train. */
#define QAT_OPTS(t, needed_)                                                                       \
    {"--qat",                                                                                      \
     OPT_CHOICE,                                                                                   \
     &(t).qat.scheme,                                                                              \
     "SCHEME",                                                                                     \
     .help = "round while training, for a .tflite of integers; one of",                            \
     .table = "qat",                                                                               \
     .needs = (needed_)},                                                                          \
        {"--qat-learn-ranges",                                                                     \
         OPT_FLAG,                                                                                 \
         &(t).qat.learn_ranges,                                                                    \
         NULL,                                                                                     \
         .help = "train the ranges of values and weights, too",                                    \
         .needs = "--qat"},                                                                        \
        {"--qat-start",                                                                            \
         OPT_NUMBER,                                                                               \
         &(t).qat.start,                                                                           \
         "SHARE",                                                                                  \
         .help = "share of the run before rounding begins (default 0)",                            \
         .max = 0.999,                                                                             \
         .needs = "--qat"},                                                                        \
    {                                                                                              \
        "--keep", OPT_STRINGS, &(t).qat_keep, "GLOB",                                              \
            .help = "keep layers of this name (or operator) in float; may be given again",         \
            .needs = "--qat"                                                                       \
    }

/* A set of samples for training, and the one for validation where one is asked for.
 * Both are closed by the caller. */
mw_status open_training_data(mw_ctx *ctx, const training *t, const mw_model *model,
                             mw_dataset **train, mw_dataset **validation);
/* options.options with what the rest of `t` says; valid as long as `t` and *qat, which is filled.
 */
mw_train_options training_options(const training *t, mw_qat_options *qat);
/* The rows of a receipt; curves are written where they are asked for. False: a file could not be
 * written, the mistake is printed. */
bool report_training(receipt *r, const training *t, const mw_train_report *report);

/* ---- curves.c ---- */

bool write_curves_csv(const char *path, const mw_train_report *report);
bool write_curves_svg(const char *path, const mw_train_report *report);

#endif
