/* runtime/plan.h - all that can be done once for a graph at given input shapes: shapes, constants,
 * kernels, memory. A session walks the steps of its present plan. Where an output's shape depends
 * on data, a plan ends; the rest of the graph is planned when a run has the data (a tail), and
 * kept for runs in which the shape is the same again.
 * Depends: devices/, ops/, model/.  Used by: runtime/ only.
 * Holds:   (1) steps are in running order;  (2) a view of a step has its data when it is constant
 *          or state, else its place in the activations, set by mwi_plan_bind;  (3) a run changes
 *          nothing here but the profile;  (4) while a plan is made only constants have data.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_RUNTIME_PLAN_H
#define MWI_RUNTIME_PLAN_H

#include <milliwatt/session.h>

#include "devices/device.h"

/* State tensors: made once for a session, shared by its plans. */
typedef struct mwi_state {
    int32_t tensor;
    void *data;
    size_t bytes;
} mwi_state;
typedef struct mwi_state_list {
    mwi_state *v;
    size_t n;
} mwi_state_list;

/* What is constant in a graph whatever its inputs' shapes: the file's constants (sparse ones
 * expanded) and what operators make of them alone. Filled by the first plan, shared by all plans of
 * a session. */
typedef struct mwi_constants {
    mwi_arena arena;
    mwi_view *views; /* one a tensor; data NULL: not constant */
    size_t n;
} mwi_constants;

typedef struct mwi_step {
    mw_status (*run)(mw_ctx *ctx, const mwi_run_call *call); /* NULL: a view that needs no work */
    mwi_run_call call;
    const mwi_op *op;
    const mwi_kernel *kernel;
    size_t scratch_place, scratch_bytes;
    uint64_t macs, bytes;
    uint64_t n_runs, total_ns;
} mwi_step;

#define MWI_NO_PLACE SIZE_MAX
enum { MWI_MAX_TAILS = 8 };

typedef struct mwi_plan mwi_plan;
typedef struct mwi_customs mwi_customs; /* custom.c */
struct mwi_plan {
    mwi_arena arena; /* everything below and what kernels prepared */
    const mwi_graph *graph;
    const mwi_state_list *states; /* borrowed from the session */
    mwi_view *views;              /* one a tensor of the graph, at planned shapes */
    mwi_view *input_views;        /* the graph's inputs, in its order */
    size_t *places;               /* one a tensor: offset in the activations, MWI_NO_PLACE */
    mwi_step *steps;
    size_t n_steps;
    mwi_step **work; /* the steps that have something to do */
    size_t n_work;
    size_t arena_bytes;  /* activations and scratch */
    size_t weight_bytes; /* of the file's constants that steps read, each once */
    uint8_t *base;       /* where the views point now; NULL: not bound */
    /* ---- where it ends before the graph does ---- */
    size_t next_op;           /* the operator whose output's shape depends on data; n_ops: none */
    mwi_shape_call next_call; /* its operands, bound with the others */
    mwi_plan *tails[MWI_MAX_TAILS];
    size_t n_tails, last_replaced;
    mwi_plan *tail; /* that the present run went on with; NULL: none yet */
    /* ---- of a tail ---- */
    const mwi_plan *before; /* the plan that it goes on from; NULL: it is the graph's first */
    bool *carried;          /* by tensor: its value lies in a plan before */
    const mwi_view *given; /* outputs of its first operator, with the shapes that it was made for */
    const mwi_view *fixed; /* inputs of that operator: with data that its kernel was prepared for,
                            * or NULL; NULL: its kernel reads all at run */
    uint8_t *memory;       /* its own activations, arena_bytes */
};

typedef struct mwi_plan_options {
    const mwi_graph *graph;
    const mwi_device_desc *device;
    const char *kernels; /* a pattern of names; NULL: any */
    uint32_t n_threads;
    mwi_pool *pool;
    mwi_packs *packs; /* the model's */
    mwi_constants *constants;
    const mwi_state_list *states;
    const int32_t *inputs,
        *outputs;           /* tensors whose shapes are given, and whose values are wanted */
    const mw_shape *shapes; /* one an input; NULL: as declared */
    size_t n_inputs, n_outputs;
    const mwi_plan
        *before; /* a tail: the plan that it goes on from, bound; NULL: from the graph's start */
    const mwi_view *given; /* of a tail: outputs of its first operator with their shapes, copied */
    const mwi_host *host;  /* borrowed from the session */
    mwi_arena *strings;    /* the same */
    const mwi_customs *customs; /* operators of the program; NULL: none */
    bool any_rank;              /* inputs may have another rank than the file declares */
} mwi_plan_options;

/* `inputs`: tensors that are fed, even where the file holds a value for them. */
MW_MUST_USE mw_status mwi_constants_init(mw_ctx *ctx, const mwi_graph *graph, const int32_t *inputs,
                                         size_t n_inputs, mwi_constants *out);
void mwi_constants_deinit(mwi_constants *constants); /* accepts a zeroed one */

/* Fails: MW_EUNSUPPORTED (operators that cannot run, all named), MW_EINVAL (a shape's rank),
 * MW_EFORMAT, MW_ELIMIT, MW_ENOMEM. *out is owned: mwi_plan_destroy. */
MW_MUST_USE mw_status mwi_plan_create(mw_ctx *ctx, const mwi_plan_options *options, mwi_plan **out);
void mwi_plan_destroy(mwi_plan *plan); /* accepts NULL */
/* The tail of `plan` that was made for what next_call has now; NULL: none was. */
mwi_plan *mwi_plan_find_tail(const mwi_plan *plan);
/* Keeps a tail, whose memory is made here, in place of another when there are many. `tail` is
 * taken. */
MW_MUST_USE mw_status mwi_plan_add_tail(mw_ctx *ctx, mwi_plan *plan, mwi_plan *tail);
/* Points every view into the activations at `base` (64-byte aligned, arena_bytes long). */
void mwi_plan_bind(mwi_plan *plan, uint8_t *base);

/* Makes the strings of these tensors, as far as they lie in the plan's activations, empty. */
void mwi_plan_clear_strings(mwi_plan *plan, const int32_t *tensors, size_t n);

/* Moves the recorded error into `text` and clears it: for what is collected or tried. */
void mwi_take_error(mw_ctx *ctx, char *text, size_t text_bytes);

#endif
