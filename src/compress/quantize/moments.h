/* compress/quantize/moments.h - means and second moments of the patches that a layer sees: all
 * that layer-wise reconstruction needs of the data, in memory that does not grow with them.
 * Depends: compress/quantize/job, patches.  Used by: learn.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_COMPRESS_MOMENTS_H
#define MWI_COMPRESS_MOMENTS_H

#include "compress/quantize/job.h"
#include "compress/quantize/patches.h"

/* Wider patches are cut into pieces that are taken as independent: bounds memory and time. */
enum { MWI_MOMENTS_WIDEST = 1024 };

typedef struct mwi_moments {
    mwi_patches patches;
    uint64_t n;             /* patches in `mean` */
    double *mean;           /* n_groups * k: sums while they are gathered */
    size_t piece, n_pieces; /* k is cut into n_pieces of at most `piece` */
    uint64_t n_second;      /* patches in `second` */
    double *second;  /* n_groups * n_pieces * piece * piece, upper triangle; NULL: not wanted */
    double *partial; /* sums of the patches in `second`: n_groups * k */
} mwi_moments;

MW_MUST_USE mw_status mwi_moments_init(mw_ctx *ctx, mwi_moments *m, const mwi_patches *patches,
                                       bool second, mwi_arena *arena);
size_t mwi_moments_bytes(const mwi_patches *patches);
/* Takes one run's input of the layer. `patch`: room for k floats. `take`: about how many patches go
 * into the second moment; which ones, the run's number says. */
void mwi_moments_add(mwi_moments *m, const float *input, uint64_t run, size_t take, float *patch);
/* Covariance of one piece of one group, shrunk towards a multiple of the identity by as much as the
 * number of patches is small (oracle approximating shrinkage, Chen et al. 2010), plus `noise` on
 * the diagonal. centred false: the second moment itself. out: piece * piece, full. */
void mwi_moments_covariance(const mwi_moments *m, size_t group, size_t piece, bool centred,
                            double noise, double *out);

#endif
