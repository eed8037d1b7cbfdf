/* programs/milliwatt/training_job.h - one training, from what is asked for to the file and the
 * receipt: what train and distill do.     SPDX-License-Identifier: Apache-2.0 */
#ifndef MILLIWATT_TRAINING_JOB_H
#define MILLIWATT_TRAINING_JOB_H

#include "distilling.h"
#include "pruned.h"
#include "training.h"

typedef struct training_job {
    const char *name;     /* the command's */
    const char *in, *out; /* in: NULL where the model is made */
    training train;
    distilling distill;
    pruning prune;
    uint64_t clusters; /* 0: none */
    shape_list shapes;
    bool json, initialize;
} training_job;

#define TRAINING_JOB                                                                               \
    {                                                                                              \
        .train = TRAINING_DEFAULTS, .prune = {.options = {.schedule = MW_PRUNE_POLYNOMIAL}},       \
        .distill = {                                                                               \
            .options = {.alpha = DISTILL_ALPHA_PERCENT / 100.0}                                    \
        }                                                                                          \
    }

/* Before hours of training: whether all is said, and the result can be written. -1: yes; else the
 * exit status. */
int check_training_job(mw_ctx *ctx, const training_job *job);
/* Trains and writes; gives the exit status. `model`: taken; NULL: job->in is loaded. */
int run_training_job(mw_ctx *ctx, training_job *job, mw_model *model);

#endif
