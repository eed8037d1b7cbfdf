/* milliwatt/evaluate.h - accuracy of a model on a data set, alone and against another model.
 * Threads: calls are independent when each has its own ctx and data set; models may be shared.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MILLIWATT_EVALUATE_H
#define MILLIWATT_EVALUATE_H

#include <milliwatt/data.h>
#include <milliwatt/model.h>

#ifdef __cplusplus
extern "C" {
#endif

/* All fields may be zero. */
typedef struct mw_evaluate_options {
    const mw_model *against; /* compare outputs with this model's on the same samples; NULL: no */
    uint64_t max_samples;    /* 0: all */
    uint32_t batch;          /* 0: 1 */
    uint32_t n_threads;      /* 0: 1 */
} mw_evaluate_options;

/* Which figures of mw_evaluation apply to the model and the data. */
enum {
    MW_FIGURE_TOP1 = 1,
    MW_FIGURE_TOP5 = 2,
    MW_FIGURE_AUC = 4,
    MW_FIGURE_MSE = 8,
    MW_FIGURE_AGREEMENT = 16,
    MW_FIGURE_SQNR = 32,
};

/* A figure that does not apply is NaN; one that applies is NaN only where outputs are not finite.
 */
typedef struct mw_evaluation {
    uint64_t samples;
    uint32_t applies; /* MW_FIGURE_... */
    /* Samples for which an output of either model is NaN or infinite: wrong in top1, top5 and
     * agreement. */
    uint64_t non_finite;
    uint64_t non_finite_inputs; /* values of the data that are NaN or infinite */
    bool exact;                 /* all outputs equal those of `against`; sqnr_db is infinite then */
    double top1, top5; /* share of samples, class labels and an output of >= 2 (> 5) values */
    double auc;        /* binary labels: area under the ROC curve of the score (a single output, or
                        * the second of two; for an autoencoder the reconstruction error) */
    double mse;        /* mean squared error against float targets, or an autoencoder's input */
    double agreement;  /* share of samples with the same top-1 as `against` */
    double sqnr_db;    /* 10 log10(sum ref^2 / sum (ref - got)^2) over all outputs, dequantized */
    double median_us, p99_us; /* latency of a batch of `batch` samples */
} mw_evaluation;

/* Runs the data set through the model. Samples are independent: a model with state starts each
 * afresh. What labels mean is told from them: one value for an output of several is a class; as
 * many values as the output has are targets, or a class where each sample has a single 1 among
 * zeros. Fails: MW_EINVAL (data do not fit the model), MW_EFORMAT, MW_ENOMEM, MW_ECANCELLED. */
MW_API MW_MUST_USE mw_status mw_evaluate(mw_ctx *ctx, const mw_model *model, mw_dataset *dataset,
                                         const mw_evaluate_options *options,
                                         mw_evaluation *out_result);

#ifdef __cplusplus
}
#endif
#endif
