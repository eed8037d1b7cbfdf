/* tests/resave.c - reads models and writes them again, nothing between: for tests that compare the
 * two in other programs. Usage: resave IN OUT [IN OUT ...]; a line for each that fails, and status
 * 1.
 * Depends: the public API.   SPDX-License-Identifier: Apache-2.0 */
#include <milliwatt/milliwatt.h>

#include <stdio.h>

static mw_status resave(mw_ctx *ctx, const char *in, const char *out)
{
    mw_model *m = NULL;
    mw_status st = mw_model_load(ctx, in, NULL, &m);

    if (st == MW_OK) st = mw_model_save(ctx, m, out);
    mw_model_destroy(m);
    return st;
}

int main(int argc, char **argv)
{
    int failed = 0;
    mw_ctx *ctx;

    if (argc < 3 || argc % 2 == 0 || mw_ctx_create(NULL, &ctx) != MW_OK) {
        (void)fprintf(stderr, "usage: resave IN OUT [IN OUT ...]\n");
        return 2;
    }
    for (int i = 1; i + 1 < argc; i += 2) {
        if (resave(ctx, argv[i], argv[i + 1]) == MW_OK) continue;
        (void)printf("%s: %s\n", argv[i], mw_ctx_error(ctx));
        mw_ctx_clear(ctx);
        failed = 1;
    }
    mw_ctx_destroy(ctx);
    return failed;
}
