/* train/trainer.h - inside of a training run: its parameters, its graph of one step, and the parts
 * (pruning, clustering, fake quantization, distillation) that take part in it.
 * Depends: runtime/, data/, ops/, model/.  Used by: train/, compress/, api/.
 * Holds:  (1) the step graph is a model of its own: weights and batch come in as inputs, the loss,
 *         gradients and statistics go out;  (2) parameters' values live here, in the order of the
 *         graph; the trained model is the given one with their values put in.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_TRAIN_TRAINER_H
#define MWI_TRAIN_TRAINER_H

#include <milliwatt/train.h>

#include "base/arena.h"
#include "base/pool.h"
#include "base/text.h"
#include "model/op_desc.h"
#include "train/optimizer.h"

/* One trained constant of the model, a moving average of it, or a value of a part (a range, a
 * centroid). */
typedef struct mwi_param {
    const char *name;  /* the tensor's: "conv2d/kernel" */
    const char *layer; /* path of its layer; NULL: a part's own */
    int32_t tensor;    /* in the original's graph; -1: a part's own */
    int32_t input;     /* in the step graph: the tensor that carries the value; -1: none */
    size_t input_place, gradient_place; /* among the step's inputs and outputs */
    bool has_gradient;                  /* the loss depends on it */
    int32_t rank;
    int32_t dims[MW_MAX_RANK];
    size_t n;
    float *value;
    float *gradient;                   /* after a step, until the next one; NULL: none */
    float *slots[MWI_OPTIMIZER_SLOTS]; /* of the optimizer: momentum; m and v */
    bool trainable;                    /* else a moving average, or a value that a part changes */
    bool is_kernel;       /* a weight that is multiplied: regularised by the run, pruned */
    double learning_rate; /* factor of the run's; 1 */
    float l1, l2;         /* regularisers */
    const void *stored;   /* parameters that are parts of one Keras weight have the same; NULL */
    const mwi_op *op;     /* the operator of the original that reads it as its weight; NULL */
} mwi_param;

typedef struct mwi_step_graph mwi_step_graph; /* train/step_graph.h */

/* What takes part in a run beside the optimizer. Functions may be NULL; self comes first. */
typedef struct mwi_train_part {
    const char *name; /* in checkpoints */
    void *self;
    /* Before the graph is differentiated: may put operators in it, add parameters, inputs, outputs
     * and terms of the loss. Called for the graph of training alone, not for that of validation. */
    mw_status (*build)(void *self, mw_ctx *ctx, mwi_step_graph *graph);
    /* The same for the graph of validation, later, where there is one: a part whose operators
     * change what the model computes puts them there too, with constants for its values. */
    mw_status (*build_validation)(void *self, mw_ctx *ctx, mwi_step_graph *graph);
    /* Puts the part's present values into a copy of the graph of validation, before it is run. */
    mw_status (*bake)(void *self, mw_ctx *ctx, mw_trainer *trainer, mw_model *model);
    /* Values of the part's own inputs for the batch: samples[i] is the place of the i-th in the
     * data set. */
    mw_status (*feed)(void *self, mw_ctx *ctx, mw_trainer *trainer, const uint64_t *samples,
                      size_t n);
    /* After weights were changed by the optimizer, and once before the first step (step 0): masks.
     * `step` counts the steps that are done. */
    mw_status (*after_update)(void *self, mw_ctx *ctx, mw_trainer *trainer, uint64_t step);
    /* Reads the part's own outputs of the step, before the weights are changed: ranges. */
    mw_status (*after_step)(void *self, mw_ctx *ctx, mw_trainer *trainer, uint64_t step);
    /* State for a checkpoint, beside the part's parameters: bytes that mean the same on every
     * machine. */
    mw_status (*save)(void *self, mw_ctx *ctx, mwi_text *out);
    mw_status (*load)(void *self, mw_ctx *ctx, const uint8_t *bytes, size_t n);
    /* The part's options as lines "key value", so that a checkpoint of another run is refused. */
    mw_status (*describe)(void *self, mw_ctx *ctx, mwi_text *out);
    /* The trained model, before the caller gets it. */
    mw_status (*finish)(void *self, mw_ctx *ctx, mw_trainer *trainer, mw_model *model);
} mwi_train_part;

/* mw_train without the options that are parts; `parts` act in their order. */
MW_MUST_USE mw_status mwi_train(mw_ctx *ctx, const mw_model *model, mw_dataset *train,
                                mw_dataset *validation, const mw_train_options *options,
                                const mwi_train_part *parts, size_t n_parts, mw_model **out_model,
                                mw_train_report *out_report);

/* Parameters in order: the original's, then those of parts. They never move. */
size_t mwi_trainer_n_params(const mw_trainer *trainer);
mwi_param *mwi_trainer_param(mw_trainer *trainer, size_t index);
/* Length of the run in steps, as far as it is known (the batch may change). */
uint64_t mwi_trainer_n_steps(const mw_trainer *trainer);
/* Threads for work outside of the graph; borrowed. */
mwi_pool *mwi_trainer_pool(mw_trainer *trainer);

#endif
