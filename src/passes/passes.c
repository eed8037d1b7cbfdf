/* passes/passes.c - the list of passes, and running it until nothing changes.
 * Depends: passes/pass.  Used by: api/, compress/.   SPDX-License-Identifier: Apache-2.0 */
#include "passes/pass.h"

#include <string.h>

enum { MAX_ROUNDS = 50 };

#define MWI_PASS(id) extern const mwi_pass_desc mwi_pass_##id;
#include "passes/passes.def"
#undef MWI_PASS

const mwi_pass_desc *const mwi_passes[] = {
#define MWI_PASS(id) &mwi_pass_##id,
#include "passes/passes.def"
#undef MWI_PASS
    NULL,
};
_Static_assert(MWI_COUNT(mwi_passes) <= MW_MAX_PASSES, "a report has room for every pass");

static bool named(const char *const *names, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0) return true;
    return false;
}

static mw_status check_names(mw_ctx *ctx, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const mwi_pass_desc *const *p = mwi_passes;
        while (*p != NULL && strcmp((*p)->name, names[i]) != 0) p++;
        if (*p == NULL)
            return mwi_fail(ctx, MW_EINVAL, "no pass '%s'; see the list of passes", names[i]);
    }
    return MW_OK;
}

/* One pass on one graph. */
static mw_status run_graph(mw_ctx *ctx, mw_model *model, mwi_graph *graph,
                           const mwi_pass_desc *pass, uint32_t *n)
{
    mwi_arena scratch;
    mwi_rw rw;
    mw_status st;

    mwi_arena_init(ctx, &scratch);
    MWI_GOTO(mwi_rw_init(ctx, &scratch, model, graph, &rw));
    MWI_GOTO(pass->run(ctx, &rw));
    MWI_GOTO(mwi_rw_finish(ctx, &rw));
    *n += rw.n_changes;
out:
    mwi_arena_deinit(&scratch);
    return st;
}

static mw_status run_one(mw_ctx *ctx, mw_model *model, const mwi_pass_desc *pass, uint32_t *n)
{
    *n = 0;
    for (size_t g = 0; g < model->n_graphs; g++)
        MWI_TRY(mwi_prefix(ctx, run_graph(ctx, model, model->graphs[g], pass, n), "pass %s",
                           pass->name));
    if (*n == 0) return MW_OK;
    MWI_TRY(mwi_model_sweep(ctx, model, NULL));
    return mwi_prefix(ctx, mwi_model_verify(ctx, model), "after pass %s", pass->name);
}

/* Whether a pass is to run in this round. */
static bool wanted(const mwi_pass_desc *p, uint32_t flags, const mw_optimize_options *o, int round)
{
    if ((p->flags & flags) == 0 || (round > 0 && (p->flags & MWI_PASS_ONCE) != 0)) return false;
    if (o->only != NULL && !named(o->only, o->n_only, p->name)) return false;
    return !named(o->skip, o->n_skip, p->name);
}

/* Round after round until each pass has seen the model as it is and left it so. */
static mw_status run_rounds(mw_ctx *ctx, mw_model *model, uint32_t flags,
                            const mw_optimize_options *o, uint32_t *counts)
{
    size_t n_passes = 0, quiet = 0; /* passes; how many in a row changed nothing */

    while (mwi_passes[n_passes] != NULL) n_passes++;
    for (int round = 0; round < MAX_ROUNDS; round++) {
        for (size_t i = 0; i < n_passes; i++) {
            uint32_t n = 0;
            if (wanted(mwi_passes[i], flags, o, round))
                MWI_TRY(run_one(ctx, model, mwi_passes[i], &n));
            counts[i] += n;
            quiet = n > 0 ? 0 : quiet + 1;
            if (quiet >= n_passes) return MW_OK;
            MWI_TRY(mwi_progress(ctx, "optimize", 0, 0));
        }
    }
    return MW_OK;
}

mw_status mwi_passes_run(mw_ctx *ctx, mw_model *model, uint32_t flags,
                         const mw_optimize_options *options, mw_optimize_report *report)
{
    static const mw_optimize_options none;
    const mw_optimize_options *const o = options == NULL ? &none : options;
    uint32_t counts[MW_MAX_PASSES] = {0};

    MWI_TRY(check_names(ctx, o->only, o->n_only));
    MWI_TRY(check_names(ctx, o->skip, o->n_skip));
    MWI_TRY(mwi_mark_open_dims(ctx, model));
    MWI_TRY(run_rounds(ctx, model, flags, o, counts));
    /* Constants that nobody ever read go even where no pass changed anything. */
    if ((flags & MWI_PASS_OPTIMIZE) != 0 && o->only == NULL)
        MWI_TRY(mwi_model_sweep(ctx, model, NULL));
    if (report == NULL) return MW_OK;
    report->n_passes = 0;
    for (size_t i = 0; mwi_passes[i] != NULL && i < MW_MAX_PASSES; i++)
        if (counts[i] > 0)
            report->passes[report->n_passes++] = (mw_pass_count){mwi_passes[i]->name, counts[i]};
    return MW_OK;
}
