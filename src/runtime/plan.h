/* runtime/plan.h - all that can be done once for a graph at given input shapes: shapes, constants, kernels,
 * memory. A session walks the steps of its present plan.
 * Depends: devices/, ops/, model/.  Used by: runtime/ only.
 * Holds:   (1) steps are in running order;  (2) a view of a step has its data when it is constant or state,
 *          else its place in the activations, set by mwi_plan_bind;  (3) a run changes nothing here but
 *          the profile.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_RUNTIME_PLAN_H
#define MWI_RUNTIME_PLAN_H

#include <milliwatt/session.h>

#include "devices/device.h"

/* State tensors: made once for a session, shared by its plans while their sizes agree. */
typedef struct mwi_state {
    int32_t tensor;
    void *data;
    size_t bytes;
} mwi_state;

typedef struct mwi_state_list {
    mwi_state *v;
    size_t n;
} mwi_state_list;

typedef struct mwi_step {
    const mwi_op *op;
    const mwi_kernel *kernel; /* NULL: a view that needs no work */
    mwi_run_call call;
    size_t scratch_place, scratch_bytes;
    uint64_t macs, bytes;
    uint64_t n_runs, total_ns;
} mwi_step;

#define MWI_NO_PLACE SIZE_MAX

typedef struct mwi_plan {
    mwi_arena arena; /* everything below and what kernels prepared */
    const mwi_graph *graph;
    mwi_view *views; /* one a tensor of the graph, at planned shapes */
    size_t *places;  /* one a tensor: offset in the activations, MWI_NO_PLACE */
    mwi_step *steps;
    size_t n_steps;
    size_t arena_bytes; /* activations and scratch */
    uint8_t *base;      /* where the views point now; NULL: not bound */
} mwi_plan;

typedef struct mwi_plan_options {
    const mw_model *model;
    const mwi_graph *graph;
    const mwi_device_desc *device;
    const char *kernel_suffix; /* NULL: any */
    uint32_t n_threads;
    mwi_pool *pool;
    const mwi_state_list *states;
    const int32_t *inputs; /* tensors whose shapes are given */
    const mw_shape *shapes; /* one an input; NULL: as declared */
    size_t n_inputs;
} mwi_plan_options;

/* Fails: MW_EUNSUPPORTED (operators without a kernel, all named), MW_EFORMAT, MW_ELIMIT, MW_ENOMEM.
 * *out is owned: mwi_plan_destroy. */
MW_MUST_USE mw_status mwi_plan_create(mw_ctx *ctx, const mwi_plan_options *options, mwi_plan **out);
void mwi_plan_destroy(mwi_plan *plan); /* accepts NULL */
/* Points every view into the activations at `base` (64-byte aligned, arena_bytes long). */
void mwi_plan_bind(mwi_plan *plan, uint8_t *base);

/* ---- memory.c ---- */

/* A piece of memory that must be kept from step `first` to step `last`, both included. */
typedef struct mwi_span {
    size_t bytes;
    int32_t first, last;
    size_t place; /* out */
} mwi_span;
/* Gives each span a 64-byte aligned place so that no two that live at once overlap; *out_bytes is the end. */
MW_MUST_USE mw_status mwi_memory_place(mw_ctx *ctx, mwi_arena *scratch, mwi_span *spans, size_t n,
                                       size_t *out_bytes);

#endif
