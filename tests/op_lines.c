/* tests/op_lines.c - lines of op_case.h from standard input, for the script that compares with
 * LiteRT. Usage: op_lines FOLDER: for the i-th line writes FOLDER/i.tflite and prints "i" and the
 * results, or "i ! why".
 * SPDX-License-Identifier: Apache-2.0 */
#include "op_case.h"

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    char line[65536], path[4096];

    if (argc != 2) return 2;
    for (size_t i = 0; fgets(line, sizeof line, stdin) != NULL; i++) {
        mw_ctx *ctx;
        line[strcspn(line, "\n")] = '\0';
        (void)snprintf(path, sizeof path, "%s/%zu.tflite", argv[1], i);
        if (mw_ctx_create(NULL, &ctx) != MW_OK) return 1;
        (void)printf("%zu", i);
        if (op_case_save(ctx, line, path) != MW_OK || op_case_print(ctx, line, stdout) != MW_OK)
            (void)printf(" ! %s", mw_ctx_error(ctx));
        (void)printf("\n");
        mw_ctx_destroy(ctx);
    }
    return 0;
}
