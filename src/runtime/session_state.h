/* runtime/session_state.h - the inside of mw_session, for runtime/ alone.
 * Depends: runtime/plan.  Used by: runtime/session*, runtime/batch.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_RUNTIME_SESSION_STATE_H
#define MWI_RUNTIME_SESSION_STATE_H

#include <milliwatt/custom.h>

#include "ops/table.h"
#include "runtime/plan.h"
#include "runtime/session.h"

enum { MWI_MAX_PLANS = 8 };

/* A subgraph that operators call: one instance for the root session. */
typedef struct mwi_callee {
    mw_session *session; /* owned; NULL: not asked for yet */
    mwi_view *out;       /* its outputs, as the last call found them */
    mw_shape *shapes;    /* room for its inputs' shapes */
    bool *is_read;       /* by input: an operator or an output reads it */
    bool busy;           /* is being planned or run */
} mwi_callee;

/* What an operator whose shapes depend on data has computed to know them. */
typedef struct mwi_held {
    const void *attr; /* of the operator: tells it from others */
    mwi_view *views;
    size_t *capacities; /* of the views' data */
    size_t n;
    bool full; /* until it is taken */
} mwi_held;

/* Memory of an operator that lives with the session. */
typedef struct mwi_kept {
    const void *attr;
    void *data; /* in the root's arena */
    size_t bytes;
} mwi_kept;

enum { MWI_RESOURCE_VARIABLE = 0, MWI_RESOURCE_TABLE = 1 };

typedef struct mwi_resource {
    int32_t kind;
    /* ---- a variable ---- */
    const char *container, *name; /* of the model; NULL is "" */
    bool is_set;
    mwi_view value; /* its data are owned: `capacity` bytes */
    size_t capacity;
    /* ---- a table ---- */
    int32_t table_id; /* the model's number of it */
    mwi_table table;
} mwi_resource;

/* Variables, tables, and what CALL_ONCE has run: of one session, or of several over one model that
 * share them, used by one thread at a time. */
typedef struct mwi_resources {
    size_t n_users; /* sessions */
    mwi_heap *heap; /* retained */
    mwi_arena arena;
    mwi_resource *v;
    size_t n, capacity; /* in the arena */
    bool *was_run;      /* by subgraph: CALL_ONCE */
} mwi_resources;

/* What all subgraphs of a session share. */
typedef struct mwi_shared {
    mwi_callee *callees; /* one a subgraph */
    mwi_held *held;
    size_t n_held, held_capacity; /* in the root's arena */
    mwi_kept *kept;
    size_t n_kept, kept_capacity; /* in the root's arena */
    mwi_resources *resources;
    void *scratch;
    size_t scratch_bytes;
} mwi_shared;

typedef struct mwi_kept_plan {
    mwi_plan *plan;
    mw_shape *shapes; /* n_inputs */
} mwi_kept_plan;

/* Holds: (1) kept[0] is the plan at the declared shapes and stays; the rest are replaced in turn;
 * (2) the present plan is one of them and is bound to `memory`;  (3) `memory` is as large as the
 * largest plan that was ever kept. */
struct mw_session {
    mw_session *root;  /* itself; of a callee: the session that the program made */
    mwi_host host;     /* of a root */
    mwi_shared shared; /* of a root */
    mwi_arena strings; /* of a root: bytes of strings that the present run makes */
    mwi_heap *heap;
    mwi_arena arena;
    mw_model *model; /* retained */
    const mwi_graph *graph;
    const mwi_device_desc *device;
    const char *kernels;
    const mwi_customs *customs; /* operators of the program */
    bool profile;
    uint32_t n_threads;
    mwi_pool *pool;
    int32_t *inputs, *outputs; /* tensors, in the signature's or the graph's order */
    size_t n_inputs, n_outputs;
    mw_shape *batch_shapes; /* n_inputs: room for those of a batch */
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
/* custom.c: rows for operators of the program, in `arena`; NULL for none. Fails: MW_EINVAL. */
MW_MUST_USE mw_status mwi_customs_create(mw_ctx *ctx, mwi_arena *arena,
                                         const struct mw_custom_op *ops, size_t n,
                                         const mwi_customs **out);

/* ---- host.c: what operators ask of the session ---- */

/* shares: whose resources are to be used; NULL: its own. Fails: MW_EINVAL (of another model). */
MW_MUST_USE mw_status mwi_host_init(mw_ctx *ctx, mw_session *root, const mw_session *shares);
void mwi_host_deinit(mw_session *root); /* accepts a zeroed one */
/* State of callees to their first values; variables have none, tables are empty, CALL_ONCE has not
 * run. */
MW_MUST_USE mw_status mwi_host_reset(mw_ctx *ctx, mw_session *root);
/* Nothing is held: before a run. */
void mwi_host_begin_run(mw_session *root);
/* Adds what callees and resources take. */
void mwi_host_memory_use(const mw_session *root, mw_session_memory *out);
/* A session for a subgraph, which shares what `root` has; without a plan yet. */
MW_MUST_USE mw_status mwi_session_create_callee(mw_ctx *ctx, mw_session *root, size_t graph,
                                                mw_session **out);
/* Runs the present plan and its tails, without hooks. */
MW_MUST_USE mw_status mwi_session_run_plans(mw_ctx *ctx, mw_session *s);

/* Before a run or a batch: frees the bytes of strings that runs before have made. */
void mwi_session_drop_strings(mw_ctx *ctx, mw_session *s);
/* One run with its hooks. */
MW_MUST_USE mw_status mwi_session_run_once(mw_ctx *ctx, mw_session *s);

/* ---- resources.c ---- */

MW_MUST_USE mw_status mwi_resources_create(mw_ctx *ctx, size_t n_graphs, mwi_resources **out);
void mwi_resources_release(mwi_resources *resources); /* accepts NULL */
void mwi_resources_reset(mwi_resources *resources, size_t n_graphs);
uint64_t mwi_resources_bytes(const mwi_resources *resources);
/* Fills the functions of a host that are about variables and tables. */
void mwi_resources_serve(mwi_host *host);

/* The last plan of the chain that the last run of the present plan went through. */
const mwi_plan *mwi_session_last_plan(const mw_session *s);

#endif
