/* runtime/session_state.h - the inside of mw_session, for runtime/ alone.
 * Depends: runtime/plan.  Used by: runtime/session, runtime/batch.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_RUNTIME_SESSION_STATE_H
#define MWI_RUNTIME_SESSION_STATE_H

#include "runtime/plan.h"
#include "runtime/session.h"

enum { MWI_MAX_PLANS = 8 };

struct mw_session {
    mwi_heap *heap;
    mwi_arena arena;
    mw_model *model; /* retained */
    const mwi_graph *graph;
    const mwi_device_desc *device;
    const char *kernel_suffix;
    bool profile;
    uint32_t n_threads;
    mwi_pool *pool;
    int32_t *inputs, *outputs; /* tensors, in the signature's or the graph's order */
    size_t n_inputs, n_outputs;
    mwi_state_list states;
    /* plans[0] is the first one made (declared shapes) and stays; the rest are replaced in turn. */
    mwi_plan *plans[MWI_MAX_PLANS];
    mw_shape *shapes[MWI_MAX_PLANS];
    size_t n_plans, next_to_replace;
    mwi_plan *present;
    uint8_t *memory; /* activations, shared by all plans */
    size_t memory_bytes;
    mw_session_hooks hooks;
    mwi_observe_fn observe;
    void *observe_self;
};

/* Makes or finds the plan for these shapes and makes it the present one. */
MW_MUST_USE mw_status mwi_session_use_shapes(mw_ctx *ctx, mw_session *s, const mw_shape *shapes);
void mwi_session_use_plan(mw_session *s, mwi_plan *plan);

#endif
