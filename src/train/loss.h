/* train/loss.h - what a step makes smaller: a row each (losses.def), and which row belongs to a
 * model and its data.
 * Depends: ops/, data/.  Used by: train/, api.     SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_TRAIN_LOSS_H
#define MWI_TRAIN_LOSS_H

#include <milliwatt/data.h>
#include <milliwatt/train.h>

#include "ops/emit_op.h"

/* Scores are the values before a last softmax or sigmoid, or the output itself. */
typedef struct mwi_loss_desc {
    const char *name; /* as typed */
    const char *summary;
    mw_loss loss;
    bool class_numbers; /* labels are int32, one for the last dimension's values */
    bool of_classes;    /* labels are shares from 0 to 1: class numbers do as one-hot, smoothing */
    bool before;        /* of the values before a last softmax or sigmoid */
    const mwi_op_desc *op; /* (scores, labels) -> loss of each row, derivative */
    /* How many of n rows of `width` scores are right; labels lie as the loss takes them. The
     * number of what can be right: n, or n * width where each value counts (`each`). NULL: no
     * accuracy. */
    uint64_t (*n_right)(const float *scores, const void *labels, size_t n, size_t width);
    bool each;
} mwi_loss_desc;

extern const mwi_loss_desc *const mwi_losses[];     /* losses.def, ends with NULL */
const mwi_loss_desc *mwi_loss_find(int32_t number); /* NULL: none, or MW_LOSS_AUTO */

/* What a model gives and what its data say, for the choice of the loss. */
typedef struct mwi_loss_case {
    size_t n_values, width; /* of a sample's output, of its last dimension */
    bool softmax, logistic; /* the last operator */
    size_t n_labels;        /* 0: none */
    bool integers;
    bool rebuilds;     /* the only input has as many values as the output */
    const char *model; /* for messages */
} mwi_loss_case;
/* Fails: MW_EINVAL (labels that do not fit the output, an unknown loss). */
MW_MUST_USE mw_status mwi_loss_choose(mw_ctx *ctx, const mw_train_options *options,
                                      const mwi_loss_case *what, const mwi_loss_desc **out);

/* For the rows: the place of the first of the largest values. n > 0. */
static inline size_t mwi_first_largest(const float *v, size_t n)
{
    size_t best = 0;

    for (size_t i = 1; i < n; i++)
        if (v[i] > v[best]) best = i;
    return best;
}

/* Adds operators that make the mean over all samples: a scalar. */
MW_MUST_USE mw_status mwi_loss_emit(mw_ctx *ctx, const mwi_emitter *at, const mwi_loss_desc *loss,
                                    double smoothing, int32_t scores, int32_t labels, int32_t *out);

#endif
