/* train/samples.h - a data set while it is trained on: read in any order, with labels in the form
 * of the loss.
 * Depends: data/, train/loss.  Used by: train/.     SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_TRAIN_SAMPLES_H
#define MWI_TRAIN_SAMPLES_H

#include "base/arena.h"
#include "train/loss.h"

typedef struct mwi_sample_input {
    mw_tensor_info info; /* as the model takes it, with a batch of 1 */
    size_t bytes;        /* of a sample */
    uint8_t *held;       /* all samples as the model takes them; NULL: read each time */
} mwi_sample_input;

/* Holds: samples are [first, first + n) of the data set. */
typedef struct mwi_samples {
    mw_dataset *data;
    uint64_t first, n;
    mwi_sample_input *inputs;
    size_t n_inputs;
    uint8_t *labels; /* n times label_bytes; NULL: input 0 is what is wanted */
    size_t label_bytes;
} mwi_samples;

typedef struct mwi_samples_options {
    const mw_model *model;
    const mwi_loss_desc *loss;
    mwi_loss_case what;
    uint64_t first, n;
} mwi_samples_options;

/* Reads labels, and inputs where they fit; memory of `arena`. Fails: MW_EINVAL (no samples, labels
 * out of range: names the sample), as mw_dataset_read does. */
MW_MUST_USE mw_status mwi_samples_open(mw_ctx *ctx, mw_dataset *data, mwi_arena *arena,
                                       const mwi_samples_options *options, mwi_samples *out);
/* Sample `index` of an input; `out` has its bytes. */
MW_MUST_USE mw_status mwi_samples_read(mw_ctx *ctx, const mwi_samples *samples, size_t input,
                                       uint64_t index, void *out);
/* Its label; `out` has label_bytes. */
MW_MUST_USE mw_status mwi_samples_label(mw_ctx *ctx, const mwi_samples *samples, uint64_t index,
                                        void *out);

/* ---- order ---- */

/* The order of n samples in an epoch: the same for a seed and epoch everywhere. */
void mwi_samples_shuffle(uint64_t seed, uint64_t epoch, uint64_t n, uint32_t *order);

#endif
