/* passes/passes.c - the list of passes, and running it until nothing changes.
 * Depends: passes/pass.  Used by: api/, compress/.   SPDX-License-Identifier: Apache-2.0 */
#include "passes/pass.h"

#include <string.h>

enum { MAX_ROUNDS = 20 };

#define MWI_PASS(id) extern const mwi_pass_desc mwi_pass_##id;
#include "passes/passes.def"
#undef MWI_PASS

const mwi_pass_desc *const mwi_passes[] = {
#define MWI_PASS(id) &mwi_pass_##id,
#include "passes/passes.def"
#undef MWI_PASS
    NULL,
};

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

static mw_status run_one(mw_ctx *ctx, mw_model *model, const mwi_pass_desc *pass, uint32_t *n)
{
    *n = 0;
    for (size_t g = 0; g < model->n_graphs; g++)
        MWI_TRY(mwi_prefix(ctx, pass->run(ctx, model, model->graphs[g], n), "pass %s", pass->name));
    if (*n == 0) return MW_OK;
    MWI_TRY(mwi_model_sweep(ctx, model, NULL));
    return mwi_prefix(ctx, mwi_model_verify(ctx, model), "after pass %s", pass->name);
}

mw_status mwi_passes_run(mw_ctx *ctx, mw_model *model, uint32_t flags,
                         const mw_optimize_options *options, mw_optimize_report *report)
{
    static const mw_optimize_options none;
    const mw_optimize_options *const o = options == NULL ? &none : options;
    uint32_t counts[MW_MAX_PASSES] = {0};
    bool again = true;

    MWI_TRY(check_names(ctx, o->only, o->n_only));
    MWI_TRY(check_names(ctx, o->skip, o->n_skip));
    for (int round = 0; round < MAX_ROUNDS && again; round++) {
        again = false;
        for (size_t i = 0; mwi_passes[i] != NULL; i++) {
            const mwi_pass_desc *const p = mwi_passes[i];
            uint32_t n;
            if ((p->flags & flags) == 0 || (round > 0 && (p->flags & MWI_PASS_ONCE) != 0)) continue;
            if (o->only != NULL && !named(o->only, o->n_only, p->name)) continue;
            if (named(o->skip, o->n_skip, p->name)) continue;
            MWI_TRY(run_one(ctx, model, p, &n));
            counts[i] += n;
            again = again || n > 0;
        }
    }
    if (report == NULL) return MW_OK;
    report->n_passes = 0;
    for (size_t i = 0; mwi_passes[i] != NULL && i < MW_MAX_PASSES; i++)
        if (counts[i] > 0)
            report->passes[report->n_passes++] = (mw_pass_count){mwi_passes[i]->name, counts[i]};
    return MW_OK;
}
