/* compress/quantize/feed.h - running a model over calibration data, one run at a time.
 * Depends: runtime/, data (public).  Used by: compress/quantize. A run takes as many samples as
 * the model's first dimension says; samples that do not fill a run are left out.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_COMPRESS_FEED_H
#define MWI_COMPRESS_FEED_H

#include <milliwatt/data.h>

#include "runtime/session.h"

typedef struct mwi_feed {
    mw_session *session; /* owned */
    mw_dataset *data;    /* borrowed; NULL: seeded random inputs */
    size_t n_inputs;
    uint64_t n_runs, samples_per_run;
    uint64_t n_samples; /* the last run is filled up with the first of them again */
} mwi_feed;

/* max_samples 0: all. data NULL: RANDOM_RUNS runs on seeded random inputs, for integer models whose
 * types bound what may come (integers of 32 bits and more are 0: they may be indices). Fails:
 * MW_EINVAL (no samples, or inputs that do not fit), as mw_session_create. */
MW_MUST_USE mw_status mwi_feed_open(mw_ctx *ctx, const mw_model *model, mw_dataset *data,
                                    uint64_t max_samples, uint32_t n_threads, mwi_feed *out);
void mwi_feed_close(mwi_feed *feed); /* accepts a zeroed one */
/* State is reset before run 0 alone: samples of a model with state follow each other in time, so
 * that the ranges are those of states that have built up. */
MW_MUST_USE mw_status mwi_feed_run(mw_ctx *ctx, mwi_feed *feed, uint64_t run);
/* What input `i` of a run is fed, into a buffer of the model's or of another's same input. */
MW_MUST_USE mw_status mwi_feed_read(mw_ctx *ctx, const mwi_feed *feed, uint64_t run, size_t i,
                                    const mw_buffer *buffer);

#endif
