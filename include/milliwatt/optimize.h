/* milliwatt/optimize.h - passes that make a model smaller and faster with the same outputs.
 * Threads: calls are independent when each has its own ctx; the model may be shared.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MILLIWATT_OPTIMIZE_H
#define MILLIWATT_OPTIMIZE_H

#include <milliwatt/model.h>

#ifdef __cplusplus
extern "C" {
#endif

/* All fields may be zero. */
typedef struct mw_optimize_options {
    const char *const *only; /* names of passes to run (mw_list: "passes"); NULL: all */
    size_t n_only;
    const char *const *skip; /* names of passes to leave out */
    size_t n_skip;
} mw_optimize_options;

typedef struct mw_pass_count {
    const char *pass;   /* static storage */
    uint32_t n_changes; /* places that it rewrote */
} mw_pass_count;

#define MW_MAX_PASSES 64
typedef struct mw_optimize_report {
    mw_model_summary before, after;
    size_t n_passes;
    mw_pass_count passes[MW_MAX_PASSES];
} mw_optimize_report;

/* Makes an optimised model: outputs stay the same within float rounding, and to the bit for
 * integers. out_model   owned: mw_model_destroy out_report  may be NULL Fails: MW_EINVAL (no such
 * pass), MW_EFORMAT, MW_ENOMEM. */
MW_API MW_MUST_USE mw_status mw_optimize(mw_ctx *ctx, const mw_model *model,
                                         const mw_optimize_options *options, mw_model **out_model,
                                         mw_optimize_report *out_report);

#ifdef __cplusplus
}
#endif
#endif
