/* programs/milliwatt/cmd_distill.c - a small model that learns from a large one.
 * SPDX-License-Identifier: Apache-2.0 */
#include "training_job.h"

extern const command command_distill;

/* The student that is named, or one with some of the teacher's channels. */
static int distil(mw_ctx *ctx, training_job *s, double width)
{
    mw_model *student = NULL;
    mw_status st = MW_OK;

    if (s->in == NULL) {
        st = load_teacher(ctx, &s->distill, &s->shapes);
        if (st == MW_OK) st = mw_derive_student(ctx, s->distill.model, width, &student);
    }
    if (st == MW_OK) return run_training_job(ctx, s, student);
    forget_teacher(&s->distill);
    return fail(ctx, st);
}

static int run(int argc, char **argv)
{
    training_job s = TRAINING_JOB;
    const char *models[2] = {NULL, NULL};
    double width = 0;
    const opt opts[] = {
        {"-o", OPT_STRING, &s.out, "OUT.h5",
         .help = "the trained student; with --qat also OUT.tflite, of integers"},
        {"--width", OPT_NUMBER, &width, "SHARE",
         .help = "in place of STUDENT: this share of the teacher's channels, the strongest",
         .min = 0.01, .max = 0.99},
        {"--data", OPT_STRING, &s.train.data_path, "DATA",
         .help = "samples with labels: x_train, y_train of a .npz, CSV, image folder"},
        DATA_OPTS(s.train.data, "--data"),
        DISTILL_OPTS(s.distill, NULL),
        TRAINING_OPTS(s.train, NULL),
        QAT_OPTS(s.train, NULL),
        OPT_THREADS(s.train.threads, "threads (default 1); the result does not depend on it"),
        OPT_INPUT_SHAPE(s.shapes),
        OPT_JSON(s.json),
    };
    const int done = parse_options(&command_distill, argc, argv, opts, N_OPTS(opts), models, 1, 2);

    if (done >= 0) return done;
    s.name = command_distill.name;
    s.distill.teacher = models[0];
    s.in = models[1];
    int status = EXIT_USAGE;
    if ((models[1] != NULL) == (width > 0)) {
        (void)fail_text(
            "distill: who learns? give a STUDENT, or --width for one made of the teacher");
    } else {
        mw_ctx *const ctx = open_ctx();
        status = check_training_job(ctx, &s);
        if (status < 0) status = distil(ctx, &s, width);
        mw_ctx_destroy(ctx);
    }
    free_options(opts, N_OPTS(opts));
    return status;
}

const command command_distill = {
    .name = "distill",
    .summary = "train a small model on a large one's outputs",
    .usage = "TEACHER [STUDENT | --width SHARE] -o OUT.h5 --data DATA --epochs N [options]",
    .example = "milliwatt distill model.h5 --width 0.5 -o small.h5 --data digits.npz --scale 1/16 "
               "--epochs 30 --lr-schedule step --validation digits.npz",
    .more = "docs/training.md tells more of distillation, and of what all training has in common.",
    .run = run,
};
