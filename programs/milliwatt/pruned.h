/* programs/milliwatt/pruned.h - what the receipts of `prune` and `cluster` share.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MILLIWATT_PRUNED_H
#define MILLIWATT_PRUNED_H

#include "command.h"

/* Files, their deflated sizes, weights and MACs, before and after. */
void receipt_sizes(mw_ctx *ctx, receipt *r, const char *in, const char *out,
                   const mw_prune_report *report);
/* A row a kernel. values: the number of different values has a column. */
void receipt_kernels(receipt *r, const mw_prune_report *report, bool values);
/* Accuracy of both models on the data, those figures that apply. */
mw_status receipt_accuracy(mw_ctx *ctx, receipt *r, const mw_model *before, const mw_model *after,
                           mw_dataset *data, uint32_t n_threads);

#endif
