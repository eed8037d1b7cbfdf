/* ops/blocks.h - what SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND share: pixels whose coordinates are
 * congruent modulo the blocks' shape lie together in one batch.
 * Depends: ops/strided.  Used by: ops/space_to_batch_nd, ops/batch_to_space_nd.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_OPS_BLOCKS_H
#define MWI_OPS_BLOCKS_H

#include "ops/strided.h"

typedef struct mwi_blocks {
    int32_t n;                   /* spatial dimensions: 1 or 2 */
    int64_t shape[2];            /* input 1 */
    int64_t before[2], after[2]; /* input 2: paddings or crops */
} mwi_blocks;

/* Reads inputs 1 and 2. Fails: MW_EFORMAT (blocks below 1, negative margins, wrong counts). */
MW_MUST_USE mw_status mwi_blocks_read(mw_ctx *ctx, mwi_shape_call *call, mwi_blocks *out);
/* The same at run time, where infer has proven them. */
void mwi_blocks_run_read(const mwi_run_call *call, mwi_blocks *out);
/* Copies between `space`, [batch, rows..., channels], and `batches`, [blocks * batch, rows /
 * block..., channels]. Pixels of `batches` that fall into the margins are left alone. */
void mwi_blocks_copy(mwi_pool *pool, const mwi_blocks *b, const mwi_view *space,
                     const mwi_view *batches, bool to_space);
/* Fails with MW_EFORMAT when the output's quantization is not the input's. */
mw_status mwi_blocks_prepare(mw_ctx *ctx, mwi_prepare_call *call);

#endif
