/* runtime/plan_maker.h - what the parts of planning share while a plan is made.
 * Depends: runtime/plan.  Used by: runtime/plan*.c, runtime/memory.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_RUNTIME_PLAN_MAKER_H
#define MWI_RUNTIME_PLAN_MAKER_H

#include "base/text.h"
#include "runtime/plan.h"

typedef struct mwi_maker {
    const mwi_plan_options *o;
    mwi_plan *plan;
    mwi_arena scratch; /* until the plan is made */
    bool *lost; /* by tensor: made by an operator that cannot run, so that its shape is not known */
    mwi_text missing; /* operators that cannot run, and why */
    size_t n_missing;
} mwi_maker;

/* custom.c: in place of *op one of the program's operators, where there is one of its name. */
MW_MUST_USE mw_status mwi_customs_replace(mw_ctx *ctx, const mwi_customs *customs, mwi_arena *arena,
                                          const mwi_op **op);
/* plan_steps.c: shapes, constants, kernels, arguments. Fails when any operator cannot run. */
MW_MUST_USE mw_status mwi_maker_steps(mw_ctx *ctx, mwi_maker *m);
/* plan_lifetimes.c: who shares memory, from when to when, and where. */
MW_MUST_USE mw_status mwi_maker_places(mw_ctx *ctx, mwi_maker *m);
#if defined(MWI_DEBUG)
/* plan_check.c: asserts by walking the steps that nothing is overwritten before its last reader. */
MW_MUST_USE mw_status mwi_maker_check(mw_ctx *ctx, mwi_maker *m);
#endif

/* ---- memory.c ---- */

/* A piece of memory that must be kept from step `first` to step `last`, both included. */
typedef struct mwi_span {
    size_t bytes;
    int32_t first, last;
    size_t place; /* out */
} mwi_span;
/* Gives each span a 64-byte aligned place so that no two that live at once overlap; *out_bytes is
 * the end. Rounds bytes up to 64. */
MW_MUST_USE mw_status mwi_memory_place(mw_ctx *ctx, mwi_arena *scratch, mwi_span *spans, size_t n,
                                       size_t *out_bytes);

#endif
