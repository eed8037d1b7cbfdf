/* tests/support.c - see support.h.   SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

mw_ctx *test_ctx(void)
{
    mw_ctx *ctx = NULL;
    assert_int_equal(mw_ctx_create(NULL, &ctx), MW_OK);
    return ctx;
}

void test_assert_ok(mw_ctx *ctx, mw_status status, const char *what, const char *file, int line)
{
    if (status == MW_OK) return;
    print_error("%s:%d: %s: %s: %s\n", file, line, what, mw_status_name(status), mw_ctx_error(ctx));
    _fail(file, line);
}

void test_fill_any(mw_dtype dtype, void *data, size_t bytes, mwi_rng *rng)
{
    static const mw_string texts[] = {{NULL, 0},           {"a", 1},   {"red", 3}, {"two words", 9},
                                      {" a b  c d e", 11}, {"x\0y", 3}};

    if (dtype == MW_STRING)
        for (size_t i = 0; i < bytes / sizeof(mw_string); i++)
            ((mw_string *)data)[i] = texts[mwi_rng_below(rng, MWI_COUNT(texts))];
    else
        for (size_t i = 0; i < bytes; i++) ((uint8_t *)data)[i] = (uint8_t)mwi_rng_next(rng);
}

const char *test_shared_dir(void)
{
    const char *const from_env = getenv("MW_SHARED");
    const char *const dir = from_env != NULL ? from_env : MW_SHARED_DIR;
    struct stat info;
    return stat(dir, &info) == 0 && S_ISDIR(info.st_mode) ? dir : NULL;
}

const char *test_source_dir(void) { return MW_SOURCE_DIR; }

void test_skip(const char *why)
{
    (void)printf("skipped: %s\n", why);
    exit(77);
}
