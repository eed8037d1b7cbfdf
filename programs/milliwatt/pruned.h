/* programs/milliwatt/pruned.h - what `prune`, `cluster` and `train` share of pruning: options,
 * fine-tuning, rows of receipts.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MILLIWATT_PRUNED_H
#define MILLIWATT_PRUNED_H

#include "training.h"

/* Where the options of PRUNING_OPTS go. options.schedule begins as the default. */
typedef struct pruning {
    const char *scope;
    opt_list skip;
    mw_prune_options options; /* the numbers that are given; the rest is filled in */
} pruning;

/* `needed`: the option without which they do nothing, NULL where there is none. */
#define PRUNING_OPTS(p, needed)                                                                    \
    {"--sparsity",                                                                                 \
     OPT_NUMBER,                                                                                   \
     &(p).options.sparsity,                                                                        \
     "S",                                                                                          \
     .help = "share of weights that become zero",                                                  \
     .max = 1},                                                                                    \
        {"--structure",                                                                            \
         OPT_CHOICE,                                                                               \
         &(p).options.structure,                                                                   \
         "STRUCTURE",                                                                              \
         .help = "which weights become zero together; default none; one of",                       \
         .table = "structures"},                                                                   \
        {"--scope",                                                                                \
         OPT_STRING,                                                                               \
         &(p).scope,                                                                               \
         "SCOPE",                                                                                  \
         .help = "the sparsity is that of each layer (default) or global",                         \
         .needs = (needed)},                                                                       \
    {                                                                                              \
        "--skip", OPT_STRINGS, &(p).skip, "GLOB",                                                  \
            .help = "do not prune layers of this name (or operator); may be given again",          \
            .needs = (needed)                                                                      \
    }
/* How zeros come while a model trains. */
#define PRUNING_SCHEDULE_OPTS(p, needed)                                                           \
    {"--schedule",                                                                                 \
     OPT_CHOICE,                                                                                   \
     &(p).options.schedule,                                                                        \
     "NAME",                                                                                       \
     .help = "of the sparsity over the steps; default polynomial; one of",                         \
     .table = "prune_schedules",                                                                   \
     .needs = (needed)},                                                                           \
        {"--initial-sparsity",                                                                     \
         OPT_NUMBER,                                                                               \
         &(p).options.initial_sparsity,                                                            \
         "S",                                                                                      \
         .help = "at the begin step (default 0)",                                                  \
         .max = 1,                                                                                 \
         .needs = (needed)},                                                                       \
        {"--prune-begin",                                                                          \
         OPT_UINT,                                                                                 \
         &(p).options.begin_step,                                                                  \
         "STEP",                                                                                   \
         .help = "the step at which pruning begins (default 0)",                                   \
         .needs = (needed)},                                                                       \
        {"--prune-end",                                                                            \
         OPT_UINT,                                                                                 \
         &(p).options.end_step,                                                                    \
         "STEP",                                                                                   \
         .help = "the step from which on zeros stay (default: 3/4 of the run)",                    \
         .min = 1,                                                                                 \
         .needs = (needed)},                                                                       \
        {"--prune-frequency",                                                                      \
         OPT_UINT,                                                                                 \
         &(p).options.frequency,                                                                   \
         "STEPS",                                                                                  \
         .help = "between two choices of what is zero (default: 1/100 of the way)",                \
         .min = 1,                                                                                 \
         .needs = (needed)},                                                                       \
    {                                                                                              \
        "--prune-power", OPT_NUMBER, &(p).options.power, "P",                                      \
            .help = "of the polynomial (default 3)", .max = 100, .needs = (needed)                 \
    }
/* options with what the rest of `p` says; valid as long as `p`. */
mw_prune_options pruning_options(const pruning *p);
/* Whether the structure says itself how much is zero. */
bool fixes_sparsity(int32_t structure);
/* What is wrong with the options together; NULL: nothing. */
const char *pruning_mistake(const pruning *p);

/* Trains on the data of `t` with pruning, clusters, or neither (NULL).
 *   out_model  owned: mw_model_destroy;  report  to be freed by mw_train_report_free */
typedef struct fine_tuning {
    const mw_prune_options *prune;
    const mw_cluster_options *cluster;
} fine_tuning;
mw_status fine_tune(mw_ctx *ctx, const training *t, const fine_tuning *how, const mw_model *model,
                    mw_model **out_model, mw_train_report *report);

/* Files, their deflated sizes, weights and MACs, before and after. */
void receipt_sizes(mw_ctx *ctx, receipt *r, const char *in, const char *out,
                   const mw_prune_report *report);
/* A row a kernel. values: the number of different values has a column. */
void receipt_kernels(receipt *r, const mw_prune_report *report, bool values);
/* Accuracy of both models on the data, those figures that apply. */
mw_status receipt_accuracy(mw_ctx *ctx, receipt *r, const mw_model *before, const mw_model *after,
                           mw_dataset *data, uint32_t n_threads);

#endif
