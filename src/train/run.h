/* train/run.h - a run of training while it lasts.
 * Depends: train/step_graph, train/samples.  Used by: train/ only.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_TRAIN_RUN_H
#define MWI_TRAIN_RUN_H

#include "runtime/session.h"
#include "train/augment.h"
#include "train/samples.h"
#include "train/step_build.h"

/* Sums over the samples of an epoch so far. */
typedef struct mwi_sums {
    double loss; /* each sample's */
    uint64_t right, n_right, samples;
} mwi_sums;

/* Where the run is: with the parameters all that a checkpoint holds. */
typedef struct mwi_place {
    uint64_t epoch, step; /* step: done, over the whole run */
    uint64_t sample;      /* of the epoch: done */
    uint32_t batch;       /* of the next step */
    mwi_sums sums;
    double seconds; /* of this epoch's steps so far */
    double best;    /* the best epoch's measure; NaN: none yet */
    uint64_t best_epoch, waited;
    bool stopped;                /* by patience */
    double last_loss, last_rate; /* of the last step, the loss with what regularises */
} mwi_place;

struct mw_trainer {
    mwi_arena arena;
    mw_train_options options; /* with the defaults filled in */
    const mw_model *original;
    const mwi_optimizer_desc *optimizer;
    const mwi_loss_desc *loss;
    mwi_loss_case what;
    const mwi_train_part *parts;
    size_t n_parts;
    mwi_step_graph graph;
    mw_session *session;
    mwi_pool *pool;
    mwi_samples train, validation;
    bool validates;
    mwi_step_graph validation_graph; /* its constants get the values at each validation */
    uint32_t *order;                 /* of the epoch's samples */
    uint64_t *samples;               /* of the last feed, as places in the data set */
    uint8_t *labels;                 /* the same samples' */
    float *image;                    /* one before augmentation; NULL: none is changed */
    uint32_t room;                   /* samples that these three can hold */
    mwi_image_shape image_shape;
    float **best; /* the best epoch's values, a parameter each; NULL: they are not kept */
    mw_epoch *epochs;
    size_t n_epochs, epochs_capacity;
    mwi_place at;
};

/* Share of the run that is done. */
double mwi_trainer_progress(const mw_trainer *t);

/* ---- opening: run_options.c, validate.c ---- */

/* Copies options with the defaults filled in. Fails: MW_EINVAL. */
MW_MUST_USE mw_status mwi_trainer_set_options(mw_ctx *ctx, mw_trainer *t,
                                              const mw_train_options *options);
MW_MUST_USE mw_status mwi_trainer_open_validation(mw_ctx *ctx, mw_trainer *t);

/* ---- a step: step.c, feed_batch.c ---- */

/* Plans for the batch, feeds, runs, changes the weights. On MW_ECANCELLED nothing was changed.
 * Fails: MW_EFORMAT (a loss that is not finite). */
MW_MUST_USE mw_status mwi_trainer_step(mw_ctx *ctx, mw_trainer *t, uint32_t batch);
/* Room for a batch of samples outside of sessions. */
MW_MUST_USE mw_status mwi_trainer_reserve(mw_ctx *ctx, mw_trainer *t, uint32_t batch);
/* A session is planned for n samples, and its inputs of data and labels are filled with those of
 * `order`, or (NULL) with samples from `first` on. t->samples and t->labels tell which. */
typedef struct mwi_feed_call {
    mw_session *session;
    const mwi_step_graph *graph;
    const mwi_samples *samples;
    const uint32_t *order;
    uint64_t first;
    uint32_t n;
    bool augment;
} mwi_feed_call;
MW_MUST_USE mw_status mwi_trainer_feed(mw_ctx *ctx, mw_trainer *t, const mwi_feed_call *call);
/* Adds what a session computed for the samples of the last feed. */
MW_MUST_USE mw_status mwi_trainer_add_scores(mw_ctx *ctx, const mw_trainer *t,
                                             const mwi_feed_call *call, mwi_sums *sums);

/* ---- gradients: gradients.c ---- */

/* Regularises and clips in place; *out_penalty is what regularisation adds to the loss. */
void mwi_gradients_finish(mw_trainer *t, double *out_penalty);
/* What regularisation adds to the loss now. */
double mwi_gradients_penalty(const mw_trainer *t);

/* ---- after an epoch: validate.c, checkpoint.c ---- */

/* Fills val_loss and val_accuracy. */
MW_MUST_USE mw_status mwi_trainer_validate(mw_ctx *ctx, mw_trainer *t, mw_epoch *out);
/* Puts the present values into a clone of the original, or of a graph that has its tensors. */
MW_MUST_USE mw_status mwi_trainer_bake(mw_ctx *ctx, const mw_trainer *t, mw_model *model);
MW_MUST_USE mw_status mwi_checkpoint_save(mw_ctx *ctx, const mw_trainer *t);
/* The options that results depend on, the model and the data, as lines "key value". */
MW_MUST_USE mw_status mwi_trainer_describe(mw_ctx *ctx, const mw_trainer *t, mwi_text *out);
/* Takes up the state of options.checkpoint. Fails: MW_EIO (no such file), MW_EFORMAT (damaged),
 * MW_EINVAL (of another run: the first line that differs). */
MW_MUST_USE mw_status mwi_checkpoint_load(mw_ctx *ctx, mw_trainer *t);
/* The same from bytes; `name` stands in messages. On failure the run must not go on. */
MW_MUST_USE mw_status mwi_checkpoint_read(mw_ctx *ctx, mw_trainer *t, const char *name,
                                          const uint8_t *bytes, size_t n);

#endif
