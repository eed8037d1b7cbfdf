/* compress/quantize/rounding.h - learned rounding of one layer's weights.
 * Depends: compress/quantize/moments.  Used by: learn.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_COMPRESS_ROUNDING_H
#define MWI_COMPRESS_ROUNDING_H

#include "compress/quantize/moments.h"

/* Rounds each weight up or down so that the layer's output on the data changes least: for each
 * output channel, d' C d with d = scale * q - w and C the inputs' covariance (AdaRound's objective,
 * Nagel et al. 2020, before its relaxation), by rounding one weight after the other with the others
 * correcting for it, then coordinate descent until nothing improves. Deterministic. w       the
 * float weights noise   variance of the inputs' own rounding centred whether the bias takes up the
 * mean keep    values at the limit stay there, so that the scale can be found again from the
 * integers */
MW_MUST_USE mw_status mwi_round_learned(mw_ctx *ctx, const mwi_moments *m, const float *w,
                                        double noise, bool centred, bool keep, mwi_qweight *weight);

#endif
