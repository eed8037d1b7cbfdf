/* tests/optimize_fuzz.c - a model from hostile bytes through all passes: what could be planned
 * before can be planned after. Running is left to other tests: hostile shapes may take long.
 * SPDX-License-Identifier: Apache-2.0 */
#include <milliwatt/milliwatt.h>

#include "base/ctx.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good, const mw_ctx *ctx, const char *what)
{
    if (good) return;
    (void)fprintf(stderr, "%s: %s\n", what, mw_ctx_error(ctx));
    abort();
}

static bool plans(mw_ctx *ctx, const mw_model *m)
{
    mw_session *s;

    if (mw_session_create(ctx, m, NULL, &s) != MW_OK) return false;
    mw_session_destroy(s);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const mw_ctx_options options = {
        .limits = {.max_memory_bytes = 64 << 20, .max_loop_iterations = 100}};
    mw_model *m = NULL, *o = NULL;
    mw_ctx *ctx;

    if (mw_ctx_create(&options, &ctx) != MW_OK) return 0;
    if (mw_model_load_memory(ctx, data, size, "fuzz", NULL, &m) == MW_OK) {
        const bool planned = plans(ctx, m);
        mw_ctx_clear(ctx);
        const mw_status st = mw_optimize(ctx, m, NULL, &o, NULL);
        must(st == MW_OK || !planned || st == MW_ELIMIT, ctx,
             "a model that can be planned is not optimised");
        if (st == MW_OK)
            must(plans(ctx, o) || !planned || mw_ctx_error_status(ctx) == MW_ELIMIT, ctx,
                 "optimised, it cannot be planned");
    }
    mw_model_destroy(o);
    mw_model_destroy(m);
    mw_ctx_destroy(ctx);
    return 0;
}
