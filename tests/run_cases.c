/* tests/run_cases.c - runs cases of stored_case.h for tests/differential/fuzz.py.
 * Usage: run_cases KERNELS: reads paths from standard input, a line each, and answers each with a
 * line: "ok" and tab-separated results "RUN OUTPUT TYPE DIMS HEX", or "refused", a tab, and why.
 * KERNELS is a pattern of names, "" for the best.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/ctx.h"
#include "model/graph.h"
#include "stored_case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct answer {
    char *text;
    size_t bytes;
    FILE *to;
} answer;

static mw_status print_output(mw_ctx *ctx, const stored_case *c, size_t run, size_t i, FILE *to)
{
    mw_buffer b;

    MWI_TRY(mw_session_output(ctx, c->session, i, &b));
    (void)fprintf(to, "\t%zu %zu %s ", run, i, mwi_dtype_short(b.info.dtype));
    for (int32_t k = 0; k < b.info.rank; k++)
        (void)fprintf(to, "%s%d", k > 0 ? "," : "", b.info.dims[k]);
    (void)fputc(' ', to);
    for (size_t k = 0; k < b.bytes; k++)
        (void)fprintf(to, "%02x", ((const unsigned char *)b.data)[k]);
    return MW_OK;
}

static mw_status run_all(mw_ctx *ctx, stored_case *c, FILE *to)
{
    const size_t n_runs = stored_case_n_runs(c);

    for (size_t r = 0; r < n_runs; r++) {
        MWI_TRY(stored_case_run(ctx, c, r));
        for (size_t i = 0; i < mw_session_n_outputs(c->session); i++)
            MWI_TRY(print_output(ctx, c, r, i, to));
    }
    return MW_OK;
}

static void answer_one(const char *path, const char *kernels)
{
    answer a = {0};
    stored_case c = {0};
    mw_ctx *ctx;

    if (mw_ctx_create(NULL, &ctx) != MW_OK) exit(1);
    a.to = open_memstream(&a.text, &a.bytes);
    if (a.to == NULL) exit(1);
    mw_status st = stored_case_open(ctx, path, kernels, &c);
    if (st == MW_OK) st = run_all(ctx, &c, a.to);
    (void)fclose(a.to);
    if (st == MW_OK)
        (void)printf("ok%s\n", a.text);
    else
        (void)printf("refused\t%s\n", mw_ctx_error(ctx));
    (void)fflush(stdout);
    free(a.text);
    stored_case_close(&c);
    mw_ctx_destroy(ctx);
}

int main(int argc, char **argv)
{
    char path[4096];

    if (argc != 2) return 2;
    while (fgets(path, sizeof path, stdin) != NULL) {
        path[strcspn(path, "\n")] = '\0';
        answer_one(path, argv[1][0] == '\0' ? NULL : argv[1]);
    }
    return 0;
}
