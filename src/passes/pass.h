/* passes/pass.h - one pass: model -> model, in place on a clone.
 * Depends: model/, ops/.  Used by: the list of passes; api/, compress/.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_PASSES_PASS_H
#define MWI_PASSES_PASS_H

#include <milliwatt/optimize.h>

#include "passes/rewriter.h"

enum {
    MWI_PASS_LOWER =
        1 << 0, /* needed before a .tflite is written: removes training-only operators */
    MWI_PASS_OPTIMIZE = 1 << 1, /* part of `optimize` */
    MWI_PASS_ONCE = 1 << 2,     /* not repeated until nothing changes */
};

typedef struct mwi_pass_desc {
    const char *name;    /* "fold_batch_norm" */
    const char *summary; /* one line for `list passes` */
    uint32_t flags;
    /* Rewrites one graph and counts the places in rw->n_changes. Leaves dead operators and tensors
     * to the sweep that follows. What it changed must be unable to come again: passes repeat until
     * all are quiet. */
    mw_status (*run)(mw_ctx *ctx, mwi_rw *rw);
} mwi_pass_desc;

extern const mwi_pass_desc *const mwi_passes[]; /* in running order, ends with NULL */

/* Runs the passes with any of `flags` (and the filters of `options`, which may be NULL) on all
 * graphs, repeated until nothing changes; sweeps and verifies after each that changed something.
 * Shapes must have been inferred. `report` may be NULL. */
MW_MUST_USE mw_status mwi_passes_run(mw_ctx *ctx, mw_model *model, uint32_t flags,
                                     const mw_optimize_options *options,
                                     mw_optimize_report *report);

/* Marks as open (signature -1) the dimensions of computed values, other than outputs, that change
 * with the graph's open inputs, or that no inference knows: files are not obliged to say. */
MW_MUST_USE mw_status mwi_mark_open_dims(mw_ctx *ctx, mw_model *model);

#endif
