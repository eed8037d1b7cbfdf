/* runtime/session_state.h - the inside of mw_session, for runtime/ alone.
 * Depends: runtime/plan.  Used by: runtime/session*, runtime/batch.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_RUNTIME_SESSION_STATE_H
#define MWI_RUNTIME_SESSION_STATE_H

#include "runtime/plan.h"
#include "runtime/session.h"

enum { MWI_MAX_PLANS = 8 };

typedef struct mwi_kept_plan {
    mwi_plan *plan;
    mw_shape *shapes; /* n_inputs */
} mwi_kept_plan;

/* Holds: (1) kept[0] is the plan at the declared shapes and stays; the rest are replaced in turn;
 * (2) the present plan is one of them and is bound to `memory`;  (3) `memory` is as large as the
 * largest plan that was ever kept. */
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
    mwi_constants constants;
    mwi_state_list states;
    mwi_kept_plan kept[MWI_MAX_PLANS];
    size_t n_kept, last_replaced;
    mwi_plan *present;
    bool one_by_one; /* the graph was found not to take batches */
    uint8_t *memory; /* activations, shared by all plans */
    size_t memory_bytes;
    mw_session_hooks hooks;
    mwi_observe_fn observe;
    void *observe_self;
};

/* Makes or finds the plan for these shapes (NULL: as declared) and makes it the present one. On
 * failure the session is as it was. */
MW_MUST_USE mw_status mwi_session_use_shapes(mw_ctx *ctx, mw_session *s, const mw_shape *shapes);
void mwi_session_use_plan(mw_session *s, mwi_plan *plan);
void mwi_session_drop_plans(mw_session *s);
/* The plan that goes on after `plan`, whose steps have just run: found, or made. Sets plan->tail.
 */
MW_MUST_USE mw_status mwi_session_go_on(mw_ctx *ctx, mw_session *s, mwi_plan *plan);
/* The last plan of the chain that the last run of the present plan went through. */
const mwi_plan *mwi_session_last_plan(const mw_session *s);

#endif
