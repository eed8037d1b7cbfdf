/* compress/quantize/readers.h - which operators read each tensor, for walks over large graphs.
 * Depends: model/.  Used by: compress/quantize.     SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_COMPRESS_READERS_H
#define MWI_COMPRESS_READERS_H

#include "model/graph.h"

/* Operators that read tensor t: ops[first[t]] to ops[first[t + 1] - 1], in the graph's order; one
 * that reads it twice stands there twice, side by side. */
typedef struct mwi_readers {
    size_t *first;
    int32_t *ops;
} mwi_readers;

/* Lives in `arena`; holds while no operand changes. */
MW_MUST_USE mw_status mwi_readers_find(mw_ctx *ctx, const mwi_graph *graph, mwi_arena *arena,
                                       mwi_readers *out);

#endif
