/* passes/fold_channels.h - folding x * scale + offset, a pair a channel, into the layer before or
 * after it, in double precision.
 * Depends: passes/rewriter.  Used by: passes that meet such values.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_PASSES_FOLD_CHANNELS_H
#define MWI_PASSES_FOLD_CHANNELS_H

#include "passes/rewriter.h"

typedef struct mwi_channels {
    size_t n; /* the last dimension of the value */
    double *scale, *offset;
    bool scales, shifts; /* any scale is not 1, any offset not 0 */
} mwi_channels;

/* n pairs of 1 and 0. */
MW_MUST_USE mw_status mwi_channels_make(mw_ctx *ctx, mwi_rw *rw, size_t n, mwi_channels *out);
/* Sets scales and shifts. False: a number is not finite. */
bool mwi_channels_settle(mwi_channels *c);
/* ADD, SUB, MUL, DIV of a float value and a constant that is one number or one for each of the
 * value's last dimension: composes it after *c. The fused activation is the caller's business. */
bool mwi_channels_apply(const mwi_rw *rw, const mwi_op *op, int32_t *out_value, mwi_channels *c);
/* The channels of a value; 0 when they are open or it has none. */
size_t mwi_channels_in(const mwi_rw *rw, int32_t value);

/* Folds into the layer that makes `value`, perhaps through reshapes that keep the channels last;
 * nothing but the affine may read it, which the caller checks. The layer's activation becomes
 * `activation`. *out_done false: it cannot be; else what makes `value` takes over the affine's
 * output (mwi_rw_absorb). */
MW_MUST_USE mw_status mwi_fold_into_producer(mw_ctx *ctx, mwi_rw *rw, int32_t value,
                                             const mwi_channels *c, int32_t activation,
                                             bool *out_done);
/* Folds into the layer that alone reads `value`, the affine's output, perhaps through reshapes. The
 * caller then redirects the readers of `value` to the affine's input. */
MW_MUST_USE mw_status mwi_fold_into_reader(mw_ctx *ctx, mwi_rw *rw, int32_t value,
                                           const mwi_channels *c, bool *out_done);

#endif
