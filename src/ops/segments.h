/* ops/segments.h - what SEGMENT_SUM and UNSORTED_SEGMENT_* share: rows of the data (input 0)
 * combined by the segment that input 1 gives them. Negative segments are dropped.
 * Depends: ops/indices.  Used by: both.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_OPS_SEGMENTS_H
#define MWI_OPS_SEGMENTS_H

#include "ops/indices.h"
#include "ops/strided.h"

/* UNSORTED_SEGMENT_*: [num_segments (input 2), dimensions behind those of the segments...]. */
mw_status mwi_segments_infer(mw_ctx *ctx, mwi_shape_call *call);

/* A run function: `step` combines v into acc. */
#define MWI_SEGMENTS_RUN(name, type, acc_type, init, step)                                         \
    static mw_status name(mw_ctx *ctx, const mwi_run_call *call)                                   \
    {                                                                                              \
        const mwi_view *const ids = &call->in[1], *const out = &call->out[0];                      \
        const type *from = call->in[0].data;                                                       \
        size_t inner = 1;                                                                          \
        for (int32_t i = 1; i < out->rank; i++) inner *= (size_t)out->dims[i];                     \
        for (size_t i = 0, n = mwi_view_count(out); i < n; i++) ((type *)out->data)[i] = init;     \
        for (size_t i = 0, n = mwi_view_count(ids); i < n; i++, from += inner) {                   \
            const int64_t id = mwi_index_at(ids, i);                                               \
            if (id < 0) continue;                                                                  \
            if (id >= out->dims[0]) return mwi_index_fail(ctx, id, out->dims[0]);                  \
            type *const to = (type *)out->data + (size_t)id * inner;                               \
            for (size_t k = 0; k < inner; k++) {                                                   \
                acc_type acc = (acc_type)to[k];                                                    \
                const acc_type v = (acc_type)from[k];                                              \
                step;                                                                              \
                to[k] = (type)acc;                                                                 \
            }                                                                                      \
        }                                                                                          \
        return MW_OK;                                                                              \
    }

#endif
