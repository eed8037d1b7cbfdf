/* milliwatt/train.h - training a model that came from Keras.
 * Threads: calls are independent when each has its own ctx and data sets; models may be shared.
 * Results depend on the seed alone: not on the number of threads, nor on where a run was stopped
 * and resumed.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MILLIWATT_TRAIN_H
#define MILLIWATT_TRAIN_H

#include <milliwatt/data.h>
#include <milliwatt/model.h>
#include <milliwatt/prune.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Rows of mw_list "losses". Each is the mean over the batch's samples, as Keras reduces. Losses of
 * classes are of the values before a last softmax or sigmoid; a model without one gives those. */
typedef enum mw_loss {
    MW_LOSS_AUTO = 0, /* by the labels and the last layer: class numbers for several outputs: sparse
                       * categorical; a value for each after a softmax: categorical; sigmoid:
                       * binary; else mse. Data without labels: the input is what is wanted, mse */
    MW_LOSS_CATEGORICAL_CROSSENTROPY = 1,
    MW_LOSS_SPARSE_CATEGORICAL_CROSSENTROPY = 2,
    MW_LOSS_BINARY_CROSSENTROPY = 3,
    MW_LOSS_MSE = 4,
    MW_LOSS_HUBER = 5,
} mw_loss;

/* Rows of mw_list "optimizers". */
typedef enum mw_optimizer {
    MW_OPTIMIZER_ADAM = 0,
    MW_OPTIMIZER_ADAMW = 1,
    MW_OPTIMIZER_SGD = 2,
} mw_optimizer;

/* Rows of mw_list "schedules": the learning rate over the run. */
typedef enum mw_schedule {
    MW_SCHEDULE_CONSTANT = 0,
    MW_SCHEDULE_STEP = 1,   /* times `schedule_factor` from `schedule_at` of the run on */
    MW_SCHEDULE_COSINE = 2, /* to learning_rate * schedule_factor at the end */
} mw_schedule;

/* Changes of images, drawn anew for each sample and epoch; 0 leaves one out. */
typedef struct mw_augment {
    double shift;  /* up to this share of height and width, either way */
    double zoom;   /* between 1 - zoom and 1 + zoom */
    double rotate; /* up to this many degrees, either way */
    double noise;  /* standard deviation of a normal value added to each */
    bool flip;     /* left and right, every second image on average */
} mw_augment;

typedef struct mw_trainer mw_trainer;

/* What a step was. */
typedef struct mw_step_state {
    uint64_t epoch, step; /* from 0; step counts over the whole run */
    uint64_t steps_per_epoch;
    uint32_t batch; /* samples in this step */
    double learning_rate;
    double loss;    /* after_step: the step's; before_step: the last one's, NaN at first */
    double step_us; /* after_step: how long it took */
} mw_step_state;

/* Called around each step: the place where a governor sits. Either may be NULL.
 * mw_trainer_set_batch may be called from them. */
typedef struct mw_train_hooks {
    void (*before_step)(void *self, mw_trainer *trainer, const mw_step_state *state);
    void (*after_step)(void *self, mw_trainer *trainer, const mw_step_state *state);
    void *self;
} mw_train_hooks;
/* The number of samples from the next step on, at least 1; more than the data set has is cut. What
 * is left of the epoch is divided anew. */
MW_API void mw_trainer_set_batch(mw_trainer *trainer, uint32_t batch);

/* Figures of an epoch; NaN where one does not apply. */
typedef struct mw_epoch {
    uint64_t epoch;                /* from 0 */
    double loss, accuracy;         /* over the epoch's training steps, as Keras shows them */
    double val_loss, val_accuracy; /* of the validation set after it */
    double learning_rate;          /* of its last step */
    double seconds;
    uint64_t samples;
} mw_epoch;

/* Distillation: the loss is alpha * loss(labels) + (1 - alpha) * T^2 * KL(softmax(teacher / T) ||
 * softmax(student / T)), over the values before a last softmax (Hinton, Vinyals, Dean 2015). Where
 * neither model ends in a softmax, the mean squared error of the outputs takes the place of KL. */
typedef struct mw_distill_options {
    const mw_model *teacher; /* borrowed; any model with the student's inputs and as many outputs.
                              * It runs once over the data, its values are kept; where they do not
                              * fit 1 GiB, or samples are changed while training, with each batch */
    double temperature;      /* T; 0: 4 */
    double alpha;            /* share of the labels' loss, 0 to 1 */
    /* Layers whose values shall be alike: "teacher's layer=student's layer", or one name for both.
     * Adds match_weight times the mean squared error; where only the numbers of channels differ, a
     * trained linear map of the student's channels is compared. Borrowed. */
    const char *const *match;
    size_t n_match;
    double match_weight; /* 0: 1 */
} mw_distill_options;

/* Quantization-aware training: weights and values are rounded while training, where and as
 * mw_quantize would round them, so that the integer model is as good as the float one. All fields
 * may be zero. */
typedef struct mw_qat_options {
    int32_t scheme;    /* row of mw_list "qat": MW_QUANT_INT8; MW_QUANT_INT4: int4 weights, int8
                        * activations (MW_QUANT_INT8X4); MW_QUANT_INT16X8 */
    bool learn_ranges; /* ranges are trained with the weights; else they follow what each step sees,
                        * those of weights the largest weight */
    double start;      /* share of the run in which nothing is rounded, and ranges are watched; one
                        * step at least */
    const char *const *keep; /* layers (output name, operator name or glob) that stay float, as in
                              * mw_quantize_options; borrowed */
    size_t n_keep;
} mw_qat_options;

/* All fields may be zero. */
typedef struct mw_train_options {
    uint64_t epochs;      /* 0: 1 */
    uint32_t batch;       /* 0: 32 */
    int32_t loss;         /* mw_loss */
    int32_t optimizer;    /* mw_optimizer */
    double learning_rate; /* 0: Keras's default: 0.001, SGD 0.01 */
    double momentum;      /* SGD; 0: none */
    bool nesterov;
    double weight_decay;    /* AdamW; 0: Keras's 0.004 */
    double l1, l2;          /* added to the loss for kernels, beside the layers' own regularisers */
    double label_smoothing; /* of classes: this share of each label is spread over all */
    int32_t schedule;       /* mw_schedule */
    double schedule_at, schedule_factor; /* 0: 2/3 and 0.1 for STEP, factor 0 for COSINE */
    uint64_t warmup_steps;               /* the rate rises from 0 linearly */
    double clip_norm;                    /* of each weight's gradient; 0: none. One of the three */
    double clip_global_norm;             /* of all gradients together */
    double clip_value;                   /* of each element */
    uint64_t seed;
    bool initialize; /* start from the layers' initializers, not from the model's weights */
    bool keep_order; /* samples come in the order of the data; else shuffled anew each epoch */
    double validation_split; /* this share of `train`, its end, is the validation set */
    uint32_t n_threads;      /* 0: 1 */
    mw_augment augment;
    const char *const *freeze; /* layers (names or globs) that are not trained; borrowed */
    size_t n_freeze;
    uint64_t patience; /* epochs without a better validation loss (else training loss), then the
                        * run ends; 0: never */
    bool keep_best;    /* the result has the weights of the best epoch, not the last */
    const char *checkpoint; /* written after each epoch and on cancellation; NULL: none */
    bool resume;            /* go on from `checkpoint` where it exists */
    /* Kernels lose weights while they train, by a schedule, or keep the zeros that they have; not
     * MW_STRUCTURE_CHANNEL: remove channels first, then train. NULL: no */
    const mw_prune_options *prune;
    /* The weights of a cluster are one value that is trained; zeros are those that `prune` makes,
     * too. NULL: no */
    const mw_cluster_options *cluster;
    const mw_train_hooks *hooks;       /* NULL: none */
    const mw_distill_options *distill; /* NULL: none */
    const mw_qat_options *qat;         /* NULL: none; borrowed */
    /* Called after each epoch with its figures; NULL: nobody is told. */
    void (*on_epoch)(void *self, const mw_epoch *epoch);
    void *on_epoch_self;
} mw_train_options;

typedef struct mw_train_report {
    size_t n_epochs;
    mw_epoch *epochs;
    size_t best_epoch;             /* place in epochs of the weights in the result */
    uint64_t n_trained;            /* weights that were trained */
    double samples_per_second;     /* median over epochs, validation left out */
    bool stopped_early, cancelled; /* cancelled: the result has the weights so far */
    struct mwi_heap *heap;         /* private: where `epochs` came from */
} mw_train_report;

/* Trains a model that was read from a Keras file.
 *   train       read in shuffled order; its labels are what the loss needs
 *   validation  NULL: none
 *   options     may be NULL
 *   out_model   owned: mw_model_destroy; saved as .h5 it loads in Keras. With options->qat it
 *               carries the integer model that was trained: saved as .tflite that is written
 *   out_report  may be NULL; else free with mw_train_report_free
 * Fails: MW_EINVAL (labels out of range, shapes that differ, an empty set, nothing to train; of
 * qat: a scheme of float activations, a `keep` that matches nothing), MW_EUNSUPPORTED (layers
 * without a gradient, all named; a model that is not from Keras), MW_EFORMAT (a loss that is NaN or
 * infinite: the message says in which step; a checkpoint that is damaged), MW_EINVAL (a checkpoint
 * of another run: what differs), MW_EIO (checkpoint), MW_ENOMEM. A failure keeps the last
 * checkpoint. A cancellation (the progress hook of the ctx returns false) is no failure: it gives
 * the model so far. */
MW_API MW_MUST_USE mw_status mw_train(mw_ctx *ctx, const mw_model *model, mw_dataset *train,
                                      mw_dataset *validation, const mw_train_options *options,
                                      mw_model **out_model, mw_train_report *out_report);
MW_API void mw_train_report_free(mw_train_report *report); /* accepts NULL and zeroed */

/* A student of the teacher's kind: `width` times the channels of each layer, 0 < width < 1, the
 * strongest with their weights. Layers that reach the model's inputs or outputs keep theirs.
 *   out_student  owned: mw_model_destroy; saved as .h5 it loads in Keras
 * Fails: MW_EINVAL (width), MW_EUNSUPPORTED (no channel can go), MW_ENOMEM. */
MW_API MW_MUST_USE mw_status mw_derive_student(mw_ctx *ctx, const mw_model *teacher, double width,
                                               mw_model **out_student);

#ifdef __cplusplus
}
#endif
#endif
