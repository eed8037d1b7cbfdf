/* train/step_graph.h - the graph of one training step: the model's own, with its weights as inputs,
 * layers in their training form, the loss, and what parts add.
 * Depends: train/trainer.  Used by: train/, compress/.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_TRAIN_STEP_GRAPH_H
#define MWI_TRAIN_STEP_GRAPH_H

#include "train/trainer.h"

/* Indices of tensors that grow while the graph is built: its inputs, its outputs. */
typedef struct mwi_step_list {
    int32_t *v;
    size_t n, capacity;
} mwi_step_list;

/* A layer's moving averages: `mean` and `variance` are parameters that the optimizer leaves alone.
 */
typedef struct mwi_step_norm {
    mwi_param *mean, *variance;
    size_t mean_place, variance_place; /* of the batch's, among the outputs */
    int32_t x;                         /* what is normalised, for the number of values */
    float momentum;
    bool unbiased;
} mwi_step_norm;

struct mwi_step_graph {
    mw_model *model;
    mwi_graph *graph;         /* model->graphs[0] */
    const mw_model *original; /* tensor indices of the first original->graphs[0]->n_tensors tensors
                               * are those of the original */
    mwi_arena *arena;         /* as long as the run */
    const mw_train_options *options;
    bool training; /* false: the layers are in their inference form, for validation */
    mwi_param **params;
    size_t n_params, params_capacity;
    mwi_step_norm *norms;
    size_t n_norms, norms_capacity;
    mwi_step_list inputs, outputs; /* the session's, in order */
    int32_t output;                /* the model's output that the loss is of */
    int32_t logits;                /* before a last SOFTMAX or LOGISTIC; -1: there is none */
    int32_t labels; /* input: float [batch, ...] or int32 [batch, ...] class numbers */
    int32_t step;   /* input: int32 [2], the run's seed and the step's number, for random masks */
    int32_t loss;   /* scalar: the sum of all terms so far */
    size_t labels_place, step_place; /* among the inputs */
    size_t loss_place, scores_place; /* among the outputs; scores: logits, or the output */
};

/* A value that is trained, or that the trainer feeds from `value`. */
MW_MUST_USE mw_status mwi_step_add_param(mw_ctx *ctx, mwi_step_graph *g, const char *name,
                                         int32_t rank, const int32_t *dims, const float *value,
                                         mwi_param **out);
/* Makes the loss term * factor + what it was. */
MW_MUST_USE mw_status mwi_step_add_loss(mw_ctx *ctx, mwi_step_graph *g, int32_t term,
                                        double factor);
/* An input that is fed for each step, or an output that is read after it; *out is its place for
 * mwi_trainer_input and mwi_trainer_output. A first dimension of an input that is -1 is the batch.
 */
MW_MUST_USE mw_status mwi_step_add_input(mw_ctx *ctx, mwi_step_graph *g, const char *name,
                                         mw_dtype dtype, int32_t rank, const int32_t *dims,
                                         int32_t *out_tensor, size_t *out);
MW_MUST_USE mw_status mwi_step_add_output(mw_ctx *ctx, mwi_step_graph *g, int32_t tensor,
                                          size_t *out);
/* Memory of such an input for the present batch, or of an output after the step; borrowed until the
 * next step. */
MW_MUST_USE mw_status mwi_trainer_input(mw_ctx *ctx, mw_trainer *trainer, size_t index, void **out,
                                        size_t *out_bytes);
MW_MUST_USE mw_status mwi_trainer_output(mw_ctx *ctx, mw_trainer *trainer, size_t index,
                                         const void **out, size_t *out_bytes);

#endif
